"""The app of ``airflow vendor-apis receive``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_provider.events.service import Service
from airflow_provider.events.settings import load
from airflow_provider.events.unlogged import PREFIX

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def create() -> ASGIApp:
    """Make the app, in each process of the server.

    :raises InvalidInput: an option has a value that it cannot have
    """
    service = Service(load())
    return Starlette(
        routes=[Mount(PREFIX, service.app)],
        lifespan=service.running,
    )

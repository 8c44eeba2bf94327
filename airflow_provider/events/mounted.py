"""The app that Airflow's API server mounts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fastapi import FastAPI

from airflow_provider.events.api import router
from airflow_provider.events.service import Service
from airflow_provider.events.settings import load
from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from fastapi import APIRouter

log = logging.getLogger(__name__)


def api_server_app(*pages: APIRouter) -> FastAPI:
    """Make the app. It has no receiver where the configuration says so, or cannot be used.

    It is FastAPI's because Airflow starts and stops no other app with its API server.

    :param pages: what people look at, behind Airflow's login
    """
    service = _service()
    app = FastAPI(
        title="Vendor APIs",
        openapi_url=None,
        redirect_slashes=False,
        lifespan=service.running if service else None,
    )
    # Deliveries are looked at here wherever they are received.
    for one in (router, *pages):
        app.include_router(one)
    if service is not None:
        app.mount("", service.app)
    return app


def _service() -> Service | None:
    try:
        settings = load()
        return Service(settings) if settings.receiver == "api-server" else None
    except InvalidInput as error:
        # The API server has to start all the same.
        log.error("Webhooks are not received: %s", error)
        return None

"""The app that Airflow's API server mounts."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import FastAPI

from airflow_provider.events.api import router
from airflow_provider.events.service import Service, keeping_up
from airflow_provider.events.settings import load
from airflow_provider.events.unlogged import Unlogged
from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from fastapi import APIRouter

    from airflow_provider.events.settings import Settings

T = TypeVar("T")

log = logging.getLogger(__name__)


def api_server_app(*pages: APIRouter) -> FastAPI:
    """Make the app. It has no receiver where the configuration says so, or cannot be used.

    With ``receiver = off``, and where the wallet cannot be made, it still tells the gaps of WebSockets and
    sweeps: no other process would.

    It is FastAPI's because Airflow starts and stops no other app with its API server.

    :param pages: what people look at, behind Airflow's login
    """
    settings = _or_none(load)
    service = None
    if settings is not None and settings.receiver == "api-server":
        service = _or_none(partial(Service, settings))
    app = FastAPI(
        title="Vendor APIs",
        openapi_url=None,
        redirect_slashes=False,
        lifespan=service.running if service else _lifespan(settings),
    )
    # Deliveries are looked at here wherever they are received.
    for one in (router, *pages):
        app.include_router(one)
    if service is not None:
        app.mount("", service.app)
    else:
        # Vendors may call here all the same: what they call has a secret in it.
        served = settings.webhook_connections if settings else ()
        app.router.default = Unlogged(app.router.default, served)
    return app


def _lifespan(settings: Settings | None) -> Any:
    if settings is None or settings.receiver == "process":
        return None

    def lifespan(app: Any) -> AbstractAsyncContextManager[None]:
        return keeping_up(settings)

    return lifespan


def _or_none(make: Callable[[], T]) -> T | None:
    try:
        return make()
    except InvalidInput as error:
        # The API server has to start all the same.
        log.error("Webhooks are not received: %s", error)
        return None

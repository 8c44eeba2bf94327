"""The app that Airflow's API server mounts."""

from __future__ import annotations

from fastapi import FastAPI

from airflow_provider.events.api import router
from airflow_provider.events.service import Service
from airflow_provider.events.settings import load


def api_server_app() -> FastAPI | None:
    """Make the app; None where nothing is to be mounted.

    It is FastAPI's because Airflow starts and stops no other app with its API server.

    :raises InvalidInput: an option has a value that it cannot have
    """
    settings = load()
    if settings.receiver == "off":
        return None
    service = Service(settings) if settings.receiver == "api-server" else None
    app = FastAPI(
        title="Vendor APIs",
        openapi_url=None,
        redirect_slashes=False,
        lifespan=service.running if service else None,
    )
    # Behind Airflow's login; deliveries are looked at here wherever they are received.
    app.include_router(router)
    if service is not None:
        app.mount("", service.app)
    return app

"""Acme's API as plain functions."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from airflow_provider.http.call import Call, Response, once, safe
from airflow_provider.http.model import VendorModel, parse
from airflow_provider.http.status import error_for_status


class AcmeMember(VendorModel):
    """A member.

    :param number: number of the member
    :param pin: what lets the member in
    """

    number: int
    pin: SecretStr


@safe
def opening_hours() -> Call[str]:
    """Ask when Acme is open."""
    return Call("GET", "hours", lambda response: str(_read(response)["hours"]))


@once
def add_member(name: str) -> Call[AcmeMember]:
    """Add a member, who gets a letter.

    :param name: name of the member
    """
    return Call(
        "POST",
        "members",
        lambda response: parse(AcmeMember, _read(response), status=response.status),
        json={"name": name},
        key=(name,),
    )


def _read(response: Response) -> Any:
    if error := error_for_status(response):
        raise error
    return response.json()

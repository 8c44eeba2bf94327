"""Where the ``next`` of a page leads. Only its query is ever used: requests go where the connection says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.exceptions import VendorProtocolError
from airflow_provider.http.urls import difference, query_of
from airflow_provider.mobadoo.answers import CREDENTIAL

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

REMEDY = (
    "Check the host of the connection: it must be the address by which the vendor knows itself, path and all."
)

SHORTEST_PART = 8
"""Characters of a secret that is looked for inside of other text."""

LONGEST_OFFSET = 20
"""Digits of an offset that is compared with another."""


def next_query(
    link: str, url: str, query: Mapping[str, str], *, secrets: Collection[str] = ()
) -> dict[str, str]:
    """Return the query that asks for the next page, without the token.

    What the link leaves out stays as it was asked for: without the filter it would be a page of another list.

    :param link: the link, which may be relative
    :param url: where the page came from, without its query
    :param query: the query that the page was asked for by, without the token
    :param secrets: what no value of the query may have, whatever it is called
    :raises VendorProtocolError: it leads to another place, or to the same page or one before
    """
    try:
        other, given = difference(url, link), query_of(link)
    except ValueError:
        raise VendorProtocolError('"next" of a page is no URL', remedy=REMEDY) from None
    if other is not None:
        raise VendorProtocolError(
            f'"next" of a page leads to another {other} than the list has, and is not followed', remedy=REMEDY
        )
    given = {
        name: value
        for name, value in given.items()
        if name.lower() != CREDENTIAL and not _has_secret(value, secrets)
    }
    kept = {name: value for name, value in query.items() if name != "offset"}
    found = {**kept, **given}
    if not _moves(found, query):
        raise VendorProtocolError(
            '"next" of a page leads to that page or to one before: nobody can tell whether there are more'
        )
    return found


def _has_secret(value: str, secrets: Collection[str]) -> bool:
    # A short secret may be a part of anything, like an offset.
    return any(value == one or (len(one) >= SHORTEST_PART and one in value) for one in secrets)


def _moves(found: Mapping[str, str], query: Mapping[str, str]) -> bool:
    before, after = ({"offset": "0", **one} for one in (query, found))
    if before == after:
        return False
    offsets = before.pop("offset"), after.pop("offset")
    # A number of thousands of digits is no offset, and Python does not read it.
    numbers = all(one.isdecimal() and len(one) <= LONGEST_OFFSET for one in offsets)
    back = numbers and int(offsets[1]) <= int(offsets[0])
    return not (back and before == after)

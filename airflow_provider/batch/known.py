"""Records to change whose values the vendor has already: an earlier batch sent them, or a query read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


def _none_is_read_only(name: str, value: Any) -> bool:
    return False


def _all_again(given: Collection[str]) -> Collection[str]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Known:
    """What an update does with a record whose values the vendor has already.

    Its ``defaults`` win over such values, except where ``fields`` names one. A record is known if an earlier
    batch left its identifier, or if it has a mark.

    :param marks: fields that only the vendor's answers have, dots leading into nested ones
    :param read_only: says of a field and its value that the vendor does not take it back. Such a field is
        left out where the vendor takes any, unless the Dag author names it
    :param not_again: returns the parameters whose values are not sent again. It is given those that have a
        value by ``fields`` or ``defaults``, which are sent in any case
    """

    marks: Collection[str] = ()
    read_only: Callable[[str, Any], bool] = _none_is_read_only
    not_again: Callable[[Collection[str]], Collection[str]] = _all_again

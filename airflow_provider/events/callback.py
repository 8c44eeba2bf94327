"""A call that asks for something, in the words of this package: each vendor's room answers its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What a vendor asks.

    :param name: the last part of its address
    :param query: the parameters of its address, in clear; they may be secret
    :param body: its body as it came
    """

    name: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAnswer:
    """What is answered.

    :param json: the body, which may have a session; None: an empty one
    :param told: a message that becomes a delivery with its asset events before this is answered; None: none
    :param refused: whether the wallet has refused, for the counts
    """

    json: dict[str, Any] | None = field(default=None, repr=False)
    told: dict[str, Any] | None = field(default=None, repr=False)
    refused: bool = False

"""What is known about one trait of Mobadoo's API, and the switch that changes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from airflow_provider.sandbox.switches import Switch

Known = Literal["documented", "observed", "assumed"]

RESOURCES = "Resources page"
ODDS = "Odds article"
MATCH_LIST = "Odds article, 3.2"
WEBHOOK = "Webhook article"
MODELS = "Webhook article, 3.1"
TICKETS = "Webhook article, 3.2"
WALLET = "Wallet article"
ERRORS = "Wallet article, 7 (titles only)"
CONCEPTS = "Concepts article"
OPERATOR = "an operator's published code"
NOWHERE = "no source"
FRAMEWORK = "no source; as Django REST framework has it"

SOURCES = {
    RESOURCES: "https://mobadoo.com/recursos/",
    ODDS: "https://mobadoo.com/category/documentation/",
    WEBHOOK: "https://mobadoo.com/webhook/",
    WALLET: "https://mobadoo.com/wallet/",
    CONCEPTS: "https://mobadoo.com/concepts/",
    OPERATOR: "https://github.com/KarlaVirtual/back_test",
}


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait of the API.

    :param about: what it is, as a sentence
    :param known: whether the vendor's pages state it, a published program shows it, or it is a guess
    :param source: where it is stated or shown
    :param switch: what changes it here; None where it is fixed
    """

    about: str
    known: Known
    source: str
    switch: Switch | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the trait for the control API."""
        shown: dict[str, Any] = {"trait": self.about, "known": self.known, "source": self.source}
        if self.switch is not None:
            shown |= {"switch": self.switch.name, "default": self.switch.default}
            if self.switch.choices:
                shown["choices"] = list(self.switch.choices)
        return shown


def fact(about: str, known: Known, source: str) -> Trait:
    """Return a trait that no switch changes."""
    return Trait(about, known, source)


def trait(
    about: str, known: Known, source: str, name: str, default: bool | int | str, does: str, **limits: Any
) -> Trait:
    """Return a trait with its switch.

    :param about: what it is, as a sentence
    :param known: how well it is known
    :param source: where it is stated or shown
    :param name: the switch without the vendor's name
    :param default: the switch's value at the start
    :param does: what the switch does
    :param limits: more of :class:`Switch`, such as ``choices``
    """
    return Trait(
        about, known, source, Switch(f"mobadoo.{name}", default, does, f"{known}: {source}", **limits)
    )

"""Named switches: every trait of a vendor that its pages do not document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider.sandbox.messages import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Value = bool | int | str


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch.

    :param name: ``<vendor>.<trait>``
    :param default: its value at the start; its type is the only type accepted
    :param description: what it does
    :param stands_for: what the vendor's pages leave open, or the fact that it configures
    :param choices: the values accepted, if they are few
    :param minimum: the lowest number accepted
    :param maximum: the highest number accepted
    :param secret: whether the value is a credential
    :param timezone: whether the value must name a time zone
    :param strict: its value while ``<vendor>.strict`` is on; None if that does not concern it
    """

    name: str
    default: Value
    description: str
    stands_for: str
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int | None = None
    secret: bool = False
    timezone: bool = False
    strict: Value | None = None

    def check(self, value: Any) -> Value:
        """Return ``value`` if it fits, else raise :class:`Refused`."""
        wanted = type(self.default)
        # bool is an int for Python, but not for somebody who reads a switch.
        if type(value) is not wanted:
            self._refuse(value, f"a {_TYPE_NAMES[wanted]}")
        if self.choices and value not in self.choices:
            self._refuse(value, "one of " + ", ".join(map(repr, self.choices)))
        if wanted is int and value < self.minimum:
            self._refuse(value, f"{self.minimum} or more")
        if wanted is int and self.maximum is not None and value > self.maximum:
            self._refuse(value, f"{self.maximum} or less")
        if self.timezone:
            try:
                ZoneInfo(value)
            except (ValueError, OSError, LookupError):
                self._refuse(value, "a time zone name such as 'America/Bogota'")
        checked: Value = value
        return checked

    def _refuse(self, value: Any, wanted: str) -> None:
        raise Refused(f"Switch '{self.name}' got {value!r}; send {wanted}")


_TYPE_NAMES: dict[type, str] = {bool: "true or false", int: "whole number", str: "string"}


def status_switch(name: str, default: int, description: str, stands_for: str) -> Switch:
    """Return a switch that holds an HTTP status."""
    return Switch(name, default, description, stands_for, minimum=200, maximum=599)


class Switches:
    """All switches with their values.

    :param switches: the definitions
    """

    def __init__(self, switches: Iterable[Switch]) -> None:
        self.known = {switch.name: switch for switch in switches}
        self.values: dict[str, Value] = {}
        self.reset()

    def __getitem__(self, name: str) -> Any:
        """Return the value in force, which is the strict one while the vendor is strict."""
        strict = self.known[name].strict
        if strict is not None and self.values[f"{name.partition('.')[0]}.strict"]:
            return strict
        return self.values[name]

    def reset(self) -> None:
        """Bring every switch back to its default."""
        self.values = {name: switch.default for name, switch in self.known.items()}

    def update(self, values: Mapping[str, Any]) -> None:
        """Set several switches, all or none.

        :param values: new values by name
        :raises Refused: if a name is unknown or a value does not fit
        """
        unknown = sorted(set(values) - set(self.known))
        if unknown:
            known = ", ".join(sorted(self.known))
            raise Refused(f"Unknown switch {', '.join(map(repr, unknown))}; the known ones are: {known}")
        self.values.update({name: self.known[name].check(value) for name, value in values.items()})

    def describe(self) -> list[dict[str, Any]]:
        """Return every switch with its value, default, description and what it stands for."""
        return [
            {
                "name": switch.name,
                "value": self.values[switch.name],
                "default": switch.default,
                "description": switch.description,
                "stands_for": switch.stands_for,
                **({"choices": list(switch.choices)} if switch.choices else {}),
                **({} if switch.strict is None else {"strict": switch.strict}),
            }
            for switch in self.known.values()
        ]

    def secrets(self) -> list[str]:
        """Return the credentials configured at the moment."""
        return [str(self.values[name]) for name, switch in self.known.items() if switch.secret]

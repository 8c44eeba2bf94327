"""What a request's body holds, checked as it is read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Refusal(Exception):
    """A call that wolkvox refuses.

    :param trait: names the switches that hold its code and text
    """

    def __init__(self, trait: str) -> None:
        super().__init__(trait)
        self.trait = trait


class Body:
    """The fields of a body, or of an object inside it.

    :param values: the fields
    :param switch: returns the value of one of wolkvox's switches
    """

    def __init__(self, values: dict[str, Any], switch: Callable[[str], Any]) -> None:
        self.values = values
        self.switch = switch

    def required(self, name: str) -> Any:
        """Return a value that must be there and not be empty."""
        value = self.values.get(name)
        if value is None or value in ("", [], {}):
            raise Refusal("missing_parameter")
        return value

    def text(self, name: str) -> str:
        """Return a required text."""
        value = self.required(name)
        if not isinstance(value, str):
            raise Refusal("invalid_parameter")
        return value

    def object(self, name: str) -> dict[str, Any]:
        """Return a required object."""
        value = self.required(name)
        if not isinstance(value, dict):
            raise Refusal("invalid_parameter")
        return value

    def objects(self, name: str, most: int) -> list[dict[str, Any]]:
        """Return a required list of objects.

        :param most: how many it may hold; 0 sets no limit
        """
        value = self.required(name)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise Refusal("invalid_parameter")
        if 0 < most < len(value):
            raise Refusal("invalid_parameter")
        return value

    def whole(self, name: str, default: int) -> int:
        """Return a number above 0, which may come as text; the default if there is none."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, str) and value.isdecimal() and len(value) < 10:
            value = int(value)
        if type(value) is not int or value < 1:
            raise Refusal("invalid_parameter")
        return value

    def moment(self, name: str, form: str) -> datetime:
        """Return a required date.

        :param form: its documented form
        """
        text = self.text(name)
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - the vendor's dates name no time zone
        except ValueError:
            moment = None
        if moment is not None and moment.strftime(form) == text:
            return moment
        if not self.switch("strict_dates"):
            try:
                return datetime.fromisoformat(text).replace(tzinfo=None)
            except ValueError:
                pass
        raise Refusal("invalid_parameter")

    def attachments(self) -> dict[str, Any]:
        """Return the attachments under their name; nothing if there are none."""
        value = self.values.get("attachments")
        if value is None:
            return {}
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Refusal("invalid_parameter")
        return {"attachments": value}

"""What a request's body holds, checked as it is read."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.wolkvox.attachments import is_attachment

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
        """Return a value that must be there, and be neither empty nor blank."""
        value = self.values.get(name)
        if value is None or value in ("", [], {}) or (isinstance(value, str) and not value.strip()):
            raise Refusal("missing_parameter")
        return value

    def text(self, name: str) -> str:
        """Return a required text."""
        value = self.required(name)
        if not isinstance(value, str):
            raise Refusal("invalid_parameter")
        return value

    def words(self, name: str) -> str:
        """Return the text of a required text or number."""
        return self._plain(self.required(name))

    def sought(self, name: str) -> str:
        """Return the text of a text or number that is looked for; it may be empty."""
        if name not in self.values:
            raise Refusal("missing_parameter")
        value = self.values[name]
        if not isinstance(value, str) and self.switch("numbers_in_queries") == "refuse":
            raise Refusal("invalid_parameter")
        text = self._plain(value)
        if not text.strip() and self.switch("empty_query_value") == "refuse":
            raise Refusal("missing_parameter")
        return text

    def _plain(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Refusal("invalid_parameter")
        return value if isinstance(value, str) else json.dumps(value)

    def texts(self, name: str) -> list[str]:
        """Return a required list of texts, none of them empty."""
        value = self.required(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Refusal("invalid_parameter")
        if not all(one.strip() for one in value):
            raise Refusal("missing_parameter")
        return value

    def within(self, name: str) -> Body:
        """Return a required object as a body of its own."""
        return Body(self.object(name), self.switch)

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

    def range(self, first: str, last: str, form: str) -> tuple[datetime, datetime]:
        """Return two required dates.

        :param first: the name of the earlier one
        :param last: the name of the later one
        :param form: their documented form
        """
        begin, end = self.moment(first, form), self.moment(last, form)
        if end < begin and self.switch("reversed_dates") == "refuse":
            raise Refusal("invalid_parameter")
        return begin, end

    def attachments(self) -> dict[str, Any]:
        """Return the attachments under their name; nothing if there are none."""
        return {} if self.values.get("attachments") is None else {"attachments": self.files("attachments")}

    def files(self, name: str) -> list[str]:
        """Return a required list of files."""
        value = self.required(name)
        form = self.switch("attachments")
        if not isinstance(value, list) or not all(is_attachment(one, form) for one in value):
            raise Refusal("invalid_parameter")
        return value

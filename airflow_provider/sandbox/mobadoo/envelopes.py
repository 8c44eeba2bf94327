"""The messages that Mobadoo sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

INVENTED = "SIMULATOR"


class Envelopes:
    """Write messages as the switches say.

    :param switch: returns the value of one of Mobadoo's switches
    """

    def __init__(self, switch: Callable[[str], Any]) -> None:
        self.switch = switch

    def model(self, entity: str, videogame: str, result: dict[str, Any]) -> dict[str, Any]:
        """Return a message about a changed model."""
        return {
            **self._kind("MODEL", "message"),
            "entity": entity,
            "origin": self.switch("origin"),
            "videogame": videogame,
            "result": result,
        }

    def ticket(self, session: Any, ticket: dict[str, Any]) -> dict[str, Any]:
        """Return a message about a changed ticket.

        :param session: the hash of the player's session
        :param ticket: the ticket
        """
        return {**self._kind("TICKET", "type"), "hash": session, "ticket": ticket}

    def live_odds(self, videogame: str, match: int | str, odds: dict[str, Any]) -> dict[str, Any]:
        """Return a message about odds of a running match; its form is invented."""
        result = {"match_id": match, **odds}
        return {"message": "LIVE_ODDS", "origin": INVENTED, "videogame": videogame, "result": result}

    def notice(self) -> dict[str, Any] | None:
        """Return the message that asks a customer to read everything anew; None where there is none."""
        # Nothing public shows it: each form says itself that it is invented.
        forms: dict[str, dict[str, Any] | None] = {
            "message": {"message": "DESYNC", "origin": INVENTED},
            "type": {"type": "DESYNCHRONIZED", "origin": INVENTED},
            "entity": {
                **self._kind("MODEL", "message"),
                "entity": "Desync",
                "origin": INVENTED,
                "videogame": "",
                "result": {},
            },
            "none": None,
        }
        return forms[self.switch("desync_notice")]

    def _kind(self, family: str, seen: str) -> dict[str, str]:
        where = self.switch("discriminator")
        keys = {"as seen": (seen,), "both": ("message", "type")}.get(where, (where,))
        return dict.fromkeys(keys, f"{family}_{self.switch('event_spelling')}")

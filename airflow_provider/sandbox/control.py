"""The control API below ``/_sandbox``."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.clock import iso
from airflow_provider.sandbox.faults import LONGEST_WAIT, NUMBER, read_fault
from airflow_provider.sandbox.messages import Answer, Number, Refused, Request, json_answer
from airflow_provider.sandbox.vendor import field

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.state import Sandbox


class Control:
    """Serve the control API.

    :param sandbox: the application it controls
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.routes: dict[str, dict[str, Callable[[Request], Any]]] = {
            "health": {"GET": lambda request: {"ok": True}},
            "connections": {"GET": lambda request: sandbox.connections()},
            "state": {"GET": self.state},
            "requests": {"GET": self.requests, "DELETE": self.forget_requests},
            "messages": {"GET": lambda request: {"messages": sandbox.journal.messages}},
            "secrets": {"GET": lambda request: {"secrets": list(sandbox.journal.secrets)}},
            "faults": {"GET": self.faults, "POST": self.add_fault, "DELETE": self.clear_faults},
            "switches": {"GET": self.switches, "PUT": self.change_switches},
            "clock": {"GET": self.clock, "POST": self.change_clock},
            "latency": {"GET": self.latency, "PUT": self.change_latency},
            "reset": {"POST": self.reset},
        }

    async def serve(self, request: Request) -> Answer:
        """Answer one control request.

        :raises Refused: if it cannot be carried out
        """
        path = request.path.rstrip("/")
        methods = self.routes.get(path)
        if methods is not None:
            if request.method not in methods:
                allowed = " or ".join(methods)
                return json_answer(405, {"error": f"'{path}' got {request.method}; send {allowed}"})
            return json_answer(200, methods[request.method](request))
        name, _, rest = path.partition("/")
        vendor = self.sandbox.vendors.get(name)
        found = vendor and vendor.control(request.method, rest, _object(request))
        if inspect.isawaitable(found):
            found = await found
        if found is None:
            known = ", ".join(self.routes)
            return json_answer(404, {"error": f"Nothing is served at '{path}'; the known paths are: {known}"})
        return json_answer(200, found)

    def state(self, request: Request) -> dict[str, Any]:
        """Return what the vendors hold."""
        vendors = self.sandbox.vendors
        counts = {name: self.sandbox.journal.counts[name] for name in vendors}
        return {**{name: vendor.state() for name, vendor in vendors.items()}, "requests": counts}

    def requests(self, request: Request) -> dict[str, Any]:
        """Return the requests received, oldest first."""
        query = request.query
        _known(query, ("vendor", "path", "after"), "query parameter")
        after = query.get("after", "0")
        if not after.isdecimal():
            raise Refused(f"Query parameter 'after' got {after!r}; send the number of a request")
        vendor = query.get("vendor")
        if vendor is not None and vendor not in self.sandbox.vendors:
            known = ", ".join(self.sandbox.vendors)
            raise Refused(f"Query parameter 'vendor' got {vendor!r}; send one of {known}")
        return {
            "requests": [
                entry.as_json()
                for entry in self.sandbox.journal.entries
                if entry.number > int(after)
                and vendor in (None, entry.vendor)
                and entry.request.path.endswith(query.get("path", ""))
            ]
        }

    def forget_requests(self, request: Request) -> dict[str, Any]:
        """Empty the request log; numbers and counters go on."""
        self.sandbox.journal.entries.clear()
        return {"requests": []}

    def faults(self, request: Request) -> dict[str, Any]:
        """Return all faults with what is left of them."""
        return {"faults": [fault.as_json() for fault in self.sandbox.faults.faults]}

    def add_fault(self, request: Request) -> dict[str, Any]:
        """Add a fault."""
        return {"id": self.sandbox.faults.add(read_fault(_object(request), self.sandbox.vendors))}

    def clear_faults(self, request: Request) -> dict[str, Any]:
        """Remove all faults."""
        self.sandbox.faults.clear()
        return self.faults(request)

    def switches(self, request: Request) -> Any:
        """Return all switches."""
        if request.query.get("describe", "0") not in ("", "0", "false"):
            return {"switches": self.sandbox.switches.describe()}
        return self.sandbox.switches.values

    def change_switches(self, request: Request) -> Any:
        """Set some switches."""
        self.sandbox.switches.update(_object(request))
        self.sandbox.switched()
        return self.sandbox.switches.values

    def clock(self, request: Request) -> dict[str, Any]:
        """Return the sandbox's time."""
        clock = self.sandbox.clock
        return {"now": iso(clock.seconds()), "frozen": clock.frozen}

    def change_clock(self, request: Request) -> dict[str, Any]:
        """Move, stop or start the clock."""
        value = _object(request)
        _known(value, ("now", "advance", "freeze"), "field")
        clock = self.sandbox.clock
        moment = field(value, "now", str, "an ISO 8601 time such as '2026-01-31T23:59:00Z'", None)
        freeze = field(value, "freeze", bool, "true or false", None)
        hint = "seconds that stay between the years 1971 and 9000"
        seconds = clock.seconds() if moment is None else _moment(moment)
        seconds += field(value, "advance", NUMBER, hint, 0)
        if not 31_536_000 <= seconds <= 220_000_000_000:
            raise Refused(f"Fields 'now' and 'advance' led to {seconds} seconds after 1970; send {hint}")
        # Stopped first, so that "now" together with "freeze" is the exact moment.
        if freeze is not None:
            clock.freeze(freeze)
        if moment is not None or "advance" in value:
            clock.set(seconds)
        return self.clock(request)

    def latency(self, request: Request) -> dict[str, Any]:
        """Return how much longer every vendor answer takes."""
        return {"seconds": self.sandbox.latency}

    def change_latency(self, request: Request) -> dict[str, Any]:
        """Make every vendor answer take longer."""
        value = _object(request)
        _known(value, ("seconds",), "field")
        hint = f"a number from 0 to {LONGEST_WAIT:.0f}"
        seconds = field(value, "seconds", NUMBER, hint)
        if not 0 <= seconds <= LONGEST_WAIT:
            raise Refused(f"Field 'seconds' got {seconds}; send {hint}")
        self.sandbox.latency = float(seconds)
        return self.latency(request)

    def reset(self, request: Request) -> dict[str, Any]:
        """Bring everything back to the start."""
        self.sandbox.reset()
        return {"ok": True}


def _object(request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        value = json.loads(request.body, parse_float=Number)
    except (ValueError, RecursionError) as error:
        raise Refused(f"The body is not JSON ({error}); send a JSON object") from None
    if not isinstance(value, dict):
        raise Refused(f"The body is a JSON {type(value).__name__}; send a JSON object")
    return value


def _known(value: dict[str, Any], names: tuple[str, ...], what: str) -> None:
    for name in value:
        if name not in names:
            raise Refused(f"Unknown {what} {name!r}; the known ones are: {', '.join(names)}")


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"Field 'now' got {text!r}; send an ISO 8601 time such as '2026-01-31T23:59:00Z'"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

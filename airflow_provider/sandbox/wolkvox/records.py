"""The records of the simulated wolkvox CRM, by operation and module."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider.sandbox.messages import Refused
from airflow_provider.sandbox.vendor import field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider.sandbox.clock import Clock

Record = dict[str, Any]

SECONDS = "%Y-%m-%d %H:%M:%S"
MOST_GENERATED = 100_000
# What the vendor writes itself: a client that sends these does not change them.
OWN = (
    "wolkvox_id",
    "wolkvox_usuario_creacion",
    "wolkvox_fecha_creacion",
    "wolkvox_origen",
    "wolkvox_ip_address",
)


class Records:
    """Keep records in the order in which they were created.

    :param clock: the sandbox's clock
    :param switch: returns the value of one of wolkvox's switches
    :param seed: random for each run
    """

    def __init__(self, clock: Clock, switch: Callable[[str], Any], seed: str) -> None:
        self.clock = clock
        self.switch = switch
        self.machine = hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest()[:10]
        self.made = 0
        self.modules: dict[tuple[str, str], dict[str, Record]] = {}

    def module(self, operation: str, module: str) -> dict[str, Record]:
        """Return the records of a module by wolkvox_id; it comes into being with its first record."""
        return self.modules.get((operation, module), {})

    def now(self) -> str:
        """Return the time as records hold it."""
        return self.clock.now(ZoneInfo(self.switch("records_timezone"))).strftime(SECONDS)

    def new_id(self) -> str:
        """Return an id: 24 hexadecimal digits, the time first."""
        self.made += 1
        return f"{int(self.clock.seconds()) & 0xFFFFFFFF:08x}{self.machine}{self.made & 0xFFFFFF:06x}"

    def create(self, operation: str, module: str, fields: Record) -> Record:
        """Create a record from what a client sent."""
        record = self._defaults(operation)
        record |= {name: value for name, value in fields.items() if name not in OWN}
        self.modules.setdefault((operation, module), {})[record["wolkvox_id"]] = record
        return record

    def change(self, operation: str, record: Record, fields: Record) -> None:
        """Change some fields of a record."""
        record |= {name: value for name, value in fields.items() if name not in OWN}
        record["wolkvox_fecha_modificacion"] = self.now()
        record["wolkvox_usuario_modificacion"] = f"sandbox@{operation}"

    def _defaults(self, operation: str) -> Record:
        user = f"sandbox@{operation}"
        return {
            "wolkvox_id": self.new_id(),
            "wolkvox_usuario_creacion": user,
            "wolkvox_fecha_creacion": self.now(),
            "wolkvox_origen": "api",
            "wolkvox_ip_address": "127.0.0.1",
            "wolkvox_owner": {
                "user": user,
                "nombre": "Sandbox",
                "id": self.machine + "0" * 14,
                "email": user,
            },
        }

    # control

    def counts(self) -> dict[str, int]:
        """Return how many records each module has, over all operations."""
        counts: dict[str, int] = {}
        for (_, module), records in self.modules.items():
            if records:
                counts[module] = counts.get(module, 0) + len(records)
        return counts

    def control(self, method: str, module: str, value: Any) -> Any:
        """Serve ``/_sandbox/wolkvox/records`` and ``/_sandbox/wolkvox/records/<module>``."""
        if (method, module) == ("POST", ""):
            return self._add(value)
        if method == "GET":
            if not module:
                return {"records": self.counts()}
            return {"records": [record for _, found in self._of(module) for record in found.values()]}
        if method == "DELETE":
            for key, _ in list(self._of(module)):
                del self.modules[key]
            return {"records": self.counts()}
        return None

    def _of(self, module: str) -> Iterator[tuple[tuple[str, str], dict[str, Record]]]:
        return (item for item in self.modules.items() if module in ("", item[0][1]))

    def _add(self, value: Any) -> dict[str, Any]:
        known = ("module", "operation", "records", "count", "fields")
        for name in value:
            if name not in known:
                raise Refused(f"Unknown field {name!r}; the known ones are: {', '.join(known)}")
        module = field(value, "module", str, "the module's name, such as 'contacts'")
        operation = field(value, "operation", str, "a string", self.switch("operation"))
        if not module:
            raise Refused("Field 'module' got ''; send the module's name, such as 'contacts'")
        if ("records" in value) == ("count" in value):
            raise Refused("Send one of the fields 'records' (a list of objects) and 'count' (a number)")
        if "count" in value:
            sent: list[Any] = list(_generated(value))
        else:
            if "fields" in value:
                raise Refused("Field 'fields' goes with 'count'; send the fields inside 'records'")
            sent = field(value, "records", list, "a list of objects")
        for record in sent:
            if not isinstance(record, dict) or not isinstance(record.get("wolkvox_id", ""), str):
                raise Refused(
                    f"Field 'records' got {record!r}; send objects, a wolkvox_id in them as a string"
                )
            _check_created(record)
        kept = self.modules.setdefault((operation, module), {})
        ids = []
        for record in sent:
            # Unlike a client, a test may say when a record was created and which id it has.
            whole = self._defaults(operation) | record
            kept[whole["wolkvox_id"]] = whole
            ids.append(whole["wolkvox_id"])
        return {"module": module, "created": len(ids), "wolkvox_ids": ids}


def _generated(value: Any) -> Iterator[Record]:
    count = field(value, "count", int, f"a whole number from 1 to {MOST_GENERATED}")
    if not 1 <= count <= MOST_GENERATED:
        raise Refused(f"Field 'count' got {count}; send a whole number from 1 to {MOST_GENERATED}")
    template = field(
        value, "fields", dict, "an object; {n} in its texts is the number", {"name": "Record {n}"}
    )
    for number in range(1, count + 1):
        yield {
            name: content.replace("{n}", str(number)) if isinstance(content, str) else content
            for name, content in template.items()
        }


def _check_created(record: Record) -> None:
    created = record.get("wolkvox_fecha_creacion", "2026-01-31 23:59:00")
    try:
        datetime.strptime(created, SECONDS)  # noqa: DTZ007 - as the vendor's records, it names no time zone
    except (TypeError, ValueError):
        raise Refused(
            f"Field 'wolkvox_fecha_creacion' got {created!r}; send a time such as '2026-01-31 23:59:00'"
        ) from None


def plain(value: Any) -> str:
    """Return the text by which a value is compared; of a typed one such as a telephone, its ``value``."""
    if isinstance(value, dict):
        value = value.get("value")
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def having(records: Iterable[Record], name: str, value: str, ignore_case: bool = False) -> list[Record]:
    """Return the records whose field has a value."""
    if ignore_case:
        value = value.casefold()
        return [one for one in records if name in one and plain(one[name]).casefold() == value]
    return [one for one in records if name in one and plain(one[name]) == value]

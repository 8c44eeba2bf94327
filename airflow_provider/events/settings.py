"""What Airflow's configuration says about events, in ``[vendor_apis]``: the options and their values.

The provider's metadata has the options from here, so importing this needs the standard library alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from airflow_provider.exceptions import InvalidInput

SECTION = "vendor_apis"

RECEIVERS = ("api-server", "process", "off")

LEAST = {"webhook_max_body_bytes": 1, "webhook_writers": 1, "webhook_queue": 1}
"""The least value of an option that is a number; 0 of all others."""

MOST = {"webhook_writers": 100, "webhook_repeat_window": 315_360_000, "webhook_keep_days": 36_500}
"""The greatest value of an option that has one: dates do not hold more seconds or days than so many."""

BOOLEANS = {
    "true": True,
    "t": True,
    "1": True,
    "yes": True,
    "false": False,
    "f": False,
    "0": False,
    "no": False,
}


def _option(description: str, type_: str, default: str, example: str | None = None) -> dict[str, Any]:
    return {
        "description": description,
        "version_added": "0.1.0",
        "type": type_,
        "example": example,
        "default": default,
    }


OPTIONS: dict[str, dict[str, Any]] = {
    "receiver": _option(
        "Where deliveries of webhooks are received: api-server (mounted in Airflow's API server), process "
        "(only by `airflow vendor-apis receive`) or off.",
        "string",
        "api-server",
        "process",
    ),
    "webhook_connections": _option(
        "Ids of the connections whose webhooks are received, with commas between. Empty: none.",
        "string",
        "",
        "acme_orders,acme_stock",
    ),
    "webhook_max_body_bytes": _option("Longest body of a delivery, in bytes.", "integer", "1048576"),
    "webhook_max_event_bytes": _option(
        "Longest payload that is stored and given to Dags, in bytes of JSON. Of a longer one they learn that "
        "it came.",
        "integer",
        "65536",
    ),
    "webhook_rate_limit": _option(
        "Most deliveries a minute of one connection; 0: no limit. More are answered 429.", "integer", "0"
    ),
    "webhook_repeat_window": _option(
        "Seconds within which a delivery that equals the latest one about the same thing is a repeat.",
        "integer",
        "3600",
    ),
    "webhook_keep_days": _option("Days after which deliveries are deleted; 0: never.", "integer", "30"),
    "webhook_writers": _option(
        "Threads of each process that store deliveries. Each commits all that wait at once.", "integer", "1"
    ),
    "webhook_queue": _option(
        "Most deliveries of a process that may wait to be stored. More are answered 503.", "integer", "1000"
    ),
    "callbacks": _option(
        "Whether calls that ask for something are answered, like those of a wallet. They bring the secret of "
        "the connection's webhook, and need the option wallet.",
        "boolean",
        "False",
    ),
    "wallet": _option(
        "Path of the class or function that makes the wallet which answers calls. It is called with the "
        "value of wallet_conn_id. The vendor's page says which ones there are.",
        "string",
        "",
        "my_company.wallet.Wallet",
    ),
    "wallet_conn_id": _option(
        "What the wallet is made with: the connection of its database. Empty: the wallets of this provider "
        "have their tables where the ledger has its own.",
        "string",
        "",
        "wallet",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the configuration says; the fields are called like the options, see :data:`OPTIONS`."""

    receiver: str
    webhook_connections: tuple[str, ...]
    webhook_max_body_bytes: int
    webhook_max_event_bytes: int
    webhook_rate_limit: int
    webhook_repeat_window: int
    webhook_keep_days: int
    webhook_writers: int
    webhook_queue: int
    callbacks: bool
    wallet: str
    wallet_conn_id: str


def load() -> Settings:
    """Read the configuration.

    :raises InvalidInput: an option has a value that it cannot have
    """
    from airflow.sdk import conf

    texts = {name: conf.get(SECTION, name, fallback=option["default"]) for name, option in OPTIONS.items()}
    return read(texts)


def read(texts: dict[str, str]) -> Settings:
    """Read values as they are in the configuration; a missing one is its default.

    :param texts: the values by the names of their options
    :raises InvalidInput: a value cannot be that of its option
    """
    values = {
        field.name: _value(field.name, (texts.get(field.name) or OPTIONS[field.name]["default"]).strip())
        for field in fields(Settings)
    }
    if values["callbacks"] and not values["wallet"]:
        raise _invalid("wallet", "is empty although callbacks is True: nobody would answer")
    return Settings(**values)


def _value(name: str, text: str) -> Any:
    if name == "receiver" and text not in RECEIVERS:
        raise _invalid(name, f"is none of {', '.join(RECEIVERS)}")
    if name == "webhook_connections":
        return tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
    if OPTIONS[name]["type"] == "boolean":
        if text.lower() not in BOOLEANS:
            raise _invalid(name, "is neither True nor False")
        return BOOLEANS[text.lower()]
    return _number(name, text) if OPTIONS[name]["type"] == "integer" else text


def _number(name: str, text: str) -> int:
    least = LEAST.get(name, 0)
    try:
        number = int(text)
    except ValueError:
        raise _invalid(name, "is no whole number") from None
    if number < least:
        raise _invalid(name, f"is less than {least}")
    if name in MOST and number > MOST[name]:
        raise _invalid(name, f"is more than {MOST[name]}")
    return number


def _invalid(name: str, fault: str) -> InvalidInput:
    return InvalidInput(
        f"[{SECTION}] {name} {fault}.",
        field=f"[{SECTION}] {name}",
        remedy=f"Correct it in airflow.cfg, or in the variable AIRFLOW__{SECTION.upper()}__{name.upper()}.",
    )

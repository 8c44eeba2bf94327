"""The fields of a connection, declared once.

A vendor's options are a frozen dataclass whose fields carry their place in the connection form. From this one
declaration come the form in the Airflow UI (:func:`connection_type`), the reading of a connection
(:meth:`VendorOptions.read`) and the errors, which name a field by the label that the person sees.

The module uses the standard library alone: ``import airflow`` loads it through ``get_provider_info``.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import unquote, urlsplit

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.given import given_values, place_of
from airflow_provider.http.hosts import base_url
from airflow_provider.http.parsers import (
    Parser,
    choice,
    number,
    page_url,
    port_number,
    proxy_url,
    text,
    verification,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection
    from pydantic import SecretStr

log = logging.getLogger(__name__)

STANDARD_FIELDS = ("host", "login", "password", "port", "schema")


def form_field(
    label: str,
    help: str,
    *,
    standard: str | None = None,
    parse: Parser = text,
    required: bool = False,
    secret: bool = False,
    default: Any = None,
    kind: str = "string",
    choices: tuple[str, ...] = (),
    placeholder: str | None = None,
    formerly: str | None = None,
) -> Any:
    """Declare a field of a connection.

    :param label: what the person sees, in the vendor's own words
    :param help: one sentence: what it is and where to find it
    :param standard: the standard connection field that holds it; by default an extra of the same name
    :param parse: reads the raw value, or raises ValueError saying what it expects
    :param required: whether a connection without it is an error
    :param secret: whether it is masked, kept out of every ``repr``, and checked to fit into a header
    :param default: its value where the connection has none
    :param kind: JSON schema type for the form
    :param choices: allowed values, shown as a list
    :param placeholder: example shown in the empty form
    :param formerly: an older name of the extra, which is read where the new one is not given
    """
    form = {
        "label": label,
        "help": help,
        "standard": standard,
        "parse": choice(*choices) if choices else parse,
        "required": required,
        "secret": secret,
        "kind": kind,
        "choices": choices,
        "placeholder": placeholder,
        "formerly": formerly,
    }
    return dataclasses.field(default=default, metadata={"form": form})


@dataclasses.dataclass(frozen=True, kw_only=True)
class VendorOptions:
    """What every vendor's connection has.

    :param conn_id: id of the connection
    :param base_url: where the vendor's API begins, without a slash at the end
    """

    conn_type: ClassVar[str]

    conn_id: str
    base_url: str
    port: int | None = form_field(
        "Port",
        "The port of the host, 443 for HTTPS. The Test button needs it.",
        standard="port",
        parse=port_number,
        kind="integer",
        placeholder="443",
    )
    timeout: float = form_field(
        "Timeout", "Seconds that one request may take.", parse=number(0.001), default=30.0, kind="number"
    )
    max_connections: int = form_field(
        "Maximum connections",
        "How many requests may be under way at once.",
        parse=number(1, whole=True),
        default=20,
        kind="integer",
    )
    requests_per_second: float | None = form_field(
        "Requests per second",
        "The pace that no client of this connection exceeds within one task. Empty: no limit.",
        parse=number(0.001),
        kind="number",
    )
    verify: bool | str = form_field(
        "Verify TLS certificate",
        "true, false, or the path of a file with the certificate authorities to trust.",
        parse=verification,
        default=True,
    )
    proxy: SecretStr | None = form_field(
        "Proxy",
        "URL of an HTTP proxy. Empty: as the environment of the worker says.",
        parse=proxy_url,
        secret=True,
    )

    web_url: str | None = form_field(
        "Web application",
        "Where the link to the vendor leads, beside a task. Empty: where people sign in, if that is known.",
        parse=page_url,
        placeholder="https://app.example.com",
    )

    def web_address(self, default: str) -> str:
        """Return where people sign in to the vendor's web application; empty where that is not known.

        :param default: where they do if the connection says nothing
        """
        return self.web_url or default

    @classmethod
    def forms(cls) -> dict[str, Mapping[str, Any]]:
        """Return the form of each field by the field's name, standard fields first."""
        found = {f.name: f.metadata["form"] for f in dataclasses.fields(cls) if "form" in f.metadata}
        own_first = sorted(found, key=lambda name: name in VendorOptions.__dataclass_fields__)
        return {name: found[name] for name in own_first}

    @classmethod
    def read(cls, connection: Connection) -> Self:
        """Read a connection.

        Of a connection of another type nothing is read: its secrets are for somebody else.

        :param connection: the Airflow connection
        :raises InvalidInput: it is of another type, or a field is missing or cannot be used; the error names
            it by its form label
        """
        try:
            _check_type(connection, cls.conn_type)
            forms = cls.forms()
            given = given_values(connection, forms)
            values = {
                name: value
                for name, form in forms.items()
                if (value := _value(name, form, given.get(name))) is not None
            }
            base_url = cls.find_base_url(connection, values)
            return cls(conn_id=connection.conn_id, base_url=base_url, **values)
        except InvalidInput as error:
            error.locate(vendor=cls.conn_type, conn_id=connection.conn_id)
            raise

    @classmethod
    def find_base_url(cls, connection: Connection, values: Mapping[str, Any]) -> str:
        """Work out where the API begins.

        :param connection: the Airflow connection
        :param values: the fields read so far, by name
        """
        return base_url(connection, label=cls.forms()["host"]["label"])

    def credentials(self) -> list[str]:
        """Return what the vendor knows the caller by, in clear: it tells whose quota is spent."""
        names = [name for name, form in self.forms().items() if form["secret"] or form["standard"] == "login"]
        values = [getattr(self, name) for name in names if name not in VendorOptions.__dataclass_fields__]
        return [getattr(value, "get_secret_value", lambda value=value: str(value))() for value in values]

    def secrets(self) -> list[str]:
        """Return the secrets of the connection in clear, and the parts of them that servers quote alone."""
        secret_names = [name for name, form in self.forms().items() if form["secret"]]
        values = [getattr(self, name) for name in secret_names]
        secrets = [value.get_secret_value() for value in values if value is not None]
        # "Basic dXNlcg==" may come back without its scheme.
        secrets += [secret.partition(" ")[2] for secret in secrets if " " in secret]
        if self.proxy is not None and (password := urlsplit(self.proxy.get_secret_value()).password):
            secrets += [password, unquote(password)]
        return secrets


def _check_type(connection: Connection, wanted: str) -> None:
    found = connection.conn_type
    if found == wanted:
        return
    # A text that is no name of a type may be a secret that went astray.
    shown = f'has type "{found}"' if found and re.fullmatch(r"\w{1,40}", found) else "has no usable type"
    raise InvalidInput(
        f'connection "{connection.conn_id}" {shown}, not "{wanted}": it belongs to something else.',
        field="Connection Type",
        remedy=f'Name a connection of type "{wanted}", or create one. Nothing of this one was read or sent.',
    )


def _value(name: str, form: Mapping[str, Any], raw: Any) -> Any:
    label = form["label"]
    if raw is None:
        if not form["required"]:
            return None
        raise InvalidInput(
            f'"{label}" is missing.',
            field=label,
            remedy=f"Fill it in ({place_of(name, form)}): {form['help']}",
        )
    try:
        value = form["parse"](raw)
    except ValueError as error:
        shape = f"{len(raw)} characters of text" if isinstance(raw, str) else f"a {type(raw).__name__}"
        raise InvalidInput(f'"{label}" must be {error}; it is {shape}.', field=label) from None
    if not form["secret"]:
        return value
    from pydantic import SecretStr

    from airflow_provider.http.call import check_header

    check_header(name, value, label=label)
    if form["standard"] is None and re.search(r"\s", value):
        log.warning(
            '"%s" (extra "%s") has a blank inside. In a connection URI a plus sign stands for a blank: write '
            "it as %%2B.",
            label,
            name,
        )
    return SecretStr(value)


def connection_type(options: type[VendorOptions], *, hook_name: str, hook_class: str) -> dict[str, Any]:
    """Render the form as Airflow's provider metadata wants it.

    :param options: the options of a vendor
    :param hook_name: what the form calls the type of the connection
    :param hook_class: path of the hook's class
    """
    fields: dict[str, Any] = {}
    relabeling: dict[str, str] = {}
    placeholders: dict[str, str] = {}
    used = {"extra"}
    for name, form in options.forms().items():
        if form["standard"]:
            used.add(form["standard"])
            relabeling[form["standard"]] = form["label"]
            placeholders[form["standard"]] = form["placeholder"] or form["help"]
            continue
        schema: dict[str, Any] = {"type": form["kind"] if form["required"] else [form["kind"], "null"]}
        if form["secret"]:
            schema["format"] = "password"
        if form["choices"]:
            schema["enum"] = list(form["choices"])
        # Told, not filled in: Airflow's form stores what it fills in, also when another field is changed.
        default = options.__dataclass_fields__[name].default
        told = "" if default is None else f" Default: {_shown(default)}"
        fields[name] = {"label": form["label"], "schema": schema, "description": form["help"] + told}
    return {
        "connection-type": options.conn_type,
        "hook-name": hook_name,
        "hook-class-name": hook_class,
        "conn-fields": fields,
        "ui-field-behaviour": {
            "hidden-fields": [name for name in (*STANDARD_FIELDS, "extra") if name not in used],
            "relabeling": relabeling,
            "placeholders": placeholders,
        },
    }


def _shown(default: Any) -> str:
    """Write a default as a person fills it in."""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)

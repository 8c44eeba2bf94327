from __future__ import annotations

import errno
import logging
import os
from typing import Any

import certifi
import pytest
from airflow.sdk import Connection

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.options import STANDARD_FIELDS, VendorOptions, connection_type
from airflow_provider.http.proxy import proxy_for
from airflow_provider.imbee.connection import ImbeeOptions
from airflow_provider.imbee.hooks import ImbeeHook
from airflow_provider.wolkvox.connection import WolkvoxOptions
from airflow_provider.wolkvox.hooks import WolkvoxHook
from tests.http.connections import IMBEE, SECRET, WOLKVOX, connection, imbee, read_uri, wolkvox

VENDORS: list[type[VendorOptions]] = [ImbeeOptions, WolkvoxOptions]


def base_of(options: type[VendorOptions]) -> dict[str, Any]:
    return IMBEE if options is ImbeeOptions else WOLKVOX


def with_value(options: type[VendorOptions], name: str, value: Any) -> Connection:
    """A complete connection with one field changed, wherever that field is kept."""
    base = base_of(options)
    standard = options.forms()[name]["standard"]
    if standard:
        return connection(base, **{standard: value})
    return connection(base, extra={**base["extra"], name: value})


def fields(*, required: bool | None = None) -> list[Any]:
    return [
        pytest.param(options, name, id=f"{options.conn_type}-{name}")
        for options in VENDORS
        for name, form in options.forms().items()
        if required is None or form["required"] is required
    ]


def test_a_minimal_connection_has_defaults_for_the_rest():
    options = imbee()
    assert (options.conn_id, options.base_url) == ("mine", "https://imbee.example.com")
    assert options.authorization.get_secret_value() == "Basic " + SECRET
    assert options.corporate_token.get_secret_value() == "corporate-" + SECRET
    assert (options.timeout, options.max_connections, options.requests_per_second) == (30.0, 20, None)
    assert (options.verify, options.proxy) == (True, None)


def test_a_wolkvox_connection_reads_its_own_fields():
    options = wolkvox({"information_method": "post", "quota_message": "agotado"})
    assert (options.operation, options.token.get_secret_value()) == ("demo", "token-" + SECRET)
    assert (options.information_method, options.quota_message) == ("POST", "agotado")


@pytest.mark.parametrize(("options", "name"), fields(required=True))
@pytest.mark.parametrize("value", [None, "", "   "])
def test_a_missing_field_is_named_by_its_label_and_where_to_fill_it_in(options, name, value):
    form = options.forms()[name]
    with pytest.raises(InvalidInput) as raised:
        options.read(with_value(options, name, value))
    error = raised.value
    assert error.field == form["label"]
    assert f'"{form["label"]}" is missing' in str(error)
    assert (form["standard"] or f'"{name}" in Extra') in error.remedy
    assert (error.vendor, error.conn_id) == (options.conn_type, "mine")


@pytest.mark.parametrize(("options", "name"), fields(required=False))
@pytest.mark.parametrize("value", [None, "", "   "])
def test_an_empty_optional_field_takes_its_default(options, name, value):
    read = options.read(with_value(options, name, value))
    assert getattr(read, name) == options.__dataclass_fields__[name].default


@pytest.mark.parametrize(
    ("options", "name", "value", "expected"),
    [
        (ImbeeOptions, "timeout", "soon-" + SECRET, "a number of at least"),
        (ImbeeOptions, "timeout", 0, "a number of at least"),
        (ImbeeOptions, "timeout", -1, "a number of at least"),
        (ImbeeOptions, "timeout", True, "a number of at least"),
        (ImbeeOptions, "timeout", "inf", "a number of at least"),
        (ImbeeOptions, "timeout", "nan", "a number of at least"),
        (ImbeeOptions, "timeout", [SECRET], "a number of at least"),
        pytest.param(ImbeeOptions, "timeout", 10**400, "a number of at least", id="timeout-endless"),
        (ImbeeOptions, "max_connections", 0, "a whole number of at least 1"),
        pytest.param(
            ImbeeOptions, "max_connections", 10**400, "a whole number of at least 1", id="connections-endless"
        ),
        (ImbeeOptions, "max_connections", 2.5, "a whole number of at least 1"),
        (ImbeeOptions, "max_connections", "many-" + SECRET, "a whole number of at least 1"),
        (ImbeeOptions, "requests_per_second", 0, "a number of at least"),
        (ImbeeOptions, "requests_per_second", SECRET, "a number of at least"),
        (ImbeeOptions, "verify", "/no/such/" + SECRET, "the path of a file"),
        (ImbeeOptions, "proxy", SECRET, "a URL like"),
        (ImbeeOptions, "proxy", "ftp://" + SECRET, "a URL like"),
        # Characters of a password that mean something else in a URL.
        (ImbeeOptions, "proxy", f"http://user:[{SECRET}]@proxy:3128", "a URL like"),
        (ImbeeOptions, "proxy", f"http://user:[{SECRET}@proxy:3128", "a URL like"),
        (ImbeeOptions, "proxy", f"http://user:℀{SECRET}@proxy:3128", "a URL like"),
        (ImbeeOptions, "proxy", f"http://user:{SECRET}#1@proxy:3128", "a URL like"),
        (ImbeeOptions, "proxy", f"http://user:1#{SECRET}@proxy:3128", "a URL like"),
        (ImbeeOptions, "proxy", f"http://user:1/{SECRET}@proxy:3128", "a URL like"),
        (ImbeeOptions, "proxy", f"http://user:1?{SECRET}@proxy:3128", "a URL like"),
        (ImbeeOptions, "proxy", f"http://{SECRET}:99999", "a URL like"),
        (ImbeeOptions, "proxy", f"http://{SECRET}:0", "a URL like"),
        (ImbeeOptions, "proxy", "http://", "a URL like"),
        (ImbeeOptions, "corporate_token", SECRET + "\n" + SECRET, "no HTTP header can carry"),
        (ImbeeOptions, "authorization", SECRET + "ñ", "no HTTP header can carry"),
        (WolkvoxOptions, "token", SECRET + "\r\nX: y", "no HTTP header can carry"),
        (WolkvoxOptions, "information_method", SECRET, "one of GET, POST"),
        (WolkvoxOptions, "quota_message", f"({SECRET}", "a regular expression"),
        (WolkvoxOptions, "concurrency_message", f"({SECRET}", "a regular expression"),
        (WolkvoxOptions, "maintenance_message", f"({SECRET}", "a regular expression"),
        (WolkvoxOptions, "refusal_message", f"({SECRET}", "a regular expression"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_by_its_label_and_not_shown(options, name, value, expected):
    label = options.forms()[name]["label"]
    with pytest.raises(InvalidInput) as raised:
        options.read(with_value(options, name, value))
    assert raised.value.field == label
    assert f'"{label}"' in str(raised.value)
    assert expected in str(raised.value)
    assert SECRET not in str(raised.value) + repr(raised.value)
    assert raised.value.__context__ is None or raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("timeout", "2.5", 2.5),
        ("timeout", 5, 5.0),
        ("max_connections", "7", 7),
        ("requests_per_second", "0.5", 0.5),
        ("verify", "false", False),
        ("verify", False, False),
        ("verify", "No", False),
        ("verify", "TRUE", True),
        ("verify", "1", True),
    ],
)
def test_values_may_come_as_text_from_a_uri(name, value, read):
    assert getattr(imbee({name: value}), name) == read


@pytest.mark.parametrize(
    "proxy",
    [
        "http://proxy.example.com",
        "https://proxy.example.com:3128/",
        "http://user:p@ss@proxy:3128",
        "http://user:p%23%2F%5B@proxy:3128",
        "http://user@[::1]:3128",
    ],
)
def test_a_proxy_is_taken_as_it_is_written(proxy):
    assert imbee({"proxy": proxy}).proxy.get_secret_value() == proxy


def test_a_file_of_certificates_that_cannot_be_read_is_named_by_its_label(monkeypatch, tmp_path):
    def refuse(**_: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (tmp_path / "ca.pem").write_text("")
    monkeypatch.setattr("ssl.create_default_context", refuse)
    with pytest.raises(InvalidInput, match=r"a file that can be read \(Permission denied\)") as raised:
        imbee({"verify": f"{tmp_path}/ca.pem"})
    assert raised.value.field == "Verify TLS certificate"
    assert str(tmp_path) not in str(raised.value)


def test_verify_may_be_the_path_of_a_file():
    assert imbee({"verify": f" {certifi.where()} "}).verify == certifi.where()


def test_a_plus_sign_that_became_a_blank_is_named(caplog):
    options = read_uri("imbee://:a+b@host/?corporate_token=ab+s3cr3t-value")
    assert options.authorization.get_secret_value() == "a+b"
    assert 'extra "corporate_token"' in caplog.text
    assert "%2B" in caplog.text
    assert SECRET not in caplog.text
    caplog.clear()
    options = read_uri("imbee://:Basic%20b@host/?corporate_token=ab%2Bcd")
    assert options.corporate_token.get_secret_value() == "ab+cd"
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("options", "hook"), [(ImbeeOptions, ImbeeHook), (WolkvoxOptions, WolkvoxHook)], ids=["imbee", "wolkvox"]
)
def test_an_unknown_extra_is_named_in_a_warning_and_never_becomes_a_header(options, hook, caplog):
    base = base_of(options)
    extra = {**base["extra"], "X-Custom": SECRET, "timeuot": 3}
    with caplog.at_level(logging.WARNING):
        read = options.read(connection(base, extra=extra))
    assert '"X-Custom"' in caplog.text
    assert '"timeuot"' in caplog.text
    assert "mine" in caplog.text
    assert "timeout" in caplog.text
    assert SECRET not in caplog.text
    assert not {"x-custom", "timeuot"} & {
        name.lower() for name in hook("mine").auth(read).current(0.0).headers
    }


def test_a_known_extra_causes_no_warning(caplog):
    imbee({"timeout": 3, "verify": False})
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("extra", "shape"),
    [
        ("{'timeout': 's3cr3t-value'}", "not JSON"),
        ('["s3cr3t-value"]', "JSON list"),
        ('"s3cr3t-value"', "JSON str"),
    ],
)
def test_an_extra_that_is_not_an_object_is_described_and_not_shown(extra, shape):
    with pytest.raises(InvalidInput, match=shape) as raised:
        ImbeeOptions.read(connection(IMBEE, extra=extra))
    assert raised.value.field == "Extra"
    assert SECRET not in str(raised.value)
    # The JSON parser's own error has the whole text.
    assert raised.value.__context__ is None


def test_extras_with_the_old_prefix_are_read():
    extra = {"extra__imbee__corporate_token": "corporate", "extra__imbee__timeout": 3}
    options = ImbeeOptions.read(connection(IMBEE, extra=extra))
    assert (options.corporate_token.get_secret_value(), options.timeout) == ("corporate", 3.0)


def test_no_secret_shows_in_the_repr_and_all_are_listed_for_masking():
    options = imbee({"proxy": f"http://user:{SECRET}@proxy:3128"})
    assert SECRET not in repr(options) + str(options)
    assert set(options.secrets()) == {
        "Basic " + SECRET,
        "corporate-" + SECRET,
        f"http://user:{SECRET}@proxy:3128",
        # What a server may quote without the rest: a header without its scheme, the password of the proxy.
        SECRET,
    }
    assert wolkvox().secrets() == ["token-" + SECRET]


@pytest.mark.parametrize(
    ("environment", "extra", "proxy"),
    [
        ({}, {}, None),
        ({"https_proxy": "http://env:1"}, {}, "http://env:1"),
        ({"http_proxy": "http://env:1"}, {}, None),
        ({"all_proxy": "http://env:1"}, {}, "http://env:1"),
        ({"https_proxy": "http://env:1", "no_proxy": "example.com"}, {}, None),
        ({"https_proxy": "http://env:1"}, {"proxy": "http://own:2"}, "http://own:2"),
        ({"no_proxy": "example.com"}, {"proxy": "http://own:2"}, "http://own:2"),
    ],
)
def test_the_proxy_is_the_connections_or_else_the_environments(monkeypatch, environment, extra, proxy):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    options = imbee(extra)
    own = options.proxy.get_secret_value() if options.proxy else None
    assert proxy_for(options.base_url, own) == proxy


@pytest.mark.parametrize("options", VENDORS)
def test_the_form_has_every_field_once(options):
    form = connection_type(options, hook_name="Name", hook_class="some.Hook")
    behaviour = form["ui-field-behaviour"]
    standard = {f["standard"] for f in options.forms().values() if f["standard"]}
    assert set(form["conn-fields"]) == {name for name, f in options.forms().items() if not f["standard"]}
    assert set(behaviour["relabeling"]) == set(behaviour["placeholders"]) == standard
    assert set(behaviour["hidden-fields"]) == set(STANDARD_FIELDS) - standard
    labels = [f["label"] for f in form["conn-fields"].values()] + list(behaviour["relabeling"].values())
    assert len(labels) == len(set(labels)) == len(options.forms())


@pytest.mark.parametrize(("options", "name"), fields())
def test_the_form_masks_secrets_and_shows_defaults_and_choices(options, name):
    form = options.forms()[name]
    if form["standard"]:
        assert not form["secret"] or form["standard"] == "password"
        return
    field = connection_type(options, hook_name="", hook_class="")["conn-fields"][name]
    schema = field["schema"]
    assert (schema.get("format") == "password") is form["secret"]
    assert schema.get("enum", []) == list(form["choices"])
    assert ("null" in schema["type"]) is not form["required"]
    # Airflow's form stores what it fills in by itself, also where somebody changes another field.
    assert "default" not in schema
    default = options.__dataclass_fields__[name].default
    told = field["description"].partition(" Default: ")[2]
    if default is None:
        assert told == ""
    else:
        # What the form tells must be read as the default again.
        assert getattr(options.read(with_value(options, name, told)), name) == default


@pytest.mark.parametrize("value", [-1, 65536, "many"])
def test_a_port_that_no_host_has_is_refused(value):
    with pytest.raises(InvalidInput, match='"Port" must be a whole number from 1 to 65535') as raised:
        imbee(port=value)
    assert raised.value.field == "Port"


def test_a_port_that_the_url_overrules_is_named_in_a_warning(caplog):
    assert imbee(host="http://imbee.example.com:81", port=82).base_url == "http://imbee.example.com:81"
    assert '"HOST" has port 81, and "Port" is 82. The first one counts.' in caplog.text


# --- what Airflow masks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "name"), fields())
def test_airflows_mask_is_no_value(options, name, caplog):
    form = options.forms()[name]
    if form["standard"] == "port":
        return
    masked = with_value(options, name, " *** ")
    if form["secret"]:
        with pytest.raises(InvalidInput) as raised:
            options.read(masked)
        assert f'"{form["label"]}" is "***"' in str(raised.value)
        assert "Enter the secret itself again" in raised.value.remedy
        assert (form["standard"] or f'"{name}" in Extra') in raised.value.remedy
    elif form["required"]:
        with pytest.raises(InvalidInput, match=f'"{form["label"]}" is missing'):
            options.read(masked)
    else:
        assert getattr(options.read(masked), name) == options.__dataclass_fields__[name].default
        [record] = caplog.records
        assert record.levelname == "WARNING"
        assert f'"{form["label"]}" ("{name}" in Extra)' in record.getMessage()


def test_several_masks_are_named_in_one_warning(caplog):
    options = wolkvox({"timeout": "***", "domain": "***"})
    assert (options.timeout, options.domain) == (30.0, None)
    [record] = caplog.records
    assert '"Domain" ("domain" in Extra) and in "Timeout" ("timeout" in Extra)' in record.getMessage()


@pytest.mark.parametrize(
    ("extra", "method", "warned"),
    [
        ({"token_information_method": "post"}, "POST", ""),
        ({"extra__wolkvox__token_information_method": "POST"}, "POST", ""),
        ({"token_information_method": "POST", "information_method": "GET"}, "GET", ""),
        ({"token_information_method": "POST", "information_method": ""}, "POST", ""),
        ({"token_information_method": "***", "information_method": "POST"}, "POST", ""),
        ({"token_information_method": "***"}, "GET", '"token_information_method" in Extra'),
        ({"token_information_method": "POST", "information_method": "***"}, "POST", '"information_method"'),
    ],
)
def test_the_former_name_of_an_extra_is_read_where_the_new_one_is_not_given(extra, method, warned, caplog):
    assert wolkvox(extra).information_method == method
    assert warned in caplog.text
    assert bool(caplog.text) is bool(warned)

"""The fields of an mPOHODA connection."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk import Connection

from airflow_provider.exceptions import InvalidInput
from airflow_provider.mpohoda.connection import MpohodaOptions

SECRET = "s3cr3t-value"


def read(extra: dict[str, Any] | None = None, **fields: Any) -> MpohodaOptions:
    given = {"conn_type": "mpohoda", "password": SECRET, **fields}
    return MpohodaOptions.read(Connection(conn_id="mine", extra=json.dumps(extra or {}), **given))


def test_an_api_key_is_all_that_is_needed():
    options = read()
    assert (options.base_url, options.client_id) == ("https://api.mpohoda.cz", None)
    assert options.secret.get_secret_value() == SECRET
    assert (options.max_connections, options.monthly_requests, options.quota_headers) == (4, 8000, None)
    assert SECRET not in repr(options)


@pytest.mark.parametrize(
    ("country", "host", "scope"),
    [
        ("cz", "https://api.mpohoda.cz", "Mph.OpenApi.Access.Cz"),
        ("SK", "https://api.mpohoda.sk", "Mph.OpenApi.Access.Sk"),
    ],
)
def test_the_country_decides_about_host_and_scope(country, host, scope):
    options = read({"country": country}, login="client")
    assert (options.base_url, options.token_scope) == (host, scope)
    assert options.token_url == "https://ucet.pohoda.cz/connect/token"


def test_host_scope_and_token_endpoint_can_be_given():
    extra = {"country": "sk", "oauth_url": " https://id.example.com/token ", "scope": "Other"}
    options = read(extra, host="https://api.example.com:8443/mpohoda/", login="client")
    assert (options.base_url, options.token_url, options.token_scope) == (
        "https://api.example.com:8443/mpohoda",
        "https://id.example.com/token",
        "Other",
    )


def test_the_token_endpoint_may_have_the_name_that_airflow_masks():
    assert read({"token_url": "https://id.example.com/token"}).token_url == "https://id.example.com/token"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("api.mpohoda.cz/v1", "https://api.mpohoda.cz"),
        ("https://api.mpohoda.cz/v1/", "https://api.mpohoda.cz"),
        ("http://127.0.0.1:8765/mpohoda/v1", "http://127.0.0.1:8765/mpohoda"),
        ("https://example.com/mpohodav1", "https://example.com/mpohodav1"),
        ("betaapi.mpohoda.cz", "https://betaapi.mpohoda.cz"),
    ],
)
def test_the_version_belongs_to_the_calls_and_not_to_the_host(host, url):
    assert read(host=host).base_url == url


def test_the_country_s_host_is_never_asked_in_clear():
    assert read(schema="http").base_url == "https://api.mpohoda.cz"


@pytest.mark.parametrize("port", [443, 0, None])
def test_the_port_that_the_test_button_needs_changes_nothing(port):
    assert read(port=port).base_url == "https://api.mpohoda.cz"


@pytest.mark.parametrize(("extensions", "requests"), [(0, 8000), ("1", 16000), (5, 48000)])
def test_each_mcal_extension_adds_as_much_again(extensions, requests):
    assert read({"mcal_extensions": extensions}).monthly_requests == requests


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"limit": "X-Limit", "remaining": " X-Left "}, {"limit": "X-Limit", "remaining": "X-Left"}),
        ('{"reset": "X-Reset", "used": ""}', {"reset": "X-Reset"}),
        ({}, {}),
    ],
)
def test_the_headers_of_the_quota_are_an_object_or_its_text(given, names):
    assert read({"quota_headers": given}).quota_headers == names


@pytest.mark.parametrize(
    ("extra", "label"),
    [
        ({"quota_headers": "X-Limit"}, "Headers of the quota"),
        ({"quota_headers": ["X-Limit"]}, "Headers of the quota"),
        ({"quota_headers": {"left": "X-Left"}}, "Headers of the quota"),
        ({"quota_headers": {"limit": "X Limit"}}, "Headers of the quota"),
        ({"quota_headers": {"limit": 5}}, "Headers of the quota"),
        ({"mcal_extensions": -1}, "mCAL extensions"),
        ({"mcal_extensions": 1.5}, "mCAL extensions"),
        ({"mcal_extensions": True}, "mCAL extensions"),
        ({"country": "pl"}, "Country"),
        ({"client_authentication": "both"}, "Client authentication"),
        ({"oauth_url": "ucet.pohoda.cz/connect/token"}, "URL of the token endpoint"),
        ({"oauth_url": "https://user:s3cr3t-value@host/token"}, "URL of the token endpoint"),
        ({"oauth_url": "https://host/token?secret=s3cr3t-value"}, "URL of the token endpoint"),
        ({"max_connections": 0}, "Maximum connections"),
    ],
    ids=str,
)
def test_a_field_that_cannot_be_used_is_named_and_its_value_is_not_shown(extra, label):
    with pytest.raises(InvalidInput) as raised:
        read(extra)
    assert raised.value.field == label
    assert SECRET not in str(raised.value)


def test_without_a_secret_nothing_can_be_done():
    with pytest.raises(InvalidInput, match='"Client Secret / API key" is missing'):
        read(password=None)


def test_another_client_or_host_is_another_quota():
    assert read().credentials() != read(login="client").credentials()

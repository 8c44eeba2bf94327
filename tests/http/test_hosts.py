"""Host, schema and port of a connection make the URL that its requests go to."""

from __future__ import annotations

import pytest

from airflow_provider.exceptions import InvalidInput
from tests.http.connections import SECRET, imbee, read_uri, wolkvox


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "https://imbee.example.com"),
        ({"host": " imbee.example.com/ "}, "https://imbee.example.com"),
        ({"host": "imbee.example.com/api/v1/"}, "https://imbee.example.com/api/v1"),
        ({"host": "imbee.example.com:8443"}, "https://imbee.example.com:8443"),
        ({"port": 8443}, "https://imbee.example.com:8443"),
        # Stored for the Test button; the usual port makes no other URL than none.
        ({"port": 443}, "https://imbee.example.com"),
        ({"port": 0}, "https://imbee.example.com"),
        ({"port": 80}, "https://imbee.example.com:80"),
        ({"schema": "http", "port": 80}, "http://imbee.example.com"),
        ({"schema": "http"}, "http://imbee.example.com"),
        ({"schema": "http", "port": 8080}, "http://imbee.example.com:8080"),
        ({"schema": "HTTP"}, "http://imbee.example.com"),
        ({"schema": " Https/ "}, "https://imbee.example.com"),
        ({"schema": "/"}, "https://imbee.example.com"),
        ({"host": "http://imbee.example.com"}, "http://imbee.example.com"),
        ({"host": "http://imbee.example.com", "schema": "https"}, "http://imbee.example.com"),
        ({"host": "http://imbee.example.com/api", "port": 81}, "http://imbee.example.com:81/api"),
        ({"host": "http://imbee.example.com:80/api", "port": 81}, "http://imbee.example.com:80/api"),
        ({"host": "[::1]", "port": 81}, "https://[::1]:81"),
        ({"host": "http://[::1]:81/api"}, "http://[::1]:81/api"),
        ({"host": "HTTP://[::1]:81/Api"}, "http://[::1]:81/Api"),
        ({"host": "::1"}, "https://[::1]"),
        ({"host": " ::1 ", "port": 8765, "schema": "http"}, "http://[::1]:8765"),
        ({"host": "[::1]:8765"}, "https://[::1]:8765"),
        ({"host": "2001:DB8:0:0::1"}, "https://[2001:db8::1]"),
        ({"host": "[2001:DB8:0:0::1]"}, "https://[2001:db8::1]"),
    ],
)
def test_host_schema_and_port_make_one_base_url(changes, url):
    assert imbee(**changes).base_url == url


@pytest.mark.parametrize(
    ("host", "url"),
    [("::1", "https://[::1]"), ("[::1]:81", "https://[::1]:81"), ("http://[::1]", "http://[::1]")],
)
def test_an_ipv6_address_is_no_bare_server_name(host, url):
    assert wolkvox({"domain": "wolkvox.com"}, host=host).base_url == url


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("imbee://:pw@[::1]:8765/?corporate_token=x", "https://[::1]:8765"),
        ("imbee://:pw@[::1]:8765/http?corporate_token=x", "http://[::1]:8765"),
        ("imbee://:pw@%5B%3A%3A1%5D:8765/?corporate_token=x", "https://[::1]:8765"),
        (
            "imbee://:pw@http%3A%2F%2F%5B%3A%3A1%5D%3A8765%2Fimbee/?corporate_token=x",
            "http://[::1]:8765/imbee",
        ),
        ("imbee://:pw@HTTP%3A%2F%2Fhost%2Fv2%2Fapi/?corporate_token=x", "http://host/v2/api"),
    ],
)
def test_an_ipv6_address_may_come_in_a_uri(uri, url):
    assert read_uri(uri).base_url == url


@pytest.mark.parametrize(
    "uri",
    [
        "imbee://:pw@host/v2/s3cr3t-value?corporate_token=x",
        "imbee://:pw@host/s3cr3t-value/?corporate_token=x",
        "imbee://https://:pw@host/s3cr3t-value?corporate_token=x",
    ],
)
def test_the_path_of_a_uri_is_refused_and_not_lost(uri):
    with pytest.raises(InvalidInput, match="Airflow also puts the path of a connection URI there") as raised:
        read_uri(uri)
    assert raised.value.field == "Schema"
    assert "https%3A%2F%2Fhost.example.com%2Fpath" in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("read", [imbee, wolkvox])
@pytest.mark.parametrize("schema", ["nonsense", "ftp", "v2/api", "httpx"])
def test_a_schema_that_is_none_is_refused_by_name(read, schema):
    with pytest.raises(InvalidInput, match='"Schema" is neither http nor https') as raised:
        read(schema=schema)
    assert raised.value.field == "Schema"


@pytest.mark.parametrize(
    "host",
    [
        "https://https://s3cr3t-value",
        "https://https//s3cr3t-value",
        "ftp://s3cr3t-value",
        "https://user:s3cr3t-value@host",
        "https://:s3cr3t-value@host",
        "s3cr3t-value?x=1",
        "s3cr3t-value#x",
        "s3cr3t-value here",
        "s3cr3t-value\x00",
        "https://",
        "//s3cr3t-value",
        "s3cr3t-value:port",
        "s3cr3t-value:99999",
        "s3cr3t-value." + "a" * 64 + ".com",
        "s3cr3t-value..com",
        "http://.s3cr3t-value",
        "fe80::1%s3cr3t-value",
        "[fe80::1%25s3cr3t-value]",
        "http://[fe80::1%25s3cr3t-value]:1",
        "[s3cr3t-value]",
        "[v1.s3cr3t-value]",
        "http://::1/s3cr3t-value",
        "[::1]s3cr3t-value",
        "s3cr3t-value:0",
    ],
)
@pytest.mark.parametrize(("read", "label"), [(imbee, "HOST"), (wolkvox, "Wolkvox-Server")])
def test_a_host_that_cannot_be_one_is_refused_without_being_shown(host, read, label):
    with pytest.raises(InvalidInput) as raised:
        read(host=host, **({"extra": {"domain": "wolkvox.com"}} if read is wolkvox else {}))
    assert raised.value.field == label
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("host", "domain", "url"),
    [
        ("crm0001", "wolkvox.com", "https://crm0001.wolkvox.com"),
        ("sv0001", ".crmvox.com.", "https://sv0001.crmvox.com"),
        ("crm0001.wolkvox.com", "crmvox.com", "https://crm0001.wolkvox.com"),
        ("https://crm0001.wolkvox.com/", None, "https://crm0001.wolkvox.com"),
        ("http://crm0001:8080", None, "http://crm0001:8080"),
        ("localhost:8765", None, "https://localhost:8765"),
    ],
)
def test_a_bare_wolkvox_server_name_takes_the_domain(host, domain, url):
    assert wolkvox({"domain": domain} if domain else {}, host=host).base_url == url


def test_a_bare_wolkvox_server_name_without_domain_is_refused():
    with pytest.raises(InvalidInput, match=r"crmvox\.com or to wolkvox\.com") as raised:
        wolkvox(host="crm0001")
    assert raised.value.field == "Wolkvox-Server"
    assert '"Domain" (extra "domain")' in raised.value.remedy

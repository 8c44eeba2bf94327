from __future__ import annotations

import json
import os

import pytest
import requests

from airflow_provider.exceptions import (
    InvalidInput,
    OutcomeUnknown,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorUnavailable,
)
from airflow_provider.http.call import Call, Repeat
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.imbee import calls
from airflow_provider.imbee.hooks import ImbeeHook
from airflow_provider.wolkvox.hooks import WolkvoxHook
from tests.support.drivers import DRIVERS, blocking, pooled
from tests.support.ports import free_port
from tests.support.servers import answering, breaking_tls, self_signed

ONCE = RequestPolicy(attempts=1)
ENVELOPE = {"code": 0, "message": "Ok", "time": 0, "body": {"virtualUser": "v", "pass": "p", "apikey": "k"}}
AUTHORITIES = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
FORWARDED = json.dumps(ENVELOPE).encode()

driver = pytest.mark.parametrize("send", DRIVERS, ids=lambda send: send.__name__)


@pytest.fixture
def imbee(set_connection):
    """A connection to an Imbee that is not the sandbox, with distinctive credentials."""

    def make(host: str, **extra: object) -> ImbeeHook:
        set_connection(
            "elsewhere",
            conn_type="imbee",
            host=host,
            password="authorization-of-elsewhere",
            extra={"corporate_token": "token-of-elsewhere", "timeout": 5, **extra},
        )
        return ImbeeHook("elsewhere", policy=ONCE)

    return make


# One call, two drivers


def test_both_drivers_get_equal_results_from_imbee(sandbox):
    user = calls.create_user("ada")
    [first] = blocking(ImbeeHook(), user)
    [again] = pooled(ImbeeHook(), user)
    assert again.model_dump(exclude={"previously_registered"}) == first.model_dump(
        exclude={"previously_registered"}
    )
    assert (first.previously_registered, again.previously_registered) == (False, True)
    chat = calls.create_chat(first.apikey, blocking(ImbeeHook(), calls.create_user("bob"))[0].virtual_user)
    [one] = blocking(ImbeeHook(), chat)
    [other] = pooled(ImbeeHook(), chat)
    assert (one.conversation_id, one.contacts) == (other.conversation_id, other.contacts)
    assert (one.previously_created, other.previously_created) == (False, True)


def test_both_drivers_get_equal_results_from_wolkvox(sandbox):
    sandbox.clock(freeze=True)
    found = [send(hook, hook.token_information_call())[0] for send in DRIVERS for hook in [WolkvoxHook()]]
    assert found[0].limit == found[1].limit == 4800
    assert [reading.used for reading in found] == [0, 1]
    assert found[0].hours_to_reset == found[1].hours_to_reset


def test_both_drivers_send_the_same_request(sandbox):
    for send in DRIVERS:
        send(ImbeeHook(), calls.create_user("ada", platform="línea"))
        hook = WolkvoxHook()
        send(hook, hook.token_information_call())
    for vendor in ("imbee", "wolkvox"):
        one, other = sandbox.requests(vendor)
        for part in ("method", "path", "query", "json"):
            assert one[part] == other[part]
        names = {
            "authorization",
            "x-woos-key",
            "wolkvox-token",
            "content-type",
            "content-length",
            "user-agent",
        }
        shown = [{name: value for name, value in r["headers"].items() if name in names} for r in (one, other)]
        assert shown[0] == shown[1]
        assert shown[0]["user-agent"].startswith("airflow-provider-vendor-apis/")
        assert shown[0]["content-type"] == "application/json"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_method_of_the_token_information_is_that_of_the_connection(sandbox, set_connection, method):
    set_connection("wolkvox_default", extra={"information_method": method})
    assert WolkvoxHook().token_reading()[1].remaining == 4800
    assert [request["method"] for request in sandbox.requests("wolkvox")] == [method]


@driver
def test_a_call_with_a_header_of_its_own_keeps_the_rest_of_the_credentials(sandbox, send):
    [user] = send(ImbeeHook(), calls.create_user("ada"))
    [other] = send(ImbeeHook(), calls.create_user("bob"))
    send(ImbeeHook(), calls.create_chat(user.apikey, other.virtual_user))
    request = sandbox.requests("imbee", path="chat/create")[0]
    assert request["headers"]["x-woos-key"] == user.apikey.get_secret_value()
    assert (
        request["headers"]["authorization"]
        == json.loads(os.environ["AIRFLOW_CONN_IMBEE_DEFAULT"])["password"]
    )


@driver
def test_an_error_names_vendor_connection_method_and_path(sandbox, set_connection, send):
    set_connection("imbee_default", password="wrong-authorization")
    with pytest.raises(VendorAuthError) as raised:
        send(ImbeeHook(), calls.create_user("ada"))
    assert raised.value.where == "imbee (imbee_default) POST third_parties/user/new"
    assert raised.value.status == 401


@driver
def test_a_credential_that_the_vendor_quotes_is_cleared_from_the_error(sandbox, send):
    token = json.loads(os.environ["AIRFLOW_CONN_IMBEE_DEFAULT"])["extra"]["corporate_token"]
    sandbox.fault(status=400, json={"code": 1, "message": f"bad key {token} and user-key-1"})
    with pytest.raises(Exception, match=r"bad key \*\*\* and \*\*\*") as raised:
        send(ImbeeHook(), calls.create_chat("user-key-1", "bob"))
    assert token not in repr(raised.value)


@driver
@pytest.mark.parametrize(
    "quoted", ["dXNlcjpwYXNzd29yZA%3D%3D", "dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29y..."]
)
def test_a_credential_is_cleared_without_its_scheme_in_a_url_and_cut_off(
    sandbox, set_connection, send, quoted
):
    set_connection("imbee_default", password="Basic dXNlcjpwYXNzd29yZA==")
    sandbox.fault(status=400, json={"code": 1, "message": f"bad {quoted}"})
    with pytest.raises(VendorError, match=r"bad \*\*\*") as raised:
        send(ImbeeHook(), calls.create_user("ada"))
    assert "dXNl" not in str(raised.value)


@driver
def test_a_missing_connection_field_is_an_error_before_anything_is_sent(sandbox, set_connection, send):
    set_connection("imbee_default", extra={"corporate_token": None})
    with pytest.raises(
        InvalidInput, match=r'imbee \(imbee_default\): "Corporate token \(myCorporateToken\)" is missing'
    ):
        send(ImbeeHook(), calls.create_user("ada"))
    assert sandbox.requests() == []


@driver
def test_many_calls_share_one_pooled_session(sandbox, send):
    hook = ImbeeHook()
    assert len(send(hook, *(calls.create_user(str(n)) for n in range(5)))) == 5
    assert len(sandbox.requests("imbee")) == 5


# What travels, and where to


@driver
def test_a_redirect_is_not_followed_by_either_driver(imbee, send):
    with answering(200, FORWARDED) as target, answering(302, headers={"Location": target.url}) as server:
        with pytest.raises(VendorProtocolError, match="redirects, which is not followed") as raised:
            send(imbee(server.url), calls.create_user("ada"))
        assert raised.value.status == 302
        assert (len(server.seen), target.seen) == (1, [])


def test_a_redirect_is_not_followed_by_the_session(imbee):
    with answering(200) as target, answering(307, headers={"Location": target.url}) as server:
        hook = imbee(server.url)
        assert hook.get_conn().get(server.url).status_code == 307
        assert hook.get_conn().get(server.url, allow_redirects=True).status_code == 307
        assert target.seen == []
        hook.close()


def test_the_session_sends_credentials_to_its_own_base_url_alone(imbee):
    with answering(200) as own, answering(200) as other:
        hook = imbee(own.url + "/api")
        session = hook.get_conn()
        inside = [own.url + "/api", own.url + "/api/", own.url + "/api/x", own.url + "/api?x=1"]
        outside = [own.url, own.url + "/", own.url + "/apiary", own.url + "/api/../x", other.url + "/api/x"]
        for url in inside + outside:
            session.get(url)
        hook.close()
        trusted = [
            "authorization" in headers and "x-woos-key" in headers for _, _, headers in own.seen + other.seen
        ]
        assert trusted == [True] * len(inside) + [False] * len(outside)
        assert "elsewhere" not in str(own.seen[len(inside) :]) + str(other.seen)


def test_the_session_knows_its_base_url_in_capitals_too(imbee):
    with answering(200) as server:
        hook = imbee(server.url.replace("http://127.0.0.1", "HTTP://LOCALHOST"))
        hook.get_conn().get(hook.options.base_url + "/x")
        hook.close()
        assert server.seen[0][2]["authorization"] == "authorization-of-elsewhere"


def test_a_header_given_to_the_session_wins(imbee):
    with answering(200) as server:
        hook = imbee(server.url)
        hook.get_conn().get(server.url, headers={"X-WOOS-KEY": "mine"})
        hook.close()
        assert server.seen[0][2]["x-woos-key"] == "mine"


def test_the_session_has_a_default_time_out(sandbox, set_connection):
    set_connection("imbee_default", extra={"timeout": 0.2})
    sandbox.fault(vendor="imbee", action="hang")
    hook = ImbeeHook()
    with pytest.raises(requests.Timeout):
        hook.get_conn().get(hook.options.base_url + "/x")
    hook.close()


@driver
def test_cookies_are_not_kept(imbee, send):
    with answering(200, FORWARDED, {"Set-Cookie": "session=of-the-first; Path=/"}) as server:
        # By default aiohttp keeps no cookies of bare addresses anyway.
        send(
            imbee(server.url.replace("127.0.0.1", "localhost")),
            calls.create_user("ada"),
            calls.create_user("bob"),
        )
        assert len(server.seen) == 2
        assert not any("cookie" in headers for _, _, headers in server.seen)


def test_cookies_are_not_kept_by_the_session(imbee):
    with answering(200, b"", {"Set-Cookie": "session=of-the-first; Path=/"}) as server:
        hook = imbee(server.url)
        for _ in range(2):
            hook.get_conn().get(server.url)
        assert "cookie" not in server.seen[1][2]
        hook.close()


@driver
def test_netrc_does_not_replace_the_credentials(imbee, send, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\ndefault login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with answering(200, FORWARDED) as server:
        hook = imbee(server.url)
        send(hook, calls.create_user("ada"))
        hook.get_conn().get(server.url)
        hook.close()
        assert [headers["authorization"] for _, _, headers in server.seen] == [
            "authorization-of-elsewhere"
        ] * 2


@driver
def test_an_anonymous_call_leaves_the_credentials_at_home(imbee, send):
    call = Call("GET", "x", lambda response: response.status, Repeat.SAFE, anonymous=True)
    with answering(204) as server:
        assert send(imbee(server.url), call) == [204]
        assert "elsewhere" not in str(server.seen)


# Proxies and certificates


@driver
def test_the_proxy_of_the_connection_is_used(imbee, send):
    with answering(200, FORWARDED) as proxy:
        [user] = send(imbee("http://imbee.invalid", proxy=proxy.url), calls.create_user("ada"))
        assert user.virtual_user == "v"
        assert proxy.seen[0][:2] == ("POST", "http://imbee.invalid/third_parties/user/new")


@driver
def test_the_proxy_of_the_environment_is_used(imbee, send, monkeypatch):
    with answering(200, FORWARDED) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        send(imbee("http://imbee.invalid"), calls.create_user("ada"))
        assert len(proxy.seen) == 1


@driver
@pytest.mark.parametrize(
    "environment",
    [{"http_proxy": "http://127.0.0.1:9"}, {"no_proxy": "imbee.invalid"}],
    ids=["other", "none"],
)
def test_the_proxy_of_the_connection_wins_over_the_environment(imbee, send, monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with answering(200, FORWARDED) as proxy:
        send(imbee("http://imbee.invalid", proxy=proxy.url), calls.create_user("ada"))
        assert len(proxy.seen) == 1


@driver
def test_a_proxy_that_is_not_there_is_unavailable_and_named(imbee, send):
    hook = imbee("http://imbee.invalid", proxy=f"http://user:proxy-password@127.0.0.1:{free_port()}")
    with pytest.raises(VendorUnavailable, match="proxy could not be used") as raised:
        send(hook, calls.create_user("ada"))
    assert raised.value.processed is False
    assert "proxy-password" not in str(raised.value) + repr(raised.value)


@driver
def test_a_certificate_that_nobody_signed_is_refused_at_once(imbee, send, tmp_path, no_waiting):
    _, context = self_signed(tmp_path)
    with answering(200, FORWARDED, tls=context) as server:
        hook = imbee(server.url)
        hook.policy = RequestPolicy(attempts=5)
        with pytest.raises(VendorUnavailable, match="certificate or protocol was refused") as raised:
            send(hook, calls.create_user("ada"))
        assert '"Verify TLS certificate"' in raised.value.remedy
        assert raised.value.processed is False
        assert (server.seen, no_waiting) == ([], [])


@driver
def test_tls_that_breaks_after_the_request_leaves_its_outcome_unknown(imbee, send, tmp_path):
    certificate, context = self_signed(tmp_path)
    with breaking_tls(context) as server:
        hook = imbee(server.url, verify=str(certificate))
        with pytest.raises(OutcomeUnknown, match="may have taken effect"):
            send(hook, calls.create_access_token("ada", "bot", mail="ada@example.com"))
    assert [path for _, path, _ in server.seen] == ["/token/new"]


@driver
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("trust", ["the file", "nothing at all"])
@pytest.mark.parametrize("environment", ["empty", "naming another authority"])
def test_a_certificate_is_checked_as_the_connection_says(
    imbee, send, tmp_path, monkeypatch, trust, environment
):
    certificate, context = self_signed(tmp_path)
    for variable in AUTHORITIES:
        monkeypatch.delenv(variable, raising=False)
    if environment != "empty":
        other = tmp_path / "other"
        other.mkdir()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(self_signed(other)[0]))
    with answering(200, FORWARDED, tls=context) as server:
        verify = str(certificate) if trust == "the file" else False
        assert send(imbee(server.url, verify=verify), calls.create_user("ada"))[0].virtual_user == "v"


@driver
@pytest.mark.parametrize("variable", AUTHORITIES)
def test_the_authorities_of_the_environment_are_trusted(imbee, send, tmp_path, monkeypatch, variable):
    certificate, context = self_signed(tmp_path)
    for name in AUTHORITIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(certificate))
    with answering(200, FORWARDED, tls=context) as server:
        assert send(imbee(server.url), calls.create_user("ada"))[0].virtual_user == "v"


@driver
def test_a_file_of_authorities_that_has_none_is_an_error_that_names_the_field(imbee, send, tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(InvalidInput, match='"Verify TLS certificate"'):
        send(imbee("https://127.0.0.1:9", verify=str(tmp_path / "empty.pem")), calls.create_user("ada"))


# The Test button


def test_the_imbee_test_says_what_it_could_not_check(sandbox):
    works, message = ImbeeHook().test_connection()
    assert works
    assert "The credentials were not checked" in message
    assert sandbox.url in message
    [request] = sandbox.requests("imbee")
    assert request["method"] == "HEAD"
    assert not {"authorization", "x-woos-key"} & set(request["headers"])


def test_the_wolkvox_test_reads_the_quota_and_says_what_it_cost(sandbox):
    works, message = WolkvoxHook().test_connection()
    assert works
    assert "4,800 of 4,800 requests remaining" in message
    assert "spent one use" in message
    assert len(sandbox.requests("wolkvox")) == 1


def test_the_wolkvox_test_fails_with_a_wrong_token(sandbox, set_connection):
    set_connection("wolkvox_default", password="wrong-token-of-mine")
    works, message = WolkvoxHook().test_connection()
    assert not works
    assert "the token is refused: PLEASE VALIDATE TOKEN" in message
    assert "wrong-token-of-mine" not in message


@pytest.mark.parametrize(
    ("conn_id", "hook", "changes", "said"),
    [
        (
            "imbee_default",
            ImbeeHook,
            {"extra": {"corporate_token": None}},
            '"Corporate token (myCorporateToken)" is missing',
        ),
        ("imbee_default", ImbeeHook, {"password": None}, '"Authorization (myAuth)" is missing'),
        ("imbee_default", ImbeeHook, {"host": None}, '"HOST" is missing'),
        ("wolkvox_default", WolkvoxHook, {"host": None}, '"Wolkvox-Server" is missing'),
        ("wolkvox_default", WolkvoxHook, {"login": None}, '"operation" is missing'),
        ("wolkvox_default", WolkvoxHook, {"password": None}, '"Wolkvox-Token" is missing'),
        ("wolkvox_default", WolkvoxHook, {"host": "crm0001"}, "bare server name"),
    ],
)
def test_the_test_button_names_the_field_that_is_missing(
    sandbox, set_connection, conn_id, hook, changes, said
):
    set_connection(conn_id, **changes)
    works, message = hook().test_connection()
    assert not works
    assert said in message
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("conn_id", "hook"), [("imbee_default", ImbeeHook), ("wolkvox_default", WolkvoxHook)]
)
def test_the_test_button_says_that_the_host_is_wrong(sandbox, set_connection, no_waiting, conn_id, hook):
    set_connection(conn_id, host=f"http://127.0.0.1:{free_port()}")
    works, message = hook().test_connection()
    assert not works
    assert "no connection: the host is unknown or refuses. Check the host of the connection" in message


@pytest.mark.parametrize(
    ("conn_id", "hook"), [("imbee_default", ImbeeHook), ("wolkvox_default", WolkvoxHook)]
)
def test_the_test_button_says_that_the_certificate_is_refused(
    sandbox, set_connection, tmp_path, conn_id, hook
):
    _, context = self_signed(tmp_path)
    with answering(200, tls=context) as server:
        set_connection(conn_id, host=server.url)
        works, message = hook().test_connection()
    assert not works
    assert "TLS failed" in message
    assert '"Verify TLS certificate"' in message


def test_the_test_button_says_that_a_host_is_not_wolkvox(sandbox, set_connection):
    with answering(200, b"<html>login</html>", {"Content-Type": "text/html"}) as server:
        set_connection("wolkvox_default", host=server.url)
        works, message = WolkvoxHook().test_connection()
    assert not works
    assert "the response is not JSON (HTML, 18 bytes)" in message
    assert "Check the host" in message

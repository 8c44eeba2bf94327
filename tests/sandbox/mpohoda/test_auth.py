"""Signing in: the key, tokens, and the endpoint that gives them."""

from __future__ import annotations

import base64
import json

import pytest

from tests.sandbox.mpohoda.client import SCOPE, Mpohoda, document

FORM = {
    "grant_type": "client_credentials",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "scope": SCOPE,
}


def ask(api, headers=None, method="POST", data=FORM, **changes):
    form = data if isinstance(data, str) else {**data, **changes}
    if isinstance(form, dict):
        form = {name: value for name, value in form.items() if value is not None}
    url = f"{api.sandbox.url}/mpohoda/connect/token"
    return api.sandbox.http.request(method, url, data=form, headers=headers, timeout=30)


def token(api: Mpohoda) -> str:
    response = ask(api)
    assert response.status_code == 200, response.text
    return response.json()["access_token"]


def read(api, headers):
    return api.call("GET", "Currencies?PageSize=1&PageNumber=1", headers=headers)


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def basic(secret="sandbox-secret"):
    return {"Authorization": "Basic " + base64.b64encode(f"sandbox-client:{secret}".encode()).decode()}


def test_a_key_or_a_token_lets_a_request_in(api):
    assert read(api, {"Api-Key": "sandbox-api-key"}).status_code == 200
    assert read(api, bearer(token(api))).status_code == 200
    assert read(api, {"Api-Key": "wrong", **bearer(token(api))}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Api-Key": "wrong"}, {"Api-Key": "ž".encode()}, bearer("wrong"), basic(), {"Authorization": "x"}],
    ids=str,
)
def test_other_credentials_get_401_with_a_problem_document(api, headers):
    response = read(api, headers)
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["title"] == "Unauthorized"
    assert "WWW-Authenticate" not in response.headers


def test_401_may_have_www_authenticate(api):
    api.switch(www_authenticate=True)
    assert read(api, {}).headers["WWW-Authenticate"] == "Bearer"


def test_the_key_is_a_switch(api):
    api.switch(api_key="other")
    assert read(api, {"Api-Key": "sandbox-api-key"}).status_code == 401
    assert read(api, {"Api-Key": "other"}).status_code == 200


def test_a_token_is_given_for_the_body_or_basic(api):
    answer = ask(api).json()
    assert (answer["expires_in"], answer["token_type"]) == (3600, "Bearer")
    assert answer["access_token"].count(".") == 2
    assert read(api, bearer(answer["access_token"])).status_code == 200
    assert ask(api, basic(), client_id=None, client_secret=None).status_code == 200
    assert answer["access_token"] in api.sandbox.secrets()


@pytest.mark.parametrize(("where", "in_body", "as_basic"), [("body", 200, 401), ("basic", 401, 200)])
def test_one_way_may_be_required(api, where, in_body, as_basic):
    api.switch(client_authentication=where)
    assert ask(api).status_code == in_body
    assert ask(api, basic(), client_id=None, client_secret=None).status_code == as_basic


@pytest.mark.parametrize(("how", "status"), [("refuse", 400), ("accept", 200)])
def test_both_ways_at_once(api, how, status):
    api.switch(both_client_authentications=how)
    assert ask(api, basic()).status_code == status


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "unsupported_grant_type"),
        ({"client_id": "x"}, 401, "invalid_client"),
        ({"client_secret": "x"}, 401, "invalid_client"),
        ({"client_id": None, "client_secret": None}, 401, "invalid_client"),
        ({"scope": None}, 400, "invalid_scope"),
        ({"scope": "Mph.OpenApi.Access.Sk"}, 400, "invalid_scope"),
    ],
    ids=str,
)
def test_a_wrong_token_request_is_refused(api, changes, status, error):
    response = ask(api, **changes)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.json()["error_description"]
    api.switch(token_error_status=403, invalid_client_status=418, token_error_names="unsupported_grant_type")
    response = ask(api, **changes)
    assert response.status_code == (418 if status == 401 else 403)
    assert response.json()["error"] == "unsupported_grant_type"


@pytest.mark.parametrize(
    "header", [basic("wrong"), {"Authorization": "Basic ?"}, {"Authorization": "Digest a"}]
)
def test_wrong_basic_is_refused(api, header):
    assert ask(api, header, client_id=None, client_secret=None).status_code == 401


def test_a_token_request_is_a_posted_form(api):
    assert ask(api, method="GET").status_code == 405
    assert ask(api, {"Content-Type": "application/json"}, data=json.dumps(FORM)).status_code == 400


def test_the_country_picks_the_scope_which_may_go_unchecked(api):
    api.switch(country="sk")
    assert ask(api).status_code == 400
    assert ask(api, scope="Mph.OpenApi.Access.Sk").status_code == 200
    api.switch(check_scope=False)
    assert ask(api, scope=None).status_code == 200


def test_a_token_ends_with_its_lifetime(api):
    api.switch(token_lifetime=60)
    answer = ask(api).json()
    assert answer["expires_in"] == 60
    api.sandbox.clock(advance=59)
    assert read(api, bearer(answer["access_token"])).status_code == 200
    api.sandbox.clock(advance=1)
    assert read(api, bearer(answer["access_token"])).status_code == 401


def test_the_lifetime_may_be_untold(api):
    api.switch(expires_in=False)
    assert "expires_in" not in ask(api).json()


@pytest.mark.parametrize(("one", "status"), [(False, 200), (True, 401)])
def test_a_new_token_may_end_the_old_one(api, one, status):
    api.switch(one_token_at_a_time=one)
    old, new = token(api), token(api)
    assert old != new
    assert (read(api, bearer(old)).status_code, read(api, bearer(new)).status_code) == (status, 200)


def test_tokens_are_revoked_at_once_or_later(api):
    first, second = token(api), token(api)
    assert api.sandbox.state()["mpohoda"]["tokens"] == 2
    assert api.sandbox.control("POST", "mpohoda/tokens/revoke", {"token": first}) == {"revoked": 1}
    assert (read(api, bearer(first)).status_code, read(api, bearer(second)).status_code) == (401, 200)
    api.switch(revocation_delay=30)
    assert api.sandbox.control("POST", "mpohoda/tokens/revoke", {}) == {"revoked": 1}
    assert read(api, bearer(second)).status_code == 200
    api.sandbox.clock(advance=30)
    assert read(api, bearer(second)).status_code == 401


def test_the_token_endpoint_fails_as_a_fault_says(api):
    api.sandbox.fault(vendor="mpohoda", path="connect/token", body="<html>down</html>")
    assert ask(api).text == "<html>down</html>"
    api.sandbox.fault(vendor="mpohoda", path="connect/token", status=503)
    assert ask(api).status_code == 503
    api.sandbox.fault(vendor="mpohoda", path="connect/token", delay=0.05)
    assert ask(api).status_code == 200


@pytest.mark.parametrize("forbidden", ["BankAccounts", " Centres , BankAccounts", "*"])
def test_a_right_may_be_missing_for_a_resource(api, forbidden):
    api.switch(forbidden_resources=forbidden)
    response = api.page("BankAccounts")
    assert response.status_code == 403
    assert "BankAccounts" in response.json()["detail"]
    assert api.page("Currencies").status_code == (403 if forbidden == "*" else 200)
    assert api.post("IssuedInvoices", document()).status_code == (403 if forbidden == "*" else 201)


def test_the_ready_made_connections_sign_in(api):
    key, client = (json.loads(one) for one in api.sandbox.connections.values())
    assert list(api.sandbox.connections) == ["AIRFLOW_CONN_MPOHODA_DEFAULT", "AIRFLOW_CONN_MPOHODA_OAUTH"]
    assert (key["conn_type"], key["extra"]) == ("mpohoda", {"country": "cz"})
    assert key["host"] == f"{api.sandbox.url}/mpohoda"
    assert read(api, {"Api-Key": key["password"]}).status_code == 200
    form = {**FORM, "client_id": client["login"], "client_secret": client["password"]}
    assert api.sandbox.http.post(client["extra"]["oauth_url"], data=form, timeout=30).status_code == 200
    api.switch(mcal_extensions=2)
    told = api.sandbox.control("GET", "connections")["AIRFLOW_CONN_MPOHODA_OAUTH"]
    assert json.loads(told)["extra"]["mcal_extensions"] == 2

from __future__ import annotations

import pytest

from tests.sandbox.clients import TOKEN_INFORMATION, HangingRequest, default_token, information, quota


def test_the_answer_has_the_vendors_own_spelling_and_types(sandbox):
    sandbox.clock(now="2026-01-01T09:00:00Z", freeze=True)
    response = information(sandbox)
    assert response.status_code == 200
    assert response.json() == {
        "code": "200",
        "error": "null",
        "msg": "1 records were are found",
        "data": {
            "description": "sandbox",
            "token_limit": 4800,
            "token_use_today": 0,
            "available_consumition_options": 4800,
            "hours_to_restart_count": 15,
        },
    }


def test_each_reading_costs_one_use(sandbox):
    readings = [information(sandbox).json()["data"]["available_consumition_options"] for _ in range(3)]
    assert readings == [4800, 4799, 4798]
    assert quota(sandbox)["used"] == 3


def test_a_reading_may_include_itself(sandbox):
    sandbox.switch({"wolkvox.charge_before_reading": True})
    data = information(sandbox).json()["data"]
    assert (data["token_use_today"], data["available_consumition_options"]) == (1, 4799)


@pytest.mark.parametrize(
    ("arguments", "code", "error", "text"),
    [
        ({"token": None}, 401, "UNAUTHORIZED", "PLEASE ENTER THE WOLKVOX-TOKEN"),
        ({"token": "wrong"}, 403, "FORBIDDEN", "PLEASE VALIDATE TOKEN"),
        ({"operation": None}, 400, "BAD REQUEST", "SOME PARAMETERS ARE REQUIRED"),
        ({"operation": "other"}, 403, "FORBIDDEN", "PLEASE VALIDATE TOKEN"),
        ({"method": "DELETE"}, 405, "METHOD NOT ALLOWED", "METHOD NOT ALLOWED"),
    ],
    ids=str,
)
def test_bad_calls_are_refused_in_the_envelope(sandbox, arguments, code, error, text):
    response = information(sandbox, **arguments)
    assert response.status_code == code
    assert response.json() == {"code": str(code), "error": error, "msg": text, "data": None}


@pytest.mark.parametrize(
    ("trait", "arguments"),
    [
        ("missing_token", {"token": None}),
        ("unknown_token", {"token": "wrong"}),
        ("missing_operation", {"operation": None}),
        ("wrong_operation", {"operation": "other"}),
        ("wrong_method", {"method": "DELETE"}),
        ("unknown_path", {"path": "/wolkvox/server/API/v2/other.php"}),
    ],
)
def test_code_and_text_of_each_refusal_are_switches(sandbox, trait, arguments):
    sandbox.switch({f"wolkvox.{trait}_status": 412, f"wolkvox.{trait}_text": "OTHER"})
    response = information(sandbox, **arguments)
    assert (response.status_code, response.json()["code"], response.json()["msg"]) == (412, "412", "OTHER")


def test_an_unknown_path_is_not_found(sandbox):
    token = {"Wolkvox-Token": default_token(sandbox)}
    response = sandbox.get("/wolkvox/server/API/v2/other.php?operation=demo_operation", headers=token)
    assert (response.status_code, response.json()["code"]) == (404, "404")


def test_the_content_type_may_be_required(sandbox):
    sandbox.switch({"wolkvox.require_content_type": True})
    assert information(sandbox).status_code == 400
    assert information(sandbox, Content_Type="application/json").status_code == 200


def test_the_operation_may_go_unchecked(sandbox):
    sandbox.switch({"wolkvox.check_operation": False})
    assert information(sandbox, operation="other").status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_verb_can_be_switched_off(sandbox, method):
    assert information(sandbox, method=method).status_code == 200
    sandbox.switch({f"wolkvox.accept_{method.lower()}": False})
    assert information(sandbox, method=method).status_code == 405


@pytest.mark.parametrize(("charged", "used"), [(True, 3), (False, 0)])
def test_refused_calls_may_be_charged(sandbox, charged, used):
    sandbox.switch({"wolkvox.charge_failed_calls": charged})
    information(sandbox, operation=None)
    information(sandbox, operation="other")
    information(sandbox, method="DELETE")
    information(sandbox, token="wrong")
    assert quota(sandbox)["used"] == used


def test_an_exhausted_token_cannot_even_be_read(sandbox):
    sandbox.switch({"wolkvox.limit": 2})
    assert [information(sandbox).status_code for _ in range(3)] == [200, 200, 403]
    assert information(sandbox).json()["msg"] == "TOKEN LIMIT EXCEEDED"
    assert quota(sandbox)["used"] == 2
    sandbox.switch({"wolkvox.exhausted_status": 429, "wolkvox.exhausted_text": "NO MORE"})
    response = information(sandbox)
    assert (response.status_code, response.json()["msg"]) == (429, "NO MORE")


def test_an_exhausted_token_may_be_readable(sandbox):
    sandbox.switch({"wolkvox.limit": 1, "wolkvox.exhausted_fails_reading": False})
    information(sandbox)
    data = information(sandbox).json()["data"]
    assert (data["token_use_today"], data["available_consumition_options"]) == (1, 0)


def test_the_quota_starts_again_at_midnight_of_the_clock(sandbox):
    sandbox.clock(now="2026-01-01T23:59:00Z", freeze=True)
    sandbox.switch({"wolkvox.limit": 1})
    assert [information(sandbox).status_code for _ in range(2)] == [200, 403]
    assert quota(sandbox)["resets_at"] == "2026-01-02T00:00:00Z"
    sandbox.clock(advance=59)
    assert information(sandbox).status_code == 403
    sandbox.clock(advance=1)
    assert information(sandbox).status_code == 200
    assert quota(sandbox)["resets_at"] == "2026-01-03T00:00:00Z"


def test_the_reset_follows_its_time_zone(sandbox):
    sandbox.clock(now="2026-01-02T04:30:00Z", freeze=True)
    information(sandbox)
    sandbox.switch({"wolkvox.reset_timezone": "America/Bogota"})
    assert quota(sandbox)["used"] == 1
    assert quota(sandbox)["resets_at"] == "2026-01-02T05:00:00Z"
    sandbox.clock(advance=1800)
    assert quota(sandbox)["used"] == 0


@pytest.mark.parametrize(("rounding", "hours"), [("floor", 2), ("ceil", 3), ("round", 3)])
def test_hours_are_whole_and_rounded_as_switched(sandbox, rounding, hours):
    sandbox.clock(now="2026-01-01T21:15:00Z", freeze=True)
    sandbox.switch({"wolkvox.hours_rounding": rounding})
    assert information(sandbox).json()["data"]["hours_to_restart_count"] == hours


def test_maintenance_answers_everything_and_charges_nothing(sandbox):
    sandbox.switch({"wolkvox.maintenance": True})
    response = information(sandbox, token=None)
    assert response.status_code == 403
    assert "BACKUP" in response.json()["msg"]
    sandbox.switch({"wolkvox.maintenance_status": 503, "wolkvox.maintenance_body": "<h1>later</h1>"})
    response = information(sandbox)
    assert (response.status_code, response.text) == (503, "<h1>later</h1>")
    assert response.headers["Content-Type"].startswith("text/html")
    assert quota(sandbox)["used"] == 0


def test_errors_may_come_with_http_200(sandbox):
    sandbox.switch({"wolkvox.http_status_follows_code": False})
    response = information(sandbox, token="wrong")
    assert (response.status_code, response.json()["code"]) == (200, "403")


def test_errors_may_have_another_shape(sandbox):
    sandbox.switch({"wolkvox.error_shape": "object"})
    assert information(sandbox, token="wrong").json() == {
        "error": {"code": 403, "message": "PLEASE VALIDATE TOKEN"}
    }
    sandbox.switch({"wolkvox.error_shape": "html"})
    assert information(sandbox, token="wrong").headers["Content-Type"].startswith("text/html")


def test_the_answer_may_look_like_the_managers(sandbox):
    sandbox.switch(
        {
            "wolkvox.numbers_as_strings": True,
            "wolkvox.correct_spelling": True,
            "wolkvox.data_as_list": True,
            "wolkvox.code_as_number": True,
        }
    )
    answer = information(sandbox).json()
    assert answer["code"] == 200
    assert answer["data"][0]["available_consumption_options"] == "4800"
    assert "available_consumition_options" not in answer["data"][0]


def test_several_tokens_each_have_their_own_quota(sandbox):
    sandbox.token(token="t-2", operation="shop", description="shop nights", limit=10, used=9)
    data = information(sandbox, token="t-2", operation="shop").json()["data"]
    assert (data["description"], data["available_consumition_options"]) == ("shop nights", 1)
    assert information(sandbox, token="t-2", operation="shop").status_code == 403
    assert information(sandbox).status_code == 200
    sandbox.token(token="t-2", operation="shop", limit=20)
    assert quota(sandbox, 1)["remaining"] == 20


def test_tokens_of_an_operation_may_share_their_limit(sandbox):
    sandbox.switch({"wolkvox.limit_per": "operation", "wolkvox.limit": 2})
    sandbox.token(token="t-2", limit=2)
    codes = [information(sandbox, token=token).status_code for token in ("", "t-2", "")]
    assert codes == [200, 200, 403]


def test_an_external_token_is_refused_until_switched_on(sandbox):
    sandbox.token(token="t-2", type="external")
    assert information(sandbox, token="t-2").status_code == 403
    sandbox.switch({"wolkvox.external_may_read": True})
    assert information(sandbox, token="t-2").status_code == 200


def test_changing_the_default_token_keeps_its_uses(sandbox):
    information(sandbox)
    sandbox.switch({"wolkvox.token": "new-token", "wolkvox.operation": "op", "wolkvox.description": "d"})
    assert information(sandbox).status_code == 403
    data = information(sandbox, token="new-token", operation="op").json()["data"]
    assert (data["description"], data["token_use_today"]) == ("d", 1)


def test_requests_at_a_time_may_be_limited(sandbox):
    sandbox.switch({"wolkvox.concurrency_limit": 1})
    sandbox.fault(vendor="wolkvox", action="hang")
    with HangingRequest(sandbox, "GET", TOKEN_INFORMATION, {"Wolkvox-Token": default_token(sandbox)}):
        response = information(sandbox)
        assert response.status_code == 403
        assert "SIMULTANEOUS" in response.json()["msg"]
    sandbox.switch({"wolkvox.concurrency_limit": 2})
    assert information(sandbox).status_code == 200


def test_requests_per_minute_may_be_limited(sandbox):
    sandbox.clock(now="2026-01-01T10:00:00Z", freeze=True)
    sandbox.switch({"wolkvox.rate_limit_per_minute": 2})
    assert [information(sandbox).status_code for _ in range(3)] == [200, 200, 429]
    sandbox.clock(advance=60)
    assert information(sandbox).status_code == 200

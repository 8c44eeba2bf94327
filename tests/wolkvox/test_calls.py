from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider.exceptions import (
    QuotaExhausted,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.call import Repeat, Response
from airflow_provider.sandbox.wolkvox.refusal_texts import PRESETS
from airflow_provider.wolkvox.calls import WolkvoxTokenInformation, token_information
from airflow_provider.wolkvox.envelope import MAINTENANCE_WAIT
from airflow_provider.wolkvox.hooks import WolkvoxHook
from airflow_provider.wolkvox.refusals import CONCURRENCY, FORMER, QUOTA, ForbiddenTexts
from tests.support.wolkvox_calls import TEXTS

DATA = {
    "description": "airflow-batch",
    "token_limit": 4800,
    "token_use_today": 37,
    "available_consumition_options": 4763,
    "hours_to_restart_count": 9,
}
NOW = datetime(2027, 1, 31, 15, 20, tzinfo=UTC)


def envelope(status: int = 200, headers: dict[str, str] | None = None, **changes: Any) -> Response:
    document = {"code": "200", "error": "null", "msg": "1 records were are found", "data": DATA, **changes}
    return Response(status, headers or {}, json.dumps(document).encode())


def refusal(
    message: str, status: int = 403, code: Any = None, headers: dict[str, str] | None = None
) -> Response:
    return envelope(
        status, headers, code=str(status) if code is None else code, error="FORBIDDEN", msg=message, data=None
    )


def decode(response: Response, texts: ForbiddenTexts = TEXTS) -> WolkvoxTokenInformation:
    return token_information("demo", texts=texts).decode(response)


def error_of(response: Response, texts: ForbiddenTexts = TEXTS) -> Any:
    with pytest.raises(VendorError) as raised:
        decode(response, texts)
    return raised.value


def data(**changes: Any) -> Response:
    return envelope(data={name: value for name, value in {**DATA, **changes}.items() if value is not ...})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_question_is_asked_with_the_operation_in_the_query_and_no_body(method):
    call = token_information("mi operación", texts=TEXTS, method=method)
    assert (call.method, call.path) == (method, "server/API/v2/token/tokenInformation.php")
    assert (call.query, call.json, call.headers) == ({"operation": "mi operación"}, None, {})


def test_the_question_may_be_repeated_once_because_each_may_cost_a_use():
    call = token_information("demo", texts=TEXTS)
    assert (call.method, call.repeat, call.attempts) == ("GET", Repeat.SAFE, 2)


def test_the_answer_is_decoded():
    found = decode(envelope())
    assert (found.description, found.limit, found.used, found.remaining, found.hours_to_reset) == (
        "airflow-batch",
        4800,
        37,
        4763,
        9,
    )


@pytest.mark.parametrize("code", ["200", 200, "201", None])
@pytest.mark.parametrize("error", ["null", None, "", " NULL ", False, 0, [], {}])
@pytest.mark.parametrize("message", ["1 records were are found", "TOKEN LIMIT EXCEEDED", None])
def test_success_does_not_depend_on_spelling_or_types(code, error, message):
    assert decode(envelope(code=code, error=error, msg=message)).limit == 4800


def test_the_misspelt_key_wins_and_the_correct_one_is_read_too():
    correct = data(available_consumition_options=..., available_consumption_options=5)
    assert decode(correct).remaining == 5
    assert decode(data(available_consumption_options=5)).remaining == 4763


def test_numbers_may_come_as_text():
    numbers = {name: str(value) for name, value in DATA.items()}
    assert decode(envelope(data=numbers)) == decode(envelope())


@pytest.mark.parametrize(
    "changes",
    [
        {"token_limit": ""},
        {"token_limit": " "},
        {"token_limit": "many"},
        {"token_limit": -1},
        {"token_limit": None},
        {"token_limit": ...},
        {"token_use_today": -1},
        {"token_use_today": "1.5"},
        {"available_consumition_options": ...},
        {"available_consumition_options": ""},
        {"hours_to_restart_count": -1},
        {"hours_to_restart_count": ""},
        {"hours_to_restart_count": 1000},
        {"hours_to_restart_count": "nan"},
        {"hours_to_restart_count": ...},
    ],
)
def test_numbers_that_are_none_are_a_protocol_error_that_names_the_key(changes):
    error = error_of(data(**changes))
    assert type(error) is VendorProtocolError
    assert next(iter(changes)) in str(error)


@pytest.mark.parametrize(
    "answer", [None, [], [DATA], "text", 7, {}], ids=["null", "empty", "list", "text", "number", "object"]
)
def test_data_of_another_shape_is_a_protocol_error(answer):
    assert type(error_of(envelope(data=answer))) is VendorProtocolError


@pytest.mark.parametrize("hours", [0, 24, 0.5, "15"])
def test_the_reset_is_as_many_hours_after_the_answer_as_it_says(hours):
    reading = decode(data(hours_to_restart_count=hours)).quota(NOW)
    assert reading.resets_at == NOW + timedelta(hours=float(hours))
    assert (reading.observed_at, reading.source) == (NOW, "probe")


@pytest.mark.parametrize("left", [0, -3])
def test_no_quota_has_less_than_nothing_left(left):
    reading = decode(data(available_consumition_options=left)).quota(NOW)
    assert (reading.limit, reading.used, reading.remaining) == (4800, 37, 0)


def test_a_reading_is_readable_and_plain():
    reading = decode(envelope()).quota(NOW)
    assert str(reading) == "4,763 of 4,800 requests remaining, reset at 2027-02-01 00:20 UTC"
    assert json.loads(json.dumps(reading.as_dict()))["resets_at"] == "2027-02-01T00:20:00+00:00"


# 403 and its many meanings

MEANINGS = [
    ("TOKEN LIMIT EXCEEDED", QuotaExhausted),
    ("Límite de consumo excedido", QuotaExhausted),
    ("El limite diario fue superado", QuotaExhausted),
    ("límite agotado", QuotaExhausted),
    ("daily quota used", QuotaExhausted),
    ("Se ha excedido el límite diario de consumo del token", QuotaExhausted),
    ("Cuota diaria del token agotada", QuotaExhausted),
    ("Superado el LIMITE de consumo", QuotaExhausted),
    ("YOU HAVE EXCEEDED THE DAILY LIMIT", QuotaExhausted),
    ("Too many requests today: daily limit exceeded", QuotaExhausted),
    ("Daily rate limit exceeded", QuotaExhausted),
    ("Too many requests for today: limit exceeded", QuotaExhausted),
    ("Ha agotado los usos del token por hoy", QuotaExhausted),
    ("Se alcanzó el límite de consumo por hoy", QuotaExhausted),
    ("El consumo diario permitido fue superado", QuotaExhausted),
    ("You have reached your daily limit of API calls", QuotaExhausted),
    ("Daily limit of requests of this IP exceeded", QuotaExhausted),
    ("API request limit per IP reached", RateLimited),
    ("Se superó el límite de peticiones por IP", RateLimited),
    ("Ha superado el número máximo de solicitudes por minuto", RateLimited),
    ("Límite de peticiones por minuto excedido", RateLimited),
    ("Your IP is not allowed", VendorRejected),
    ("RATE LIMIT EXCEEDED", RateLimited),
    ("Too many requests from this IP", RateLimited),
    ("Demasiadas solicitudes desde esta dirección", RateLimited),
    ("EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)", RateLimited),
    ("Excede el límite de peticiones simultáneas por token", RateLimited),
    ("solicitudes simultaneas", RateLimited),
    ("BACKUP IN PROGRESS, PLEASE TRY LATER", VendorUnavailable),
    ("Under maintenance", VendorUnavailable),
    ("En mantenimiento", VendorUnavailable),
    ("Copia de seguridad en curso", VendorUnavailable),
    ("servidor en respaldo", VendorUnavailable),
    ("PLEASE VALIDATE TOKEN", VendorAuthError),
    ("invalid token", VendorAuthError),
    ("FORBIDDEN BY WHATEVER", VendorRejected),
    ("", VendorRejected),
]


SANDBOX = {
    "exhausted": QuotaExhausted,
    "concurrency": RateLimited,
    "rate_limit": RateLimited,
    "address_limit": RateLimited,
    "address_refused": VendorRejected,
    "maintenance": VendorUnavailable,
    "missing_token": VendorAuthError,
    "unknown_token": VendorAuthError,
    "expired_token": VendorAuthError,
    "body_too_long": VendorRejected,
    "unknown_id": VendorRejected,
}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("name", "kind"), SANDBOX.items())
def test_each_text_of_the_sandbox_is_recognised_beside_a_403(preset, name, kind):
    assert type(error_of(refusal(PRESETS[preset][name]))) is kind


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", ["exhausted", "concurrency", "address_limit", "unknown_id"])
def test_its_clear_texts_are_recognised_beside_a_400_too(preset, name):
    assert type(error_of(refusal(PRESETS[preset][name], 400))) is SANDBOX[name]


@pytest.mark.parametrize(("message", "kind"), MEANINGS)
def test_a_403_is_split_by_its_text(message, kind):
    error = error_of(refusal(message))
    assert type(error) is kind
    assert (error.status, error.code) == (403, 403)
    assert message in str(error)


@pytest.mark.parametrize(("message", "kind"), MEANINGS)
def test_status_and_code_need_not_agree_for_that(message, kind):
    assert type(error_of(refusal(message, status=200, code="403"))) is kind
    assert type(error_of(refusal(message, status=403, code=200))) is kind


@pytest.mark.parametrize(("message", "kind"), MEANINGS)
@pytest.mark.parametrize("page", ["<html><body><h1>403</h1>{}</body></html>", "{}"])
def test_a_refusal_that_is_not_json_is_split_too(message, kind, page):
    error = error_of(Response(403, {"content-type": "text/html"}, page.format(message).encode()))
    assert type(error) is kind
    assert error.status == 403


@pytest.mark.parametrize(("message", "kind"), MEANINGS)
def test_an_error_object_in_place_of_the_envelope_is_split_too(message, kind):
    body = json.dumps({"error": {"code": 403, "message": message}}).encode()
    assert type(error_of(Response(403, {}, body))) is kind


def test_an_unrecognised_403_is_not_retried_and_says_what_to_set():
    error = error_of(refusal("FORBIDDEN BY WHATEVER"))
    assert "set the pattern in the connection" in error.remedy


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("concurrency", RateLimited),
        ("maintenance", VendorUnavailable),
        ("quota", QuotaExhausted),
        ("token", VendorAuthError),
    ],
)
def test_the_patterns_of_the_connection_decide(field, kind):
    texts = replace(TEXTS, **{field: r"c[oó]digo 77\b"})
    assert type(error_of(refusal("Error: CÓDIGO 77!"), texts)) is kind
    assert type(error_of(refusal("Error: CÓDIGO 777"), texts)) is VendorRejected


def test_concurrency_is_looked_for_before_the_limit_that_it_mentions():
    assert type(error_of(refusal("SIMULTANEOUS TOKEN LIMIT EXCEEDED DURING MAINTENANCE"))) is RateLimited


def test_maintenance_is_waited_for_and_nothing_was_processed():
    error = error_of(refusal("MAINTENANCE"))
    assert (error.processed, error.retry_after) == (False, MAINTENANCE_WAIT)
    assert error_of(refusal("MAINTENANCE", headers={"retry-after": "5"})).retry_after == 5.0


def test_retry_after_comes_along_with_throttling():
    assert error_of(refusal("SIMULTANEOUS", headers={"retry-after": "5"})).retry_after == 5.0
    assert error_of(refusal("SIMULTANEOUS")).retry_after is None


def test_a_used_up_quota_does_not_say_when_it_ends():
    assert error_of(refusal("TOKEN LIMIT EXCEEDED")).resets_at is None


# Other statuses


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, VendorRejected),
        (401, VendorAuthError),
        (404, VendorRejected),
        (405, VendorRejected),
        (412, VendorRejected),
        (416, VendorRejected),
        (417, VendorRejected),
        (429, RateLimited),
        (500, VendorUnavailable),
        (503, VendorUnavailable),
    ],
)
@pytest.mark.parametrize("form", ["envelope", "code alone", "status alone", "html"])
def test_every_other_status_has_its_error_wherever_it_is_written(status, kind, form):
    responses = {
        "envelope": refusal("SOMETHING", status),
        "code alone": refusal("SOMETHING", 200, code=str(status)),
        "status alone": refusal("SOMETHING", status, code="200"),
        "html": Response(status, {"content-type": "text/html"}, b"<html>SOMETHING</html>"),
    }
    error = error_of(responses[form])
    assert type(error) is kind
    assert ("SOMETHING" in str(error)) is (form != "html")


@pytest.mark.parametrize("status", [400, 404, 405, 412, 417])
@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("TOKEN LIMIT EXCEEDED", QuotaExhausted),
        ("Se ha excedido el límite diario de consumo del token", QuotaExhausted),
        ("Cuota diaria del token agotada", QuotaExhausted),
        ("Ha superado el límite diario", QuotaExhausted),
        ("DAILY LIMIT EXCEEDED", QuotaExhausted),
        ("Daily rate limit exceeded", QuotaExhausted),
        ("You have reached your daily limit", QuotaExhausted),
        ("Daily token limit has been exceeded", QuotaExhausted),
        ("Se agotó la cuota diaria del token", QuotaExhausted),
        ("Demasiadas peticiones desde esta IP", RateLimited),
        ("Se superó el límite de peticiones por IP", RateLimited),
        ("EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)", RateLimited),
        ("Excede el límite de peticiones simultáneas por token", RateLimited),
        ("RATE LIMIT EXCEEDED", RateLimited),
        ("The API is under maintenance", VendorUnavailable),
        ("PLEASE VALIDATE TOKEN", VendorAuthError),
    ],
)
def test_a_whole_sentence_is_recognised_with_another_status_too(status, message, kind):
    assert type(error_of(refusal(message, status))) is kind
    assert type(error_of(refusal(message, 200, code=str(status)))) is kind


@pytest.mark.parametrize("status", [400, 404, 405, 412, 416, 417])
@pytest.mark.parametrize(
    "message",
    [
        'El campo "Quota mensual" es obligatorio',
        "Token de pago inválido",
        "Invalid value for field Token",
        'El tipo de caso "Mantenimiento" no existe',
        "Copia de seguridad: campo desconocido",
        "Límite de crédito excedido",
        "The field description exceeded the limit of 200 characters of the request",
        "Límite de caracteres superado en el campo request",
        "API: value exceeded the limit of the field",
        "El campo limite de tokens no puede ser superado",
        "Daily limit exceeded: not a value of the field status",
        "Too many requests is no value of the campo estado",
        "El módulo Cuotas no existe",
        "The IP address has too many characters",
        "El límite de solicitudes por cliente no es válido",
        "Llamadas simultáneas: valor no permitido",
    ],
)
def test_a_word_of_a_field_is_only_a_word_beside_another_status(status, message):
    error = error_of(refusal(message, status))
    assert type(error) is VendorRejected
    assert message in str(error)


def test_a_pattern_of_the_connections_own_counts_beside_every_refusal():
    texts = replace(TEXTS, quota=r"c[oó]digo 77\b")
    assert type(error_of(refusal("Error: CÓDIGO 77!", 417), texts)) is QuotaExhausted
    assert type(error_of(refusal("token", 417), texts)) is VendorRejected


@pytest.mark.parametrize("former", FORMER)
def test_a_default_that_the_form_once_stored_is_nobodys_own(sandbox, set_connection, former):
    set_connection("wolkvox_default", extra={"quota_message": former, "concurrency_message": former})
    options = WolkvoxHook().options
    assert (options.quota_message, options.concurrency_message) == (QUOTA, CONCURRENCY)


def test_a_long_page_is_not_searched_to_its_end():
    message = "the api " * 20_000
    error = error_of(refusal(message, 400))
    assert type(error) is VendorRejected


@pytest.mark.parametrize("form", ["envelope", "html"])
def test_a_wrong_address_or_method_is_not_the_tokens_fault(form):
    for status, setting in ((404, "Wolkvox-Server"), (405, "Method of token information")):
        answer = refusal("NOT HERE", status) if form == "envelope" else Response(status, {}, b"<html>")
        error = error_of(answer)
        assert type(error) is VendorRejected
        assert setting in error.remedy
        assert "Wolkvox-Token" not in str(error)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, VendorAuthError), (429, RateLimited), (500, VendorUnavailable)]
)
def test_statuses_that_are_clear_are_not_reinterpreted_by_their_text(status, kind):
    assert type(error_of(refusal("TOKEN LIMIT EXCEEDED", status))) is kind


@pytest.mark.parametrize("code", ["403", 403])
def test_the_code_may_be_text_or_number(code):
    error = error_of(refusal("TOKEN LIMIT EXCEEDED", 200, code=code))
    assert (type(error), error.status, error.code) == (QuotaExhausted, 200, 403)


@pytest.mark.parametrize("code", ["999", 0, 302, "-5"])
def test_a_code_that_is_no_success_is_never_taken_for_one(code):
    assert isinstance(error_of(envelope(code=code)), VendorError)


def test_an_error_object_with_status_200_is_a_refusal():
    error = error_of(Response(200, {}, b'{"error": {"code": 400, "message": "bad module"}}'))
    assert (type(error), error.message) == (VendorRejected, "bad module")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 403, "message": "TOKEN LIMIT EXCEEDED"}, QuotaExhausted),
        ({"code": "403", "msg": "TOKEN LIMIT EXCEEDED"}, QuotaExhausted),
        ({"code": 401, "message": "no"}, VendorAuthError),
        ({"code": 503, "message": "no"}, VendorUnavailable),
    ],
)
def test_the_code_of_an_error_object_decides_where_the_envelope_has_none(error, kind):
    found = error_of(Response(200, {}, json.dumps({"error": error}).encode()))
    assert type(found) is kind
    assert found.code == int(error["code"])


@pytest.mark.parametrize("body", ['"TOKEN LIMIT EXCEEDED"', '["TOKEN LIMIT EXCEEDED"]'])
def test_the_text_of_a_refusal_may_be_json_without_an_object(body):
    assert type(error_of(Response(403, {}, body.encode()))) is QuotaExhausted


def test_the_text_of_a_refusal_may_be_in_the_charset_that_it_names():
    headers = {"content-type": "text/plain; charset=ISO-8859-1"}
    found = error_of(Response(403, headers, "Se excedió el límite diario".encode("latin-1")))
    assert type(found) is QuotaExhausted
    assert "límite" in str(found)
    unknown = {"content-type": "text/plain; charset=no-such"}
    assert type(error_of(Response(403, unknown, b"TOKEN LIMIT EXCEEDED"))) is QuotaExhausted


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"7"])
def test_json_that_is_no_object_is_a_protocol_error_or_that_of_its_status(body):
    assert type(error_of(Response(200, {}, body))) is VendorProtocolError
    assert type(error_of(Response(500, {}, body))) is VendorUnavailable


@pytest.mark.parametrize("body", [b"", b"<html>login</html>", b'{"code": "200", "da'])
def test_a_success_that_is_not_json_is_a_protocol_error(body):
    error = error_of(Response(200, {"content-type": "text/html"}, body))
    assert type(error) is VendorProtocolError
    assert "not JSON" in str(error)


def test_a_page_in_place_of_a_message_is_described_by_its_length():
    page = "token " * 500
    error = error_of(Response(403, {}, page.encode()))
    assert type(error) is VendorAuthError
    assert "a text of 2000 characters" in str(error)
    assert "token token" not in str(error)

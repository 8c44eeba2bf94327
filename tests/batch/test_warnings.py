"""What a vendor remarks on a record says nothing of its data where others read it."""

from __future__ import annotations

from functools import partial
from typing import Any

from airflow_provider.batch.warnings import clean_warnings
from airflow_provider.http.call import Call
from airflow_provider.http.personal import hide


def test_a_warning_that_quotes_the_record_names_its_fields_instead():
    call: Call[Any] = Call("POST", "x", lambda response: response, json={"Name": "Ada Byron"})
    call.made_of({"mail": "ada@example.com"})
    quoting = {"code": "C", "message": "ADA BYRON <ada@example.com> has no number"}
    odd = {"code": "ada@example.com", "message": None}
    result = {"id": "1", "warnings": [quoting, {"code": "D", "message": None}, odd, "other"]}
    clean_warnings(result, partial(hide, call=call))
    assert result["warnings"] == [
        {"code": "C", "message": "[Name] <[mail]> has no number"},
        {"code": "D", "message": None},
        {"code": "[mail]", "message": None},
        "other",
    ]


def test_results_without_warnings_stay_as_they_are():
    call: Call[Any] = Call("POST", "x", lambda response: response)
    for result in ({"id": "1"}, {"warnings": None}, None, "text"):
        clean_warnings(result, partial(hide, call=call))
    assert call.about is None

"""The smallest client of the simulated mPOHODA."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from requests import Response

from tests.support.sandbox import SandboxProcess

KEY = "sandbox-api-key"
SCOPE = "Mph.OpenApi.Access.Cz"
ABSENT = "00000000-aaaa-4aaa-8aaa-000000000000"
LINE = {
    "TextItem": {
        "Text": "Work",
        "Quantity": 2,
        "UnitPrice": 1000,
        "UnitPriceVatType": "WithoutVat",
        "VatRateType": "BasicVatRate",
    }
}
FREE = {"DocumentAddressWithoutAddressBookLink": {"CompanyName": "Ada s.r.o.", "City": "Jihlava"}}
DOCUMENTS = (
    "IssuedInvoices",
    "IssuedAdvanceInvoices",
    "ReceivedInvoices",
    "IssuedOffers",
    "IssuedOrders",
    "ReceivedOrders",
    "IssueSlips",
)


def exact(response: Response) -> Any:
    """Return an answer's JSON with its numbers as the text says."""
    return json.loads(response.text, parse_float=Decimal)


class Mpohoda:
    """Call the API with the key.

    :param sandbox: where it runs
    """

    def __init__(self, sandbox: SandboxProcess) -> None:
        self.sandbox = sandbox

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> Response:
        sent = {"Api-Key": KEY} if headers is None else headers
        url = f"{self.sandbox.url}/mpohoda/v1/{path}"
        return self.sandbox.http.request(method, url, headers=sent, timeout=60, **options)

    def page(self, resource: str, size: int | None = 100, number: int | None = 1, **query: Any) -> Response:
        params = {"PageSize": size, "PageNumber": number, **query}
        return self.call("GET", resource, params=params)

    def items(self, resource: str, size: int = 100, number: int = 1, **query: Any) -> list[Any]:
        response = self.page(resource, size, number, **query)
        assert response.status_code == 200, response.text
        return exact(response)["Items"]

    def ids(self, resource: str, size: int = 100, number: int = 1, **query: Any) -> list[str]:
        return [item["Id"] for item in self.items(resource, size, number, **query)]

    def get(self, path: str, **query: Any) -> Any:
        response = self.call("GET", path, params=query)
        assert response.status_code == 200, response.text
        return exact(response)

    def post(self, path: str, body: Any = None) -> Response:
        return self.call("POST", path, json=body)

    def created(self, path: str, body: Any = None) -> Any:
        response = self.post(path, body)
        assert response.status_code == 201, response.text
        return exact(response)

    def create(self, path: str, body: Any = None) -> Any:
        return self.created(path, body)["Data"]

    def errors(self, path: str, body: Any) -> dict[str, list[str]]:
        """Return the errors of a body that fails its validation."""
        response = self.post(path, body)
        assert response.status_code == 422, response.text
        assert response.headers["Content-Type"] == "application/problem+json"
        return response.json()["errors"]

    def seed(self, resource: str, *records: dict[str, Any], **more: Any) -> list[str]:
        body = {"resource": resource, "records": list(records), **more}
        return self.sandbox.control("POST", "mpohoda/records", body)["ids"]

    def generate(self, count: int, resource: str = "IssuedInvoices", **more: Any) -> dict[str, Any]:
        return self.sandbox.control("POST", "mpohoda/records", {"resource": resource, "count": count, **more})

    def seed_text(self, text: str) -> list[str]:
        """Seed with numbers that Python's floats cannot hold."""
        response = self.sandbox.http.post(
            f"{self.sandbox.url}/_sandbox/mpohoda/records", data=text, timeout=30
        )
        assert response.status_code == 200, response.text
        return response.json().get("ids", [])

    def switch(self, **values: Any) -> None:
        self.sandbox.switch({f"mpohoda.{name}": value for name, value in values.items()})

    def quota(self) -> dict[str, Any]:
        return self.sandbox.control("GET", "mpohoda/quota")


def document(resource: str = "IssuedInvoices", *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a body that creates a document."""
    return {"Items": list(lines) or [LINE], "BusinessPartnerAddress": FREE, **fields}


def line(**fields: Any) -> dict[str, Any]:
    return {"TextItem": {**LINE["TextItem"], **fields}}

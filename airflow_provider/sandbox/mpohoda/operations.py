"""Carry out the operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Answer
from airflow_provider.sandbox.mpohoda.create_tables import CREATES, FULLY, IDS, NOTHING, PARTIALLY
from airflow_provider.sandbox.mpohoda.files import NO_FILE, isdoc, pdf
from airflow_provider.sandbox.mpohoda.links import Warnings, check_links
from airflow_provider.sandbox.mpohoda.notation import ENUMS
from airflow_provider.sandbox.mpohoda.partners import create_partner, create_payment_method
from airflow_provider.sandbox.mpohoda.payments import is_unpaid, payment_state
from airflow_provider.sandbox.mpohoda.validation import Validation, is_guid
from airflow_provider.sandbox.mpohoda.wire import Problem, ok

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.messages import Request
    from airflow_provider.sandbox.mpohoda.parts import Parts
    from airflow_provider.sandbox.mpohoda.records import Entry, Record
    from airflow_provider.sandbox.mpohoda.resources import Operation

# What has no body of its own in an answer of 201 that cannot be read.
UNREADABLE = {"empty": (b"", b"application/json"), "html": (b"<html><body>OK</body></html>", b"text/html")}
ERRORS = "One or more validation errors occurred."


class Operations:
    """The operations by what they do.

    :param parts: the parts
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.company = parts.company
        self.switch = parts.switch
        self.validation = Validation(parts.switch)
        self.endpoints: dict[str, Callable[[Operation, str, Request], Answer]] = {
            "list": self._list,
            "detail": self._detail,
            "create": self._create,
            "pdf": self._pdf,
            "isdoc": self._isdoc,
            "status": self._status,
            "payment": self._payment,
            "unpaid": self._unpaid,
            "liquidation": self._liquidation,
            "fully": self._pay,
            "partially": self._pay,
            "transfer": self._transfer,
            "registration_numbers": self._registration_numbers,
            "quantities": self._by_ids,
            "selling_prices": self._by_ids,
        }

    def answer(self, operation: Operation, id_: str, request: Request) -> Answer:
        """Carry an operation out.

        :param operation: the operation
        :param id_: the id in the path, if there is one
        :param request: the request
        :raises Problem: if it is refused
        """
        return self.endpoints[operation.part](operation, id_, request)

    # reading

    def _list(self, operation: Operation, id_: str, request: Request) -> Answer:
        resource = operation.resource
        return self.parts.lists.answer(request, self.parts.format, resource.name, after=resource.after)

    def _unpaid(self, operation: Operation, id_: str, request: Request) -> Answer:
        return self.parts.lists.answer(
            request,
            self.parts.format,
            operation.resource.name,
            after=True,
            keep=is_unpaid,
            kind="unpaid",
            write=payment_state,
        )

    def _registration_numbers(self, operation: Operation, id_: str, request: Request) -> Answer:
        self._check_id(id_)
        item = id_.lower()
        status = self.switch("registration_numbers_status")
        if status != 200 and self.company.records.find("PriceListItems", item) is None:
            raise Problem(status, "The record does not exist.")
        return self.parts.lists.answer(
            request,
            self.parts.format,
            "RegistrationNumbers",
            after=True,
            keep=lambda entry: entry.peek()["PriceListItemId"].lower() == item,
            kind=item,
        )

    def _detail(self, operation: Operation, id_: str, request: Request) -> Answer:
        entry = self._entry(operation, id_)
        return ok(entry.encoded(self.parts.format).decode())

    def _status(self, operation: Operation, id_: str, request: Request) -> Answer:
        return self._written(self._entry(operation, id_).record["Status"])

    def _payment(self, operation: Operation, id_: str, request: Request) -> Answer:
        return ok(payment_state(self._entry(operation, id_), self.parts.format).decode())

    def _liquidation(self, operation: Operation, id_: str, request: Request) -> Answer:
        self._check_id(id_)
        found = self.parts.payments.liquidations.get((operation.resource.name, id_.lower()))
        if found is None:
            raise Problem(404, "The record does not exist.")
        return self._written(found.record)

    def _pdf(self, operation: Operation, id_: str, request: Request) -> Answer:
        language = self.parts.lists.query(request).get("Language")
        if language not in ENUMS["PdfLanguage"]:
            text = f"The value '{language}' is not valid for Language." if language else ""
            raise Problem(422, ERRORS, {"Language": [text or "'Language' must not be empty."]})
        entry = self._entry(operation, id_)
        return pdf(entry.record, language, self.switch) if self.switch("files") else NO_FILE

    def _isdoc(self, operation: Operation, id_: str, request: Request) -> Answer:
        entry = self._entry(operation, id_)
        return isdoc(entry.record, self.switch) if self.switch("files") else NO_FILE

    def _by_ids(self, operation: Operation, id_: str, request: Request) -> Answer:
        body = self.validation.body(request, IDS)
        return self._written(self.parts.stock.answer(body["Ids"], operation.part))

    # writing

    def _create(self, operation: Operation, id_: str, request: Request) -> Answer:
        name = operation.resource.name
        body = self.validation.body(request, CREATES[name])
        warnings = check_links(body, self.company.records, self.switch)
        documents = self.parts.documents
        if name == "BusinessPartners":
            entry = create_partner(self.company, documents, body, self.switch)
        elif name == "PaymentMethods":
            entry = create_payment_method(self.company, documents, body)
        else:
            entry = documents.create(name, body, warnings)
        return self._created(name, entry.record, warnings)

    def _transfer(self, operation: Operation, id_: str, request: Request) -> Answer:
        entry = self._entry(operation, id_)
        self.validation.body(request, NOTHING, optional=True)
        resource = operation.resource
        moment = self.company.clock.seconds() if self.switch("transfer_modifies") else None
        made = self.parts.documents.transfer(entry, resource.name, resource.transfer, moment)
        return self._created(resource.name, made.record, [])

    def _pay(self, operation: Operation, id_: str, request: Request) -> Answer:
        entry = self._entry(operation, id_)
        fully = operation.part == "fully"
        body = self.validation.body(request, FULLY if fully else PARTIALLY, optional=fully)
        liquidation = self.parts.payments.pay(operation.resource.name, entry, body, fully)
        return self._created(f"{operation.resource.name}/Liquidation", liquidation, [])

    def _created(self, path: str, record: Record, warnings: Warnings) -> Answer:
        how = self.switch("created_answer")
        listed = warnings or ([] if self.switch("warnings") == "list" else None)
        whole = {"Data": None if how == "null" else record, "Warnings": listed}
        content, content_type = self.parts.format.text(whole).encode(), b"application/json"
        if how in UNREADABLE:
            content, content_type = UNREADABLE[how]
        elif how == "cut":
            content = content[: len(content) // 2]
        headers = [(b"content-type", content_type)]
        if self.switch("created_location"):
            headers.append((b"location", f"/v1/{path}/{record['Id']}".encode()))
        return Answer(201, content, tuple(headers))

    # both

    def _written(self, value: Any) -> Answer:
        return ok(self.parts.format.text(value))

    def _entry(self, operation: Operation, id_: str) -> Entry:
        self._check_id(id_)
        entry = self.company.records.find(operation.resource.name, id_)
        if entry is None:
            raise Problem(404, "The record does not exist.")
        return entry

    def _check_id(self, id_: str) -> None:
        if is_guid(id_):
            return
        status = self.switch("bad_id_status")
        text = "'Id' is not a valid GUID." if id_ else "'Id' must not be empty."
        raise Problem(status, ERRORS, {"Id": [text]} if status == 422 else None)

"""Links of tasks in Airflow's UI: to the operations page, the output, the quota and the vendor.

A link is made on the worker when the task ends, from what the operator knows by then, and Airflow keeps it as
an XCom of the task. It names the run, the task and the connection, and nothing that the records have.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from airflow.sdk import BaseOperatorLink

from airflow_provider.vendors import VENDORS, Vendor, vendor_of

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey

PAGE = "/vendor-apis"
"""Where the operations page is mounted, below the path of ``[api] base_url``."""

S3 = ("s3", "s3a", "s3n")
GOOGLE = ("gs", "gcs")


def base_url(*, absolute: bool = False) -> str:
    """Return where Airflow's UI begins, without a slash at the end.

    :param absolute: with the host, for those who read it elsewhere, where ``[api] base_url`` has one
    """
    from airflow.sdk import conf

    parts = urlsplit(conf.get("api", "base_url", fallback="") or "")
    path = parts.path.rstrip("/")
    # Without the host a link works wherever the reader has opened Airflow.
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}" if absolute and parts.netloc else path


def page(section: str, *, absolute: bool = False, **filters: str | None) -> str:
    """Return the address of a section of the operations page.

    :param section: the section, like ``records``
    :param absolute: with the host
    :param filters: what is to be shown: ``conn_id``, ``operation``, ``dag_id``, ``run_id``, ``task_id``,
        ``state``
    """
    query = urlencode({name: value for name, value in filters.items() if value}, quote_via=quote)
    return f"{base_url(absolute=absolute)}{PAGE}/{section}{f'?{query}' if query else ''}"


def page_of_task(section: str, task: Any, *, absolute: bool = False, **filters: str | None) -> str:
    """Return the address of what a section has of a task.

    :param section: the section, like ``records``
    :param task: the task instance, or its key
    :param absolute: with the host
    :param filters: what else is to be shown
    """
    names = {name: getattr(task, name) for name in ("dag_id", "run_id", "task_id")}
    return page(section, absolute=absolute, **names, **filters)


def push(context: Context, operator: BaseOperator) -> None:
    """Make the link to the records at once, for those who look at the task while it runs.

    :param context: the task's context
    :param operator: the task
    """
    instance: Any = context.get("ti")
    if not hasattr(instance, "xcom_push"):
        return
    link = RecordsLink()
    try:
        instance.xcom_push(key=link.xcom_key, value=link.get_link(operator, ti_key=instance))
    except Exception as error:
        # Airflow makes it once more when the task ends.
        operator.log.debug("The link to the records is not there yet: %s.", type(error).__name__)


class RecordsLink(BaseOperatorLink):
    """What the ledger has of this task's records; none where nothing is sent."""

    name = "Records"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address on the operations page.

        :param operator: the task
        :param ti_key: the task instance
        """
        outcome: Any = getattr(operator, "outcome", None)
        return "" if outcome is not None and outcome.direction == "none" else page_of_task("records", ti_key)


class FailedRecordsLink(BaseOperatorLink):
    """The records of this task that failed or have an unknown outcome; none where all went well."""

    name = "Failed records"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the report in its store, or on the operations page.

        :param operator: the task
        :param ti_key: the task instance
        """
        outcome: Any = getattr(operator, "outcome", None)
        if outcome is None or not (outcome.unsuccessful or outcome.report):
            return ""
        if outcome.report and (console := console_of(outcome.report)):
            return console
        return failures_page(ti_key, outcome)


class OutputLink(BaseOperatorLink):
    """Where the output is: the console of its object storage, or what Airflow knows of it."""

    name = "Output"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address.

        :param operator: the task
        :param ti_key: the task instance
        """
        outcome: Any = getattr(operator, "outcome", None)
        if outcome is None:
            return ""
        if outcome.output and (console := console_of(outcome.output)):
            return console
        # The result of a task that the page does not know, with the path of its output, is an XCom.
        return page_of_task("batches", ti_key) if outcome.recorded else xcom_page(ti_key)


class QuotaLink(BaseOperatorLink):
    """What remains of the quota of the task's connection; none for a vendor without one."""

    name = "Quota"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address on the operations page.

        :param operator: the task
        :param ti_key: the task instance
        """
        vendor, conn_id = connection_of(operator)
        if vendor is not None and not vendor.quota:
            return ""
        return page("quotas", conn_id=conn_id) if conn_id else ""


class VendorLink(BaseOperatorLink):
    """The vendor's own web application; none where no address is known and the connection has none."""

    name = "Vendor"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address.

        :param operator: the task
        :param ti_key: the task instance
        """
        vendor, conn_id = connection_of(operator)
        if not conn_id:
            return ""
        try:
            connection = _connection(conn_id)
            vendor = vendor or vendor_of(connection.conn_type)
            options = vendor.options_type().read(connection) if vendor else None
            found: str = options.web_address(vendor.web) if vendor and options is not None else ""
        except Exception:
            # The task says what is wrong with its connection.
            found = vendor.web if vendor else ""
        return found


VENDOR_LINKS: tuple[BaseOperatorLink, ...] = (QuotaLink(), VendorLink())
"""The links of each operator and sensor."""

LIST_LINKS: tuple[BaseOperatorLink, ...] = (OutputLink(), *VENDOR_LINKS)
"""The links of operators that read lists."""

BATCH_LINKS: tuple[BaseOperatorLink, ...] = (RecordsLink(), FailedRecordsLink(), *LIST_LINKS)
"""The links of batches."""


def connection_of(operator: Any) -> tuple[Vendor | None, str | None]:
    """Return which connection a task uses.

    :param operator: the task
    :return: the vendor, None where the operator serves several, and the id of the connection
    """
    for vendor in VENDORS:
        if conn_id := getattr(operator, f"{vendor.conn_type}_conn_id", None):
            return vendor, conn_id
    return None, getattr(operator, "conn_id", None)


def console_of(uri: str) -> str | None:
    """Return where the console of an object storage shows a file.

    :param uri: path or URI of the file
    :return: None for a path, for a storage whose console cannot be told from the URI, and for one that only
        speaks the protocol of another
    """
    scheme, separator, rest = uri.partition("://")
    place, _, key = rest.partition("/")
    # Before "@" there is the name of an Airflow connection.
    conn_id, _, bucket = place.rpartition("@")
    if not separator or not bucket or not key:
        return None
    if scheme in S3 and not _has_other_endpoint(conn_id):
        return f"https://console.aws.amazon.com/s3/object/{quote(bucket)}?prefix={quote(key)}"
    if scheme in GOOGLE:
        return f"https://console.cloud.google.com/storage/browser/_details/{quote(bucket)}/{quote(key)}"
    return None


def failures_page(task: Any, outcome: Any, *, absolute: bool = False) -> str:
    """Return where one sees what went wrong with a task's records.

    :param task: the task instance, or its key
    :param outcome: what the task did; None where it has not begun
    :param absolute: with the host
    """
    if outcome is None:
        return page_of_task("records", task, absolute=absolute, state="failed")
    if not outcome.recorded:
        return xcom_page(task, absolute=absolute)
    counts = outcome.counts
    if counts.get("unknown") and not counts.get("failed"):
        return page_of_task("unknown", task, absolute=absolute)
    return page_of_task("records", task, absolute=absolute, state="failed")


def xcom_page(task: Any, *, absolute: bool = False) -> str:
    """Return where Airflow's UI shows the XComs of a task.

    :param task: the task instance, or its key
    :param absolute: with the host
    """
    dag_id, run_id, task_id = (
        quote(getattr(task, name), safe="") for name in ("dag_id", "run_id", "task_id")
    )
    index = getattr(task, "map_index", -1)
    mapped = f"/mapped/{index}" if index is not None and index >= 0 else ""
    return f"{base_url(absolute=absolute)}/dags/{dag_id}/runs/{run_id}/tasks/{task_id}{mapped}/xcom"


def _has_other_endpoint(conn_id: str) -> bool:
    """Say whether objects of S3's protocol are at another place than Amazon's, like MinIO."""
    if os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        return True
    if not conn_id:
        return False
    try:
        extra = _connection(conn_id).extra_dejson
    except Exception:
        return True
    service = (extra.get("service_config") or {}).get("s3") or {}
    return bool(extra.get("endpoint_url") or service.get("endpoint_url") or extra.get("host"))


def _connection(conn_id: str) -> Any:
    from airflow.sdk import BaseHook

    return BaseHook.get_connection(conn_id)

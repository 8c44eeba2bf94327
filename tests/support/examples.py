"""The example Dags, for the tests that load and run them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.dags import register

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import DAG

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {path.stem: path for path in sorted((ROOT / "dags_examples").glob("*.py"))}
CUSTOMERS = ROOT / "dags_examples" / "data" / "customers.csv"
ORDERS = ROOT / "dags_examples" / "data" / "orders.csv"


def load(name: str) -> DAG:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(EXAMPLES[name]))
    assert bag.import_errors == {}
    assert list(bag.dags) == [name]
    return bag.dags[name]


def run(dag: DAG, *, at: datetime | None = None, **conf: Any) -> None:
    """Run a Dag to its end.

    :param dag: the Dag
    :param at: its logical date, from which its interval follows; None for a run without either
    :param conf: its parameters
    """
    from airflow.utils.state import DagRunState

    register(dag)
    # A mistake shows at once, not after the examples' patient retries.
    for task in dag.tasks:
        task.retries = 0
    assert dag.test(run_conf=conf, logical_date=at).state == DagRunState.SUCCESS

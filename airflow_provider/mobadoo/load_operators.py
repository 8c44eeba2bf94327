"""The operator that loads players and their balances into the wallet.

Dags import it from :mod:`airflow_provider.mobadoo.operators`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow_provider.exceptions import InvalidInput
from airflow_provider.mobadoo.wallet_operators import MobadooWalletOperator
from airflow_provider.run_identity import RunIdentity
from airflow_provider.values import one_of

if TYPE_CHECKING:
    from airflow_provider.mobadoo.players import LoadPlan

DIFFERENCES = ("report", "adjust", "fail")


class MobadooLoadPlayersOperator(MobadooWalletOperator):
    """Load players and their balances into the wallet that answers Mobadoo's callbacks.

    A record has ``player``, the operator's own identifier; ``currency``, three letters of ISO 4217; and
    ``balance``, text like ``10.50``, with no more decimals than the currency has. It may have
    ``display_name`` and ``hash``, a session that your own system has made. The result has ``loaded``:
    ``outcome`` (``created``, ``unchanged``, ``differs`` or ``adjusted``), ``balance`` (what the wallet has
    now) and ``before`` (what it had before it was adjusted).

    **A player who is there keeps the balance**, because tickets have moved it since. A missing player is
    created with the balance as an opening entry; a name and a session that are given replace those of before.
    Loading the same file again changes nothing. Where a balance differs, ``differences`` says what happens. A
    player's currency never changes: a record with another one fails.

    Players are loaded in groups, each in one transaction. A record that ends the batch leaves the groups
    before it loaded; correct it and run the task again.

    .. seealso:: :ref:`howto/operator:MobadooLoadPlayersOperator`

    :param records: a list of dicts; the path or URI of a CSV, TSV, JSONL or Parquet file, the first three
        also compressed (``.csv.gz``); or the output of another task (templated)
    :param differences: what is done where the wallet has another balance: ``report``: it stays, and the
        result and the log say how many there are; ``adjust``: it is changed to the one that is given, with an
        entry of its own, once in a run, so that a retry does not undo what tickets have moved meanwhile;
        ``fail``: it stays, and the record is a failed one
    :param output: path or URI of the file for the results; failed records are reported beside it, in
        ``….failed.jsonl``. Without it results are returned through XCom, for at most 1,000 records
        (templated)
    :param fields: renames: names of a record's fields by parameter, where they differ; dots lead into nested
        records (templated)
    :param defaults: values for what a record does not have, like a ``currency`` (templated)
    :param on_error: ``fail``: the first failed record ends the batch; ``continue``: failed records are
        reported and the batch goes on
    :param max_failures: with ``continue``, failed records after which the batch ends all the same
    :param delimiter: what separates the columns of a CSV file; a comma by default, a tab in a ``.tsv`` file
    :param encoding: encoding of a CSV or JSONL file
    :param missing_values: ``fail``: a row of a CSV file with fewer values than the header is a failed record;
        ``empty``: the missing values are empty
    :param empty: what a batch without records is: ``warn``: a success with a warning, or ``fail``: a failure
    :param wallet_conn_id: connection of the wallet's database; None: ``[vendor_apis] wallet_conn_id``
        (templated)
    :param mobadoo_conn_id: id of the Mobadoo connection whose players they are (templated)
    :param retry_policy: as for every operator of this provider
    """

    def __init__(
        self,
        *,
        differences: Literal["report", "adjust", "fail"] = "report",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        one_of("differences", differences, DIFFERENCES)
        self.differences = differences

    @property
    def result_key(self) -> str:
        """The key of a record under which its result is."""
        return "loaded"

    def work(self, context: Any) -> dict[str, Any]:
        """Load the players.

        :return: counts, and where the results are
        :raises VendorError: nothing was published; what was loaded stays, and may be loaded again
        """
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.mobadoo.load_run import LoadRun

        given = self.begin(context, "mobadoo.load_players")
        return LoadRun(self._plan(RunIdentity.of(context).task), **given).run()

    def _plan(self, task: str) -> LoadPlan:
        from airflow_provider.batch.mapping import RecordMapping
        from airflow_provider.mobadoo.players import LoadPlan, load

        defaults = dict(self.defaults or {})
        for name in {"player", "hash", "display_name"} & set(defaults):
            raise InvalidInput(
                f'"defaults" names {name}, which is another one in each record.',
                field="defaults",
                remedy="Leave it out. It may name currency and balance.",
            )
        return LoadPlan(
            conn_id=self.mobadoo_conn_id,
            wallet_conn_id=self.wallet_connection(),
            differences=self.differences,
            task=task,
            mapping=RecordMapping(
                load, fields=self.fields or {}, defaults=defaults, chained={}, secrets=("hash",)
            ),
            on_error=self.on_error,
            max_failures=self.max_failures,
        )

"""The operator that compares the wallet with Mobadoo's list of tickets.

Dags import it from :mod:`airflow_provider.mobadoo.operators`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider import values
from airflow_provider.exceptions import BatchFailed, InvalidInput
from airflow_provider.mobadoo.wallet_operators import MobadooWalletOperator
from airflow_provider.values import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.mobadoo.reconciliation import ReconcilePlan

GRACE = timedelta(hours=1)


class MobadooReconcileTicketsOperator(MobadooWalletOperator):
    """Compare what the wallet has booked with the tickets that Mobadoo lists.

    A record is a ticket of Mobadoo's list: ``id``, ``uuid`` (the player), ``state``, ``tips`` with
    ``bet_amount`` and ``won_amount``, and perhaps ``transaction_id``;
    :class:`~airflow_provider.mobadoo.operators.MobadooListTicketsOperator` reads them. What a ticket looks
    like in the list is assumed to be as in Mobadoo's callbacks; ``fields`` renames. It changes nothing.

    The results are the differences alone: ``player``, ``ticket``, ``transaction_id``, ``difference`` (in
    words), ``mobadoo`` (state and amounts of the list) and ``wallet`` (state and entries). The task returns
    ``total`` (tickets of the list), ``differences``, ``kinds`` (how many of each), ``sums`` by currency of
    ``bets``, ``wins`` and ``refunds``, each of the ``wallet`` and of ``mobadoo``, and ``output``.

    .. seealso:: :ref:`howto/operator:MobadooReconcileTicketsOperator`

    :param records: the tickets of Mobadoo's list: a list of dicts, the path or URI of a JSONL or Parquet
        file, or the output of the task that reads them, which must be complete (templated)
    :param on_differences: ``fail``: the task fails where there is a difference, when the results are
        published; ``report``: it succeeds
    :param since: only tickets that came into the wallet from this moment on must be in the list: a datetime,
        or a text as in ISO 8601; for lists that do not go back for ever (templated)
    :param grace: how long a ticket that came into the wallet need not be in the list yet, which is older than
        the comparison
    :param output: path or URI of the file for the differences; tickets that cannot be read are reported
        beside it, in ``….failed.jsonl``. Without it differences are returned through XCom, for at most 1,000
        tickets (templated)
    :param fields: renames: names of a ticket's fields by parameter, where they differ (templated)
    :param on_error: ``fail``: the first ticket that cannot be read ends it; ``continue``: it is reported
    :param max_failures: with ``continue``, such tickets after which it ends all the same
    :param empty: what a list without tickets is: ``warn``: a success with a warning, or ``fail``: a failure
    :param wallet_conn_id: connection of the wallet's database; None: ``[vendor_apis] wallet_conn_id``
        (templated)
    :param mobadoo_conn_id: id of the Mobadoo connection whose players they are (templated)
    :param retry_policy: as for every operator of this provider
    """

    template_fields: Sequence[str] = (*MobadooWalletOperator.template_fields, "since")

    def __init__(
        self,
        *,
        on_differences: str = "fail",
        since: Any = None,
        grace: timedelta = GRACE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        one_of("on_differences", on_differences, ("fail", "report"))
        if since is not None:
            values.moment("since", since)
        self.on_differences = on_differences
        self.since = since
        self.grace = values.duration("grace", grace)

    @property
    def result_key(self) -> str:
        """The key that the results of a batch are under: a difference has none."""
        return "difference"

    def work(self, context: Any) -> dict[str, Any]:
        """Compare the tickets.

        :return: counts, sums, and where the differences are
        :raises BatchFailed: there are differences; they are published
        :raises VendorError: it did not come to its end
        """
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.mobadoo.reconcile_run import ReconcileRun

        self._check_complete()
        given = self.begin(context, "mobadoo.reconcile_tickets")
        run = ReconcileRun(self._plan(), **given, wallet_conn_id=self.wallet_connection())
        result = run.run()
        if self.outcome is not None:
            # The output has the differences alone.
            self.outcome.rows = dict.fromkeys(self.outcome.rows, result["differences"])
        if result["differences"]:
            told = ", ".join(f"{count} {kind}" for kind, count in result["kinds"].items())
            where = result["output"] or "the result"
            self.log.warning("The wallet and Mobadoo differ in %d tickets: %s.", result["differences"], told)
            if self.on_differences == "fail":
                raise BatchFailed(
                    f"the wallet and Mobadoo differ in {result['differences']} tickets: {told}",
                    remedy=f"They are in {where}. The page Money says what each of them means.",
                )
        return result

    def _check_complete(self) -> None:
        listed = self.records
        if isinstance(listed, dict) and listed.get("complete") is False:
            reasons = "; ".join(listed.get("reasons") or ["it does not say why"])
            raise InvalidInput(
                f'"records": the list of tickets is not complete: {reasons}.',
                field="records",
                remedy="Read the list again: what is missing would be told to be missing at Mobadoo.",
            )

    def _plan(self) -> ReconcilePlan:
        from airflow_provider.batch.mapping import RecordMapping
        from airflow_provider.extract import instants
        from airflow_provider.mobadoo.hooks import MobadooHook
        from airflow_provider.mobadoo.reconciliation import ReconcilePlan, ticket

        since = instants.given("since", self.since)
        options = MobadooHook(self.mobadoo_conn_id).options
        return ReconcilePlan(
            conn_id=self.mobadoo_conn_id,
            mapping=RecordMapping(ticket, fields=self.fields or {}, defaults=self.defaults or {}, chained={}),
            amount_of=getattr(options, "ticket_amount", "first"),
            since=0.0 if since is None else since.timestamp(),
            grace=self.grace.total_seconds(),
            on_error=self.on_error,
            max_failures=self.max_failures,
        )

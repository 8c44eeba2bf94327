"""The operator that makes launch URLs, with which players open the vendor's front end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.mobadoo.record_operators import MobadooRecordOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.mobadoo.connection import MobadooOptions
    from airflow_provider.mobadoo.launches import LaunchPlan

SECRET_RESULTS = ("url",)


class MobadooLaunchUrlsOperator(MobadooRecordOperator):
    """Make launch URLs: with its URL a player opens Mobadoo's front end, signed in.

    A record has ``player``, the operator's own identifier, and may have ``hash``, the session in the URL,
    and ``profile``, in place of the connection's. Without ``hash`` one is made, of 192 random bits. The
    result has ``launch``: ``url`` (sealed).

    **The URL lets in whoever has it.** It is sealed in XCom and in files, and so is a given ``hash``; the
    provider's database has a digest of the hash alone. A player has one session: the next launch replaces it,
    and the URL of before does not open anything any more where Mobadoo asks for the player.

    No request is made, so nothing is recorded as sent: each try makes new URLs. Sessions are stored when all
    records are read and before the output is published. So a batch that fails on a record changes nothing,
    and every URL in an output has a session. A task that is killed while it stores them leaves players whose
    URL of before is replaced and whose new one nobody has; its retry gives them another.

    .. seealso:: :ref:`howto/operator:MobadooLaunchUrlsOperator`

    :param records: a list of dicts; the path or URI of a CSV, TSV, JSONL or Parquet file, the first three
        also compressed (``.csv.gz``); or the output of another batch task (templated)
    :param output: path or URI of the file for the results, in the format of its ending: ``.jsonl``,
        ``.ndjson``, ``.csv``, ``.tsv``, each also with ``.gz``, or ``.parquet``; failed records are reported
        beside it, in ``….failed.jsonl``. Without it results are returned through XCom, for at most 1,000
        records (templated)
    :param fields: renames: names of a record's fields by parameter, where they differ; dots lead into nested
        records (templated)
    :param defaults: a ``profile`` for records that have none, in place of the connection's (templated)
    :param on_error: ``fail``: the first failed record ends the batch; ``continue``: failed records are
        reported and the batch goes on
    :param max_failures: with ``continue``, failed records after which the batch ends all the same
    :param on_partial_failure: what the task is when all URLs are made and some records failed: ``succeed``;
        ``skip_downstream``: a success, and the tasks that follow are skipped; or ``fail``. Needs
        ``on_error="continue"``
    :param reveal: ``["url"]`` writes the URLs in clear: everybody who can read the output, or XCom without
        one, can use them
    :param delimiter: what separates the columns of a CSV file; a comma by default, a tab in a ``.tsv`` file
    :param encoding: encoding of a CSV or JSONL file
    :param missing_values: ``fail``: a row of a CSV file with fewer values than the header is a failed record;
        ``empty``: the missing values are empty
    :param empty: what a batch without records is: ``warn``: a success with a warning, or ``fail``: a failure
    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    :param retry_policy: as for every operator of this provider
    """

    def secret_results(self) -> Sequence[str]:
        """Return the secret fields of a result."""
        return SECRET_RESULTS

    @property
    def result_key(self) -> str:
        """The key of a record under which its result is."""
        return "launch"

    def work(self, context: Any) -> dict[str, Any]:
        """Make the URLs.

        :return: counts, and where the results are
        :raises VendorError: nothing was published
        """
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.mobadoo.launch_run import LaunchRun

        given = self.begin(context, "mobadoo.launch_urls")
        return LaunchRun(self._plan(), **given).run()

    def _plan(self) -> LaunchPlan:
        from airflow_provider.batch.mapping import RecordMapping
        from airflow_provider.mobadoo.hooks import MobadooHook
        from airflow_provider.mobadoo.launches import LaunchPlan, launch

        options = MobadooHook(self.mobadoo_conn_id).options
        defaults = dict(self.defaults or {})
        for name in {"player", "hash"} & set(defaults):
            raise InvalidInput(
                f'"defaults" names {name}, which is another one in each record.',
                field="defaults",
                remedy="Leave it out. It may name profile.",
            )
        return LaunchPlan(
            conn_id=self.mobadoo_conn_id,
            online_url=options.online,
            client_id=self._needed(options, "client_id"),
            profile=self._needed(options, "profile"),
            mapping=RecordMapping(
                launch, fields=self.fields or {}, defaults=defaults, chained={}, secrets=("hash",)
            ),
            reveal=bool(self.reveal),
            on_error=self.on_error,
            max_failures=self.max_failures,
        )

    def _needed(self, options: MobadooOptions, name: str) -> str:
        value: str | None = getattr(options, name)
        if not value:
            raise InvalidInput(
                f'"{name}" is empty, and every launch URL has it.',
                field=name,
                vendor="mobadoo",
                conn_id=self.mobadoo_conn_id,
                remedy=f'Fill the field "{name}" of the connection.',
            )
        return value

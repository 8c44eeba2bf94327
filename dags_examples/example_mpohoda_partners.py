"""Put the partners of a file into mPOHODA's address book, except those that are there already."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import DAG

from airflow_provider.mpohoda.operators import MpohodaCreateOperator

PARTNERS = str(Path(__file__).parent / "data" / "partners.csv")
OUTPUT = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "partners"

with DAG("example_mpohoda_partners", schedule=None, tags=["mpohoda", "example"]):
    # [START howto_operator_mpohoda_partners]
    create_partners = MpohodaCreateOperator(
        task_id="create_partners",
        resource="BusinessPartners",
        # The columns have the vendor's names, so nothing has to be renamed.
        records=PARTNERS,
        output=f"{OUTPUT}/{{{{ run_id | replace(':', '') }}}}.jsonl",
        # What is left out is probably "no" for both.
        defaults={"BusinessDetails.IsCustomer": True, "BusinessDetails.IsSupplier": False},
        # mPOHODA itself would take the same IČO twice.
        existing="skip",
        on_error="continue",
    )
    # [END howto_operator_mpohoda_partners]

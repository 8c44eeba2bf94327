"""What Airflow takes for a secret by its name, and what this package does."""

from __future__ import annotations

import pytest
from airflow.sdk._shared.secrets_masker import DEFAULT_SENSITIVE_FIELDS, SecretsMasker

from airflow_provider.vendors import VENDORS

FIELDS = [
    pytest.param(name, form, id=f"{vendor.conn_type}-{name}")
    for vendor in VENDORS
    for name, form in vendor.options_type().forms().items()
]


def masks(name: str) -> bool:
    """Say whether Airflow, as it is installed, masks a field of this name."""
    masker = SecretsMasker()
    masker.sensitive_variables_fields = list(DEFAULT_SENSITIVE_FIELDS)
    return bool(masker.should_hide_value_for_key(name))


@pytest.mark.parametrize(("name", "form"), FIELDS)
def test_airflow_masks_the_secret_fields_and_no_other(name, form):
    """Its form stores three asterisks for a field that it masks and the connection does not have yet."""
    stored_as = form["standard"] or name
    assert masks(stored_as) is form["secret"], f'"{stored_as}" needs another name'


def test_the_rule_would_notice_a_name_that_airflow_masks():
    assert masks("token_information_method")
    assert not masks("information_method")

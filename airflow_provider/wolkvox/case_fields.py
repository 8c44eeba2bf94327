"""The fields by which wolkvox finds cases, and the misspellings of them that would find nothing."""

from __future__ import annotations

import re

from airflow_provider.exceptions import InvalidInput

CASE_FIELDS = (
    "status",
    "priority",
    "email contact",
    "name contact",
    "contact wolkvox id",
    "contact identification",
    "contact phone",
    "description",
    "idCase",
    "idPrefijo",
    "companyName",
    "company name",
    "company id",
    "prefix",
    "reopened",
    "responsible name",
    "responsible user",
    "responsible id",
    "owner name",
    "owner user",
    "owner id",
    "solution",
    "wolkvox-id",
    "type case",
    "case expired",
    "reason",
)
"""What ``queryCases`` takes as ``field``, to the letter. Source: wolkvox's page about it."""


def case_field(name: str) -> str:
    """Return a field of cases, unless it is one of wolkvox's list in another spelling.

    Such a question costs a use of the token and finds nothing. A name that is like none of the list passes:
    the CRM may have more.

    :param name: the field
    :raises InvalidInput: it is misspelt
    """
    meant = [one for one in CASE_FIELDS if _words(one) == _words(name) or _letters(one) == _letters(name)]
    if name.strip() not in CASE_FIELDS and meant:
        spelt = " or ".join(f'"{one}"' for one in meant)
        raise InvalidInput(
            f'"field" is not as wolkvox spells it, which is {spelt}.',
            field="field",
            remedy=f"Write {spelt}: blanks, hyphens, capitals and the order of the words count.",
        )
    return name


def _words(name: str) -> list[str]:
    return sorted(word.lower() for word in re.findall("[A-Z]*[a-z]+|[A-Z]+|[0-9]+", name))


def _letters(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())

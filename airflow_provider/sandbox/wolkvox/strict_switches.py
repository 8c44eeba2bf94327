"""What a body must be where wolkvox's pages leave it open, as switches, each with its strictest position."""

from __future__ import annotations

from airflow_provider.sandbox.switches import Switch

FILES = "sources disagree: anchors with a data URI (samples) or base64 data (text)"
TYPED = "documented with these keys; UNKNOWN: whether they are checked"

STRICT_SWITCHES = (
    Switch(
        "wolkvox.strict",
        False,
        "Require everything that the vendor's collection requires, in its strictest reading: while it is on, "
        "every switch with a strict position counts as set to that.",
        "the sandbox itself",
    ),
    Switch(
        "wolkvox.unknown_keys",
        "accept",
        "A key of a body that no page has for its call.",
        "UNKNOWN: whether other keys than the documented ones are accepted",
        choices=("accept", "refuse"),
        strict="refuse",
    ),
    Switch(
        "wolkvox.attachments",
        "anchor",
        "What an attachment is: an anchor with a data URI, or any of that, a data URI and plain base64.",
        FILES,
        choices=("anchor", "any"),
        strict="anchor",
    ),
    Switch(
        "wolkvox.attachments_in_insert",
        "refuse",
        "Lists of anchors in ``custom/insert.php`` and ``custom/insertMany.php``.",
        "INFERRED: there is ``custom/insertAttach.php`` for them",
        choices=("refuse", "accept"),
        strict="refuse",
    ),
    Switch(
        "wolkvox.activity_fields",
        "strict",
        "Whether a new activity needs all documented fields; those that come must be of their kind.",
        "documented as required; UNKNOWN: whether they are checked",
        choices=("strict", "lenient"),
        strict="strict",
    ),
    Switch(
        "wolkvox.typed_values",
        "any",
        "Check that an object among ``fields`` has a documented type with its keys, and a list only texts.",
        TYPED,
        choices=("any", "check"),
        strict="check",
    ),
    Switch(
        "wolkvox.collection_numbers",
        "accept",
        "Numbers and booleans in the bodies of collections, obligations and gestiones.",
        "UNKNOWN: whether they are accepted; all samples have texts",
        choices=("accept", "refuse"),
        strict="refuse",
    ),
    Switch(
        "wolkvox.numbers_in_queries",
        "accept",
        "A number as the ``value`` or ``obligation`` that is asked for.",
        "UNKNOWN: whether it is accepted; all samples have texts",
        choices=("accept", "refuse"),
        strict="refuse",
    ),
    Switch(
        "wolkvox.empty_query_value",
        "accept",
        "An empty ``value`` of a query: it finds empty fields, or counts as missing.",
        "UNKNOWN: whether a required field may be empty",
        choices=("accept", "refuse"),
        strict="refuse",
    ),
    Switch(
        "wolkvox.reversed_dates",
        "empty",
        "A range whose end comes before its start.",
        "UNKNOWN: the answer to such a range",
        choices=("empty", "refuse"),
        strict="refuse",
    ),
    Switch(
        "wolkvox.gestion_code",
        "required",
        "``tipifycation_code`` of a new gestion.",
        "sources disagree: required (text) or not there (sample)",
        choices=("required", "optional"),
        strict="required",
    ),
    Switch(
        "wolkvox.obligation_fields",
        "required",
        "``id`` and ``name`` of a new obligation.",
        "documented as required; UNKNOWN: whether they are checked",
        choices=("required", "any"),
        strict="required",
    ),
    Switch(
        "wolkvox.case_query_field",
        "listed",
        "``field`` of ``cases/queryCases.php``: one of the 26 documented, or any.",
        "documented as a list; UNKNOWN: whether it is checked",
        choices=("listed", "any"),
        strict="listed",
    ),
)

"""What mPOHODA's pages leave open about signing in, the quota, and errors, as switches."""

from __future__ import annotations

from airflow_provider.sandbox.mpohoda.document_switches import DOCUMENT_SWITCHES
from airflow_provider.sandbox.mpohoda.list_switches import LIST_SWITCHES
from airflow_provider.sandbox.switches import Switch, status_switch

TOKENS = "UNKNOWN: token lifetime, errors, revocation delay, how many may live at once"
QUOTA = "UNKNOWN: quota scope, reset moment, time zone and which requests count"
HEADERS = "UNKNOWN: names and format of the quota headers; the default names are invented"
RETRY = "UNKNOWN: whether 429 has Retry-After"
THROTTLE = "UNKNOWN: throttle per minute and concurrency limits"
ERRORS = "UNKNOWN: error codes and texts, keys of nested errors"
RIGHTS = "UNKNOWN: which rights a resource needs"

SWITCHES = (
    Switch(
        "mpohoda.api_key",
        "sandbox-api-key",
        "The key accepted in ``Api-Key``.",
        "configuration",
        secret=True,
    ),
    Switch("mpohoda.client_id", "sandbox-client", "The client that may ask for tokens.", "configuration"),
    Switch("mpohoda.client_secret", "sandbox-secret", "Its secret.", "configuration", secret=True),
    Switch(
        "mpohoda.country",
        "cz",
        "The country: scope, home currency and the members of enums that only one country has.",
        "configuration; UNKNOWN: how the Slovak API differs",
        choices=("cz", "sk"),
    ),
    Switch("mpohoda.token_lifetime", 3600, "Seconds that a token lives.", TOKENS, minimum=1),
    Switch("mpohoda.expires_in", True, "Say the lifetime in ``expires_in``.", TOKENS),
    Switch("mpohoda.one_token_at_a_time", False, "Let a new token end the ones before it.", TOKENS),
    Switch("mpohoda.revocation_delay", 0, "Seconds that a revoked token still works.", TOKENS),
    Switch("mpohoda.check_scope", True, "Refuse another scope than the country's, or none.", TOKENS),
    Switch(
        "mpohoda.client_authentication",
        "either",
        "Where client id and secret are accepted: in the body, as Basic, or in either.",
        "configuration; the pages allow either",
        choices=("either", "body", "basic"),
    ),
    Switch(
        "mpohoda.both_client_authentications",
        "refuse",
        "What to do when client id and secret come in the body and as Basic.",
        "INFERRED: OAuth forbids two at once",
        choices=("refuse", "accept"),
    ),
    status_switch("mpohoda.token_error_status", 400, "Status of a refused token request.", TOKENS),
    status_switch("mpohoda.invalid_client_status", 401, "Status when client id or secret is wrong.", TOKENS),
    Switch(
        "mpohoda.token_error_names",
        "rfc",
        "``error`` of a refused token request: as OAuth has it, or the same text always, as the page shows.",
        "sources disagree: the page repeats one text",
        choices=("rfc", "unsupported_grant_type"),
    ),
    Switch(
        "mpohoda.www_authenticate",
        False,
        "Send ``WWW-Authenticate`` with 401.",
        "UNKNOWN: whether there is such a header",
    ),
    Switch(
        "mpohoda.forbidden_resources",
        "",
        "Resources answered with 403, such as ``BankAccounts``, separated by commas; ``*`` is all.",
        RIGHTS,
    ),
    # quota
    Switch("mpohoda.quota", 8000, "Requests of a month without extensions.", "documented: 8,000"),
    Switch(
        "mpohoda.mcal_extensions", 0, "Extensions; each adds the same number of requests.", "configuration"
    ),
    Switch(
        "mpohoda.quota_scope",
        "company",
        "Who has a quota: the company, or each credential.",
        QUOTA,
        choices=("company", "credential"),
    ),
    Switch(
        "mpohoda.quota_period",
        "calendar month",
        "When the count begins again.",
        QUOTA,
        choices=("calendar month", "30 days"),
    ),
    Switch(
        "mpohoda.quota_timezone", "Europe/Prague", "Time zone of the calendar month.", QUOTA, timezone=True
    ),
    Switch("mpohoda.count_unauthorized", False, "Count requests answered with 401.", QUOTA),
    Switch("mpohoda.count_forbidden", True, "Count requests answered with 403.", QUOTA),
    Switch("mpohoda.count_errors", True, "Count requests answered with 400, 404, 405 and 422.", QUOTA),
    Switch("mpohoda.count_exhausted", False, "Count requests answered with 429.", QUOTA),
    Switch("mpohoda.count_files", True, "Count PDF and ISDOC.", QUOTA),
    Switch("mpohoda.count_token_requests", False, "Count requests for a token.", QUOTA),
    Switch(
        "mpohoda.quota_headers",
        "every answer",
        "Which answers have the quota headers.",
        HEADERS,
        choices=("every answer", "successes", "none"),
    ),
    Switch("mpohoda.limit_header", "X-Quota-Limit", "Name of the limit's header; empty sends none.", HEADERS),
    Switch(
        "mpohoda.remaining_header",
        "X-Quota-Remaining",
        "Name of the header with what is left; empty sends none.",
        HEADERS,
    ),
    Switch("mpohoda.used_header", "", "Name of the header with what is used; empty sends none.", HEADERS),
    Switch("mpohoda.reset_header", "", "Name of the reset's header; empty sends none.", HEADERS),
    Switch(
        "mpohoda.reset_format",
        "seconds",
        "How the reset is told.",
        HEADERS,
        choices=("seconds", "epoch", "iso", "http date"),
    ),
    Switch(
        "mpohoda.retry_after",
        "none",
        "``Retry-After`` when the month is used up.",
        RETRY,
        choices=("none", "seconds", "date"),
    ),
    Switch(
        "mpohoda.throttle_per_minute",
        0,
        "Most requests in one minute of the clock; more get 429. 0 sets no limit.",
        THROTTLE,
    ),
    Switch("mpohoda.throttle_retry_after", True, "``Retry-After`` when throttled, in seconds.", THROTTLE),
    Switch(
        "mpohoda.concurrency_limit", 0, "Most requests at a time; more get 429. 0 sets no limit.", THROTTLE
    ),
    # errors
    Switch(
        "mpohoda.problem_spelling",
        "camel",
        "Names in error documents: as the samples, as the schema, or the older ``Error.Message``.",
        "sources disagree: ``title`` (samples), ``Title`` (schema), ``Error.Message`` (older clients)",
        choices=("camel", "pascal", "legacy"),
    ),
    Switch("mpohoda.problem_detail", True, "Say the reason in ``detail``.", ERRORS),
    Switch("mpohoda.problem_trace_id", True, "Send ``traceId``.", ERRORS),
    Switch(
        "mpohoda.nested_error_keys",
        "path",
        "Keys of nested fields in ``errors``: ``Items[0].TextItem.Code``, ``Code`` or ``propertyName``.",
        ERRORS,
        choices=("path", "name", "placeholder"),
    ),
    status_switch("mpohoda.content_type_status", 415, "Status when a body is not announced as JSON.", ERRORS),
    status_switch("mpohoda.malformed_status", 400, "Status when a body is no JSON object.", ERRORS),
    status_switch(
        "mpohoda.bad_id_status", 422, "Status when the id in a path is no GUID.", "UNKNOWN: 422 or 404"
    ),
    status_switch(
        "mpohoda.maintenance_status", 503, "Status of the fault action ``maintenance``.", "documented"
    ),
    Switch(
        "mpohoda.maintenance_body",
        "<html><body>Service unavailable</body></html>",
        "Body of the fault action ``maintenance``.",
        "UNKNOWN: what it looks like",
    ),
    *LIST_SWITCHES,
    *DOCUMENT_SWITCHES,
)

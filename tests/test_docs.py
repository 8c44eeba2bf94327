"""What the documentation states and the code may outgrow."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import shlex
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection

from airflow_provider.events.settings import OPTIONS as EVENT_OPTIONS
from airflow_provider.get_provider_info import get_provider_info
from airflow_provider.http.options import VendorOptions
from airflow_provider.imbee.connection import ImbeeOptions
from airflow_provider.mobadoo.connection import MobadooOptions
from airflow_provider.mobadoo.endpoints import ENDPOINTS, endpoints
from airflow_provider.mpohoda.connection import MpohodaOptions
from airflow_provider.wolkvox.connection import WolkvoxOptions
from tests import registry_listing
from tests.distributed.table import HEAD, SCENARIOS
from tests.support import walls
from tests.support.docs import DOCS, PAGES, blocks, page, rows, section
from tests.support.sandbox import ROOT

TITLES = {
    ImbeeOptions: "Imbee",
    MobadooOptions: "Mobadoo",
    MpohodaOptions: "mPOHODA",
    WolkvoxOptions: "wolkvox CRM",
}
PUBLISHED = (
    r"https://github.com/airflow-provider-vendor-apis/airflow-provider-vendor-apis/(?:blob|tree)/main"
    r"|https://raw.githubusercontent.com/airflow-provider-vendor-apis/airflow-provider-vendor-apis/main"
)


def field_rows(text: str) -> dict[str, list[str]]:
    return {row[0]: row for row in rows(text)}


@pytest.mark.parametrize("options", TITLES, ids=lambda options: options.conn_type)
def test_the_tables_of_connection_fields_are_those_of_the_forms(options):
    connections = page("connections")
    own, common = section(connections, TITLES[options]), section(connections, "Fields of all types")
    for name, form in options.forms().items():
        # A vendor may have a default of its own for what all have.
        shared = options.__dataclass_fields__[name] is VendorOptions.__dataclass_fields__.get(name)
        table = field_rows(common if shared else own)
        label, stored, required, default, meaning = table[form["label"]]
        assert stored == (form["standard"] or f"extra ``{name}``"), label
        assert required == ("yes" if form["required"] else "no"), label
        value = options.__dataclass_fields__[name].default
        shown = "" if value is None else f"``{str(value).lower() if isinstance(value, bool) else value}``"
        assert default == shown, label
        assert ("Secret." in meaning or "secret" in meaning) == form["secret"], label
    described = {row[0] for row in (*rows(own), *rows(common))} - {"Label in the form"}
    assert described == {form["label"] for form in options.forms().values()}


def test_the_table_of_mobadoos_calls_is_that_of_the_code():
    shown = section(page("connections"), "Mobadoo: another path for a call")
    expected = [
        [
            f"``{name}``",
            f"``{one.verb} {one.path}``",
            *([f"``{{{one.needed[0]}}}``"] if one.needed else []),
            *([f"may have ``{{{one.allowed[0]}}}``"] if one.allowed else []),
            *([] if one.needed or one.allowed else [""]),
        ]
        for name, one in ENDPOINTS.items()
    ]
    [(_, example)] = blocks(shown, "json")
    assert set(endpoints(json.loads(example))) == {"list_videogames", "cancel_ticket"}
    assert rows(shown)[1:] == expected


def from_command(command: str) -> Connection:
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:3] == ["airflow", "connections", "add"]
    given: dict[str, Any] = {
        flag.removeprefix("--conn-"): value for flag, value in zip(words[4::2], words[5::2], strict=True)
    }
    return Connection(conn_id=words[3], conn_type=given.pop("type"), **given)


@pytest.mark.parametrize("options", TITLES, ids=lambda options: options.conn_type)
def test_each_way_to_write_a_connection_says_the_same(options, monkeypatch):
    text = section(page("connections"), TITLES[options])
    conn_id = f"{options.conn_type}_default"
    examples = {
        caption: block for language in ("text", "json", "bash") for caption, block in blocks(text, language)
    }
    assert set(examples) == {"URI", "JSON", "Environment variable", "Command line"}
    variable, value = shlex.split(examples["Environment variable"])[1].split("=", 1)
    assert variable == f"AIRFLOW_CONN_{conn_id.upper()}"
    monkeypatch.setenv(variable, value)
    read = [
        Connection.from_uri(examples["URI"].strip(), conn_id=conn_id),
        Connection.from_json(examples["JSON"], conn_id=conn_id),
        Connection.get(conn_id),
        from_command(examples["Command line"]),
    ]
    connections = [options.read(connection) for connection in read]
    assert {connection.conn_type for connection in read} == {options.conn_type}
    assert connections[1:] == connections[:-1]
    assert connections[0].timeout == 60


def test_a_url_as_the_host_of_a_uri_is_read_back():
    [(caption, uri)] = blocks(section(page("connections"), "Host, schema and port"), "text")
    assert caption == "URI with a URL as its host"
    options = ImbeeOptions.read(Connection.from_uri(uri.strip(), conn_id="imbee_default"))
    assert options.base_url == "http://127.0.0.1:8765/imbee"


def _classes(kind: str) -> list[type]:
    modules = [name for entry in get_provider_info()[kind] for name in entry["python-modules"]]
    return [
        member
        for name in modules
        for member in vars(importlib.import_module(name)).values()
        if inspect.isclass(member)
        and member.__module__.rpartition(".")[0] == name.rpartition(".")[0]
        and member.__doc__
        and "seealso" in member.__doc__
    ]


def test_every_operator_and_sensor_has_the_section_that_its_docstring_names():
    labels = set(re.findall(r"^\.\. _(howto/.*):$", "".join(p.read_text() for p in PAGES), re.MULTILINE))
    expected = set()
    for kind, classes in (("operator", _classes("operators")), ("sensor", _classes("sensors"))):
        for member in classes:
            expected.add(label := f"howto/{kind}:{member.__name__}")
            assert f":ref:`{label}`" in (member.__doc__ or "")
    assert labels == expected
    assert len(expected) == 46


def test_the_record_fields_are_the_parameters_of_the_calls():
    from airflow_provider.imbee import calls, operators

    for function, operator in (
        (calls.create_user, "ImbeeCreateUsersOperator"),
        (calls.create_chat, "ImbeeCreateChatsOperator"),
        (calls.create_access_token, "ImbeeCreateAccessTokensOperator"),
    ):
        table = (
            section(page("imbee"), operator)
            .partition(":: Fields of a record")[2]
            .partition("Each result is the record")[0]
        )
        shown = {row[0].strip("`") for row in rows(table)} - {"Field"}
        # What is the same for a whole batch is a parameter of its operator, and explained there.
        of_batch = set(inspect.signature(getattr(operators, operator).__init__).parameters)
        assert shown == set(inspect.signature(function).parameters) - of_batch
        for name in of_batch & set(inspect.signature(function).parameters):
            assert f"\n``{name}``\n" in section(page("imbee"), operator)


def test_the_fields_of_a_case_and_the_parameters_of_a_query_are_those_of_the_code():
    from airflow_provider.wolkvox import calls
    from airflow_provider.wolkvox.gestion_calls import mandatory_of_gestion
    from airflow_provider.wolkvox.operators import (
        WolkvoxPagesOperator,
        WolkvoxQueryOperator,
        WolkvoxReportOperator,
    )

    def shown(operator: str, title: str) -> set[str]:
        table = rows(section(page("wolkvox"), operator).partition(f":: {title}")[2])
        return {name for row in table for name in re.findall(r"``(\w+)``", row[0])}

    case = set(inspect.signature(calls.insert_case).parameters) - {"crm"}
    assert shown("WolkvoxInsertCasesOperator", "Fields of a record") == case
    query = {
        *inspect.signature(WolkvoxPagesOperator.__init__).parameters,
        *inspect.signature(WolkvoxQueryOperator.__init__).parameters,
    } - {"self", "kwargs", "wolkvox_conn_id"}
    assert shown("WolkvoxQueryOperator", "Parameters") == query
    report = set(inspect.signature(WolkvoxReportOperator.__init__).parameters) - {"self", "kwargs"}
    assert shown("WolkvoxReportOperator", "Parameters") == report
    assert shown("WolkvoxInsertGestionesOperator", "Mandatory fields") == {*mandatory_of_gestion(), "module"}
    update = section(page("wolkvox"), "WolkvoxUpdateCasesOperator")
    assert set(inspect.signature(calls.update_case).parameters) - {"crm"} <= set(
        re.findall(r"``(\w+)``", update)
    )


def test_the_result_keys_are_the_fields_of_the_models():
    from airflow_provider.imbee import calls

    for model, operator in (
        (calls.ImbeeUser, "ImbeeCreateUsersOperator"),
        (calls.ImbeeChat, "ImbeeCreateChatsOperator"),
        (calls.ImbeeAccessToken, "ImbeeCreateAccessTokensOperator"),
    ):
        table = (
            section(page("imbee"), operator).partition("Each result is the record")[2].partition("Besides")[0]
        )
        shown = {key for row in rows(table) for key in re.findall(r"``(\w+)``", row[0])}
        assert shown == set(model.model_fields)


def test_the_result_of_a_batch_has_the_keys_of_the_table(sandbox):
    from airflow_provider.imbee.operators import ImbeeCreateUsersOperator

    table = rows(section(page("batches"), "Result of the task"))
    shown = {key for row in table for key in re.findall(r"``(\w+)``", row[0])}
    result = ImbeeCreateUsersOperator(task_id="users", records=[{"unique_id_sha": "a"}]).execute({})
    assert shown == set(result)


def test_the_parameters_of_a_batch_that_are_described_exist():
    from airflow_provider.batch.operator import VendorBatchOperator

    parameters = inspect.signature(VendorBatchOperator).parameters
    described = re.findall(r"^``(\w+)``$", section(page("batches"), "The next try"), re.MULTILINE)
    assert described == ["ledger_scope", "redo", "resend_unknown"]
    assert set(described) <= set(parameters)


def test_the_settings_that_are_shown_are_those_of_the_provider():
    options = get_provider_info()["config"]["vendor_apis"]["options"]
    [(_, ledger)] = blocks(section(page("ledger"), "Where it is"), "ini")
    [(_, events)] = blocks(section(page("events"), "Settings"), "ini")
    of_ledger, of_events = (set(re.findall(r"^(\w+) =", shown, re.MULTILINE)) for shown in (ledger, events))
    assert of_ledger | of_events == set(options)
    assert of_events == set(EVENT_OPTIONS)
    assert set(re.findall(r"AIRFLOW__VENDOR_APIS__(\w+)``", page("ledger"))) == {
        name.upper() for name in of_ledger
    }
    for name, default in re.findall(r"^(\w+) = ?(.*)$", events, re.MULTILINE):
        if name != "webhook_connections":
            assert default == options[name]["default"], name


def test_every_python_example_can_be_parsed():
    examples = [(path.name, text) for path in PAGES for _, text in blocks(path.read_text(), "python")]
    assert len(examples) > 5
    for name, text in examples:
        ast.parse(text, filename=name)


def test_the_dag_of_the_readme_is_a_dag():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [source, invoices] = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    exec(invoices, {})
    scope: dict[str, Any] = {}
    exec(re.sub(r"^(with DAG\(.*\)):$", r"\1 as dag:", source, flags=re.MULTILINE), scope)
    assert scope["dag"].task_dict["tokens"].upstream_task_ids == {"users"}
    assert scope["dag"].task_dict["tokens"].retries == 2
    assert scope["dag"].task_dict["users"].upstream_task_ids == {"quota"}


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {"demo", "test"} <= set(re.findall(r"^make (\w+)$", readme, re.MULTILINE))
    for text in (readme, *(path.read_text() for path in PAGES)):
        named = set(re.findall(r"(?:`|^ *)make (?:\w+=\S+ )?([a-z-]+)", text, re.MULTILINE))
        assert named <= targets


def test_the_table_of_faults_has_a_row_for_each_that_is_tried():
    head, *rows = (DOCS / "faults_survived.txt").read_text(encoding="utf-8").splitlines()
    assert head == HEAD
    assert [row[:44].strip() for row in rows] == list(SCENARIOS.values())
    # Nothing was sent twice, and nothing was lost.
    assert {tuple(row[44:].split()[1:3]) for row in rows} == {("0", "0")}
    assert ".. literalinclude:: faults_survived.txt" in page("ledger")
    assert "/docs/faults_survived.txt)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_link_of_the_readme_leads_to_a_file():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert len(links) > 10
    for link in links:
        # PyPI shows the page too, so a relative link would lead nowhere there.
        found = re.fullmatch(rf"(?:{PUBLISHED})/(.+)", link)
        assert found, link
        assert (ROOT / found[1]).exists(), link


def test_the_numbers_of_the_readme_are_those_of_the_project():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = len(list((ROOT / "dags_examples").glob("*.py")))
    assert f"copies {examples} example Dags" in readme
    badges = (DOCS / "pictures" / "badges.dot").read_text(encoding="utf-8")
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    versions = re.findall(r"Python :: (3\.\d+)\"", setup)
    assert f">{' | '.join(versions)}<" in badges
    environments = re.search(r"py\{\d+,\d+,\d+\}-airflow\{([\d,]+)\}", (ROOT / "tox.ini").read_text())
    airflows = [f"{one[0]}.{one[1:]}" for one in environments[1].split(",")]
    assert f">{' | '.join(airflows)}<" in badges
    # The benchmark's page has what its command printed.
    assert "913 requests a second" in readme
    assert "a second with ``HttpHook`` in a loop, 913 with" in page("coming_from_http")
    for rate in ("913", "19.1"):
        assert f" {rate} " in page("benchmarks")
    for number in ("kills          1,000", "sent twice         0", "lost               0"):
        assert number in page("ledger")


def _included() -> list[tuple[Path, str]]:
    return [
        (page_path.parent / path, marker)
        for page_path in PAGES
        for path, options in re.findall(
            r"\.\. literalinclude:: (\S+)\n((?:\s+:.*\n)+)", page_path.read_text(encoding="utf-8")
        )
        for marker in re.findall(r":(?:start-after|end-before): (.*)", options)
    ]


def test_every_marker_of_an_included_example_exists_once():
    included = _included()
    assert len(included) >= 10
    for path, marker in included:
        sought = f"# {marker}\n" if marker.startswith("[") else marker
        assert path.read_text(encoding="utf-8").count(sought) == 1, (path, marker)


def test_every_page_is_in_the_index_or_below_a_page_that_is():
    listed = [
        name
        for path in PAGES
        for entries in re.findall(
            r"^\.\. toctree::\n(?:   :.*\n)*\n((?:   [\w/]+\n)+)", path.read_text(), re.MULTILINE
        )
        for name in entries.split()
    ]
    assert sorted(listed) == sorted(
        path.relative_to(DOCS).with_suffix("").as_posix() for path in PAGES if path.stem != "index"
    )


@pytest.mark.parametrize("kind", registry_listing.ENDS)
def test_the_python_reference_has_every_operator_sensor_and_hook(kind):
    shown = set(re.findall(r"^\.\. autoclass:: (\S+)$", page("api"), re.MULTILINE))
    offered = {f"{one.__module__}.{one.__name__}" for one in registry_listing.offered(kind)}
    assert offered
    assert offered <= shown


def _arrows(text: str) -> list[tuple[str, str]]:
    chains = re.findall(r"^    (\w+(?: -> \w+)+)$", text, re.MULTILINE)
    return [pair for chain in chains for pair in pairwise(chain.split(" -> "))]


def test_every_import_between_rooms_follows_the_arrows_of_the_picture():
    source = (DOCS / "pictures" / "rooms.dot").read_text(encoding="utf-8")
    arrows = _arrows(source)

    def reachable(room: str) -> set[str]:
        return {room}.union(*(reachable(used) for one, used in arrows if one == room))

    package = ROOT / "airflow_provider"
    rooms = {path.stem for path in package.iterdir() if path.is_dir() or path.suffix == ".py"}
    rooms -= {"__init__", "__pycache__"}
    [shared] = re.findall(r"^    shared \[label=.*", source, re.MULTILINE)
    everywhere = set(re.findall(r"(\w+)\.py", shared))
    assert rooms <= everywhere | set(re.findall(r"^    (\w+) \[label=", source, re.MULTILINE))
    for one in walls.imports(package):
        here, there = (name.split(".")[1:2] for name in (one.module, one.name))
        if one.name.startswith("airflow_provider.") and here and there[0] in rooms:
            assert there[0] in everywhere | reachable(here[0]), f"{one}: the picture has no such arrow"


@pytest.mark.parametrize("source", sorted((DOCS / "pictures").glob("*.dot")), ids=lambda path: path.stem)
def test_every_picture_is_drawn_from_its_source(source):
    text = source.read_text(encoding="utf-8")
    drawn = source.with_suffix(".svg").read_text(encoding="utf-8")
    shown = unescape("".join(re.findall(r"<text[^>]*>([^<]*)</text>", drawn)))
    labels = "".join(re.findall(r"label=<(.*?)>[],]", text))
    letters = sorted(unescape(re.sub(r"<[^>]*>|\s", "", labels)))
    assert sorted(re.sub(r"\s", "", shown)) == letters
    arrows = {f"{one}->{other}" for one, other in _arrows(text)}
    assert arrows == {unescape(title) for title in re.findall(r"<title>([^<]*&gt;[^<]*)</title>", drawn)}


def test_no_page_whose_title_has_an_article_is_linked_with_a_second_one():
    # The link shows the title of the page: "in the The ledger".
    titles = {path.resolve(): path.read_text(encoding="utf-8").splitlines() for path in PAGES}
    for path in PAGES:
        for target in re.findall(r"\b(?:[Tt]he|[Aa]n?)\s+:doc:`([\w./]+)`", path.read_text(encoding="utf-8")):
            title = next(
                line for line in titles[(path.parent / f"{target}.rst").resolve()] if line[:1].isalpha()
            )
            assert not re.match(r"(The|A|An) ", title), (path.name, target)


def test_every_table_of_the_database_is_described():
    from airflow_provider.store.tables import metadata

    assert set(metadata.tables) <= set(re.findall(r"``(vendor_apis_\w+)``", page("ledger")))

"""Write ``.airflow-registry.yaml``, the listing for Airflow's provider registry: ``python -m tests.registry_listing``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from airflow_provider.get_provider_info import get_provider_info

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / ".airflow-registry.yaml"
REPOSITORY = "https://github.com/airflow-provider-vendor-apis/airflow-provider-vendor-apis"
ENDS = {"hooks": "Hook", "operators": "Operator", "sensors": "Sensor"}


def render() -> str:
    """Return the file for what the provider offers."""
    info = get_provider_info()
    lines = [
        "# What the Airflow provider registry shows of this provider.",
        "# Written by python -m tests.registry_listing",
        "",
        f"package-name: {info['package-name']}",
        f"display-name: {info['name']}",
        f"description: {_text(info['description'])}",
        f"docs-url: {REPOSITORY}/tree/main/docs",
        f"source-url: {REPOSITORY}",
    ]
    for kind in ENDS:
        lines += ["", f"{kind}:"]
        for member in offered(kind):
            lines += [
                f"  - module: {member.__module__}.{member.__name__}",
                f"    description: {_text(_first_sentence(member))}",
            ]
    return "\n".join(lines) + "\n"


def offered(kind: str) -> Iterator[type]:
    """Find the public classes of a kind, by the module that users import them from."""
    for entry in get_provider_info()[kind]:
        for name in entry["python-modules"]:
            for label, member in sorted(vars(import_module(name)).items()):
                if not (label.endswith(ENDS[kind]) and inspect.isclass(member) and member.__doc__):
                    continue
                own = member.__module__.rpartition(".")[0] == name.rpartition(".")[0]
                if own and (kind == "hooks" or "seealso" in member.__doc__):
                    yield type(label, (), {"__module__": name, "__doc__": member.__doc__})


def _first_sentence(member: type) -> str:
    text = " ".join(inspect.cleandoc(member.__doc__ or "").split("\n\n")[0].split())
    return re.sub(r"``|:\w+:", "", text)


def _text(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")

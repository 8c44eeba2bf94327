"""The vendors of this provider, one row each.

The provider's metadata, the hooks' look-ups, the command line and the sandbox are made from these rows. A row
names classes by where they are, and nothing is imported before it is used: ``import airflow`` loads this
module in every process, so it uses the standard library alone.

A vendor has a folder of its own, named after its connection type. The metadata lists the modules that the
folder has.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

PACKAGE = __name__.rpartition(".")[0]


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """A vendor.

    :param conn_type: the type of its Airflow connections, and the name of its folder
    :param name: the vendor's name as people know it
    :param documentation: the vendor's own pages
    :param options: name of the class in ``connection.py`` that reads a connection
    :param hook: name of the class in ``hooks.py``
    :param web: where people sign in to the vendor's web application; empty where that is not documented
    :param quota: whether the vendor grants so many requests per period
    """

    conn_type: str
    name: str
    documentation: str
    options: str
    hook: str
    web: str = ""
    quota: bool = False

    @property
    def hook_path(self) -> str:
        """Return the path of the hook's class."""
        return f"{self._module('hooks')}.{self.hook}"

    def options_type(self) -> type[Any]:
        """Import the class that reads a connection."""
        return self._attribute("connection", self.options)

    def hook_type(self) -> type[Any]:
        """Import the hook's class."""
        return self._attribute("hooks", self.hook)

    def module(self, name: str) -> str | None:
        """Return the path of one of the vendor's modules; None where it has none of this name.

        :param name: name of the module, like ``operators``
        """
        # Looked for as a file: to import it would cost every process the time.
        path = Path(__file__).parent / self.conn_type / f"{name}.py"
        return self._module(name) if path.exists() else None

    def simulation(self) -> type[Any]:
        """Import the class that simulates the vendor in the sandbox."""
        found: type[Any] = import_module(f"{PACKAGE}.sandbox.{self.conn_type}.vendor").VENDOR
        return found

    def _module(self, name: str) -> str:
        return f"{PACKAGE}.{self.conn_type}.{name}"

    def _attribute(self, module: str, name: str) -> type[Any]:
        found: type[Any] = getattr(import_module(self._module(module)), name)
        return found


VENDORS = (
    Vendor(
        conn_type="imbee",
        name="Imbee",
        documentation="https://docs.imbee.me/imbee-docs/rest-api",
        options="ImbeeOptions",
        hook="ImbeeHook",
    ),
    Vendor(
        conn_type="mobadoo",
        name="Mobadoo",
        documentation="https://mobadoo.com/recursos/",
        options="MobadooOptions",
        hook="MobadooHook",
        web="https://dashboard.mobadoo.com",
    ),
    Vendor(
        conn_type="mpohoda",
        name="mPOHODA",
        documentation="https://api.mpohoda.cz/doc",
        options="MpohodaOptions",
        hook="MpohodaHook",
        web="https://app.mpohoda.cz",
        quota=True,
    ),
    Vendor(
        conn_type="wolkvox",
        name="wolkvox CRM",
        documentation="https://crmvox.com/en/token-information",
        options="WolkvoxOptions",
        hook="WolkvoxHook",
        web="https://crm.wolkvox.com/",
        quota=True,
    ),
)


def vendor_of(conn_type: str | None) -> Vendor | None:
    """Return the vendor of a connection type; None where it is not one of ours.

    :param conn_type: the type
    """
    return next((vendor for vendor in VENDORS if vendor.conn_type == conn_type), None)


def operation(name: str) -> Any:
    """Import what a batch does with each record, from the vendor's ``operations.py``.

    :param name: name of the :class:`~airflow_provider.batch.operation.Operation`, like ``imbee.create_user``
    :return: the operation; None where none has this name
    """
    vendor = vendor_of(name.partition(".")[0])
    path = vendor.module("operations") if vendor else None
    values = vars(import_module(path)).values() if path else ()
    return next((value for value in values if getattr(value, "name", None) == name), None)

"""What a batch does with each of its records, as one value declared beside a vendor's calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Generic, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from airflow_provider.batch.known import Known
from airflow_provider.http.call import Call, Repeat, repeat_of
from airflow_provider.http.model import VendorModel, secret_fields

T = TypeVar("T", bound=VendorModel)

Scope = Literal["run", "forever"]
Combine = Callable[[Sequence[Call[Any]]], Call[list[Any]]]


class Late:
    """A function whose module is imported when it is first used: not where a Dag is parsed.

    :param module: the module
    :param name: name of the function
    """

    def __init__(self, module: str, name: str) -> None:
        self._place = module, name

    @cached_property
    def __wrapped__(self) -> Callable[..., Any]:
        module, name = self._place
        return cast("Callable[..., Any]", getattr(import_module(module), name))

    @property
    def repeat(self) -> Repeat:
        """Say what may be repeated of the calls that the function makes."""
        return repeat_of(self.__wrapped__)

    def __call__(self, *args: Any, **more: Any) -> Any:
        """Call the function."""
        return self.__wrapped__(*args, **more)


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[T]):
    """A call that is made for each record of a batch.

    The operator, the command line and the ledger read it. The call itself tells the rest: its parameters are
    the fields that a record may have, its mark says what may be repeated, and the model that it returns says
    what is secret.

    :param name: vendor and name, like ``acme.create_user``: the ledger knows the operation by it, so it
        never changes
    :param call: makes the call of a record
    :param result_key: the key under which a record carries its result
    :param existing: the field of a result that is true where the vendor had the record already; or True where
        the vendor has all of them, as with updates
    :param scope: for how long a record that is done is not sent again, unless the Dag says otherwise
    :param takes: where earlier batches have what a parameter needs: ``{"apikey": "user.apikey"}``
    :param secret_parameters: parameters whose values are sealed in the results
    :param changes: whether the records change what is there. Then the last part of a key is the new content
        of what the parts before it name; it is sent again after another content, see
        :class:`~airflow_provider.batch.revisions.Revisions`
    :param done: what the log says in place of created and existing, like ``deleted``
    :param combine: makes one call of those of several records, for vendors that take several at once. It
        returns for each record, in their order, what the record's own call would return, or the error that it
        would raise
    :param rest: the parameter that takes all other fields of a record, where a vendor takes any
    :param known: what an update does with records whose values the vendor has already
    :param compares: whether a record that is done, and comes again with other content, is told: the vendor
        has no way to change it
    :param files: whether making the call of a record may read files. It is then made in a thread, and a large
        one once more when its turn comes, so that no more of them are held than are sent at once
    :param there: looks whether what a call would bring is there already, in a thread. It returns what makes
        the result without a request, which counts as existing; None where the request is needed
    """

    name: str
    call: Callable[..., Call[T]]
    result_key: str
    existing: str | bool = False
    scope: Scope = "run"
    takes: Mapping[str, str] = field(default_factory=dict)
    secret_parameters: Collection[str] = ()
    changes: bool = False
    done: str | None = None
    combine: Callable[..., Call[list[Any]]] | None = None
    rest: str | None = None
    known: Known = field(default_factory=Known)
    files: bool = False
    there: Callable[[Call[T]], Callable[[], T] | None] | None = None
    compares: bool = False

    @property
    def conn_type(self) -> str:
        """Return the connection type of the vendor."""
        return self.name.partition(".")[0]

    @property
    def repeat(self) -> Repeat:
        """Say what may be done when it is not known whether a request took effect."""
        return repeat_of(self.call)

    @property
    def once(self) -> bool:
        """Say whether each request has an effect of its own, like an SMS."""
        return self.repeat is Repeat.ONCE

    @property
    def updates(self) -> bool:
        """Say whether the records change what the vendor has, and add nothing."""
        return self.changes and self.existing is True

    @cached_property
    def model(self) -> type[T]:
        """Return the model of a result: that of ``Call[User]`` is ``User``."""
        function = inspect.unwrap(self.call)
        # Only the return type: names in the others may not be there at run time.
        returned = SimpleNamespace(__annotations__={"return": function.__annotations__["return"]})
        hints = get_type_hints(returned, vars(inspect.getmodule(function)))
        found = get_args(hints["return"])[0]
        # Plain data has no fields that are declared, and none that is secret.
        plain = not (isinstance(found, type) and issubclass(found, VendorModel))
        model: type[T] = cast("type[T]", VendorModel) if plain else found
        return model

    @property
    def secret_results(self) -> tuple[str, ...]:
        """Name the secret fields of a result, dots leading into nested ones."""
        return secret_fields(self.model)

    @property
    def columns(self) -> dict[str, Any]:
        """Return the column that results add to a record, with what is in it as far as that is known.

        The kinds are those of :mod:`~airflow_provider.records.schema`, and ``struct`` for anything else.
        """
        fields = self.model.model_fields
        return {self.result_key: {name: _kind(one.annotation) for name, one in fields.items()} or "struct"}

    def existed(self, result: Any) -> bool:
        """Say whether the vendor had a record already.

        :param result: what the call returned
        """
        if isinstance(self.existing, bool):
            return self.existing
        return bool(getattr(result, self.existing))


_KINDS = {"str": "text", "SecretStr": "text", "bool": "boolean", "int": "integer", "Decimal": "number"}


def _kind(annotation: Any) -> Any:
    """Return the kind of a field by the annotation of its type."""
    [one, *more] = [part for part in get_args(annotation) if part not in (type(None), ...)] or [annotation]
    if get_origin(annotation) in (list, tuple, Sequence):
        return [_kind(one)]
    return "struct" if more else _KINDS.get(getattr(one, "__name__", ""), "struct")

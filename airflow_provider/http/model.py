"""Vendor responses as typed values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from airflow_provider.exceptions import VendorProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

M = TypeVar("M", bound="VendorModel")


class VendorModel(BaseModel):
    """A part of a vendor's response.

    Lenient: keys that are not documented are kept in ``model_extra``. They stay out of ``repr`` and of batch
    output, because they may be secret.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        # Dag files import the models with the operations; the validators are made when one is first used.
        defer_build=True,
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name in type(self).model_fields:
            yield name, getattr(self, name)


def parse(model: type[M], document: Any, *, status: int, **known: Any) -> M:
    """Read a model from a part of a response.

    :param model: the model
    :param document: the part of the response
    :param status: HTTP status of the response, for the error
    :param known: fields that the caller knows and the response lacks
    :raises VendorProtocolError: keys are missing or have another type; the error names them
    """
    if not isinstance(document, dict):
        raise VendorProtocolError(
            f"the response has {_kind(document)} where an object is expected", status=status
        )
    try:
        return model.model_validate({**document, **known})
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc'])} ({fault['type']})" for fault in error.errors()
        ]
        # 'from None': pydantic's error quotes the response.
        raise VendorProtocolError(
            f"the response has an unexpected shape: {', '.join(faults[:5])}", status=status
        ) from None


def secret_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """Name the secret fields of a model, dots leading into nested models.

    :param model: the model
    """
    found: list[str] = []
    for name, field in model.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if kind is SecretStr:
                found.append(name)
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                found.extend(f"{name}.{inner}" for inner in secret_fields(kind))
    return tuple(found)


def envelope_code(value: Any) -> int | None:
    """Read the code of an envelope, which vendors write as a number or as text.

    :param value: the value of the envelope's field
    :return: the code; None where there is none
    """
    if isinstance(value, float) and value.is_integer():
        # To JSON, 200.0 is the number 200.
        return int(value)
    try:
        return int(str(value))
    except ValueError:
        return None


def _kind(document: Any) -> str:
    names = {type(None): "null", list: "an array", str: "a text", bool: "a boolean"}
    return names.get(type(document), "a number")

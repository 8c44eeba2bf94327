"""How a body is checked against its model: all mistakes at once, each by its path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from airflow_provider.exceptions import InvalidInput, InvalidRecord, Mistake, RecordPath
from airflow_provider.mpohoda import values
from airflow_provider.records.columns import looks_like_data, shown
from airflow_provider.values import is_empty, native, shape

MISTAKE = "mistake"
REQUIRED = "mPOHODA requires it."


class Body(BaseModel):
    """A part of a body. A field that is not given is left out of what is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, hide_input_in_errors=True)

    why: ClassVar[Mapping[str, str]] = {}
    """Why a field is required that the vendor does not require."""
    one_of: ClassVar[tuple[str, ...]] = ()
    """Fields of which exactly one is given."""


def _by(convert: Callable[..., Any], *options: Any, **named: Any) -> BeforeValidator:
    def check(value: Any) -> Any:
        try:
            return convert(value, *options, **named)
        except values.Fault as error:
            raise _custom(error) from None

    return BeforeValidator(check)


def _custom(fault: values.Fault) -> PydanticCustomError:
    return PydanticCustomError(MISTAKE, "{fault}", {"fault": fault.fault, "remedy": fault.remedy})


def _member_of(members: Mapping[str, str | None]) -> BeforeValidator:
    def check(value: Any, info: ValidationInfo) -> str:
        try:
            return values.member(value, members, (info.context or {}).get("country", ""))
        except values.Fault as error:
            raise _custom(error) from None

    return BeforeValidator(check)


def _ticket(value: Any) -> Any:
    found = values.number(value)
    if not 0 < found <= 1000:
        raise values.Fault("must be more than 0 and at most 1000", "Correct it.")
    return found


Text = Annotated[str, _by(values.text)]
Text15 = Annotated[str, _by(values.text, 15)]
Text32 = Annotated[str, _by(values.text, 32)]
Text60 = Annotated[str, _by(values.text, 60)]
Text255 = Annotated[str, _by(values.text, 255)]
Prose = Annotated[str, _by(values.text, prose=True)]
Prose64 = Annotated[str, _by(values.text, 64, prose=True)]
Guid = Annotated[str, _by(values.guid)]
# Any: pydantic's own types would convert once more.
Number = Annotated[Any, _by(values.number)]
Ticket = Annotated[Any, _by(_ticket)]
Whole = Annotated[int, _by(values.whole)]
DueDays = Annotated[int, _by(values.whole, 0, 2000)]
Flag = Annotated[bool, _by(values.flag)]
Date = Annotated[str, _by(values.moment)]

PriceVatType = Annotated[str, _member_of({"WithoutVat": None, "WithVat": None, "ReverseCharge": "cz"})]
VatRateType = Annotated[
    str,
    _member_of(dict.fromkeys(("ZeroVatRate", "BasicVatRate", "FirstReducedVatRate", "SecondReducedVatRate"))),
]
_ORDER = ("Unfinished", "PartiallyFinished", "Finished", "PermanentDocument")
OrderStatus = Annotated[str, _member_of(dict.fromkeys(_ORDER))]
OfferStatus = Annotated[str, _member_of(dict.fromkeys((*_ORDER, "SentForApproval", "Rejected")))]
SlipStatus = Annotated[str, _member_of(dict.fromkeys(_ORDER[:3]))]
VatRounding = Annotated[str, _member_of(dict.fromkeys(("None", "NoneEveryRate")))]
_SLOVAK = ("Half", "Tenth")
Rounding = Annotated[
    str,
    _member_of(
        {
            "None": None,
            **{
                f"{way}To{unit}": "sk" if unit in _SLOVAK else None
                for way in ("Math", "Up", "Down")
                for unit in ("One", *_SLOVAK)
            },
            "MathFiveCent": "sk",
        }
    ),
]
VariableSymbolSource = Annotated[
    str,
    _member_of(dict.fromkeys(("DocumentNumber", "BusinessPartnerNumber", "BusinessPartnerContractNumber"))),
]


def given(value: Any) -> Any:
    """Return a part of a body without what has no value: mPOHODA refuses null in many fields.

    An object of which nothing is left is left out, too; as an element of a list it stays.

    :param value: the part
    """
    if isinstance(value, Mapping):
        found = {str(name): given(part) for name, part in value.items() if not is_empty(part)}
        return {name: part for name, part in found.items() if part != {}}
    if isinstance(value, list | tuple):
        return [given(part) for part in value]
    return native(value)


def checked(model: type[Body], body: Any, *, country: str, made_there: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body as it is sent: numbers exact, dates as text, and nothing without a value.

    :param model: what it must be like
    :param body: the body
    :param country: the country of the connection, ``cz`` or ``sk``
    :param made_there: names of fields that the vendor's answer has
    :raises InvalidRecord: something is wrong with it; the error has all of it
    """
    if not isinstance(body, Mapping):
        raise InvalidInput(f"the body must be an object; it is {shape(body)}.", field="body")
    try:
        plain = given(body)
    except RecursionError:
        raise InvalidInput("the body is nested too deep.", field="body") from None
    mistakes = list(_alternatives(model, plain, ()))
    try:
        found = model.model_validate(plain, context={"country": country})
    except ValidationError as error:
        # 'from None': pydantic's error has the values.
        mistakes = [*(_mistake(model, fault, made_there) for fault in error.errors()), *mistakes]
        raise InvalidRecord(mistakes) from None
    if mistakes:
        raise InvalidRecord(mistakes)
    return found.model_dump(exclude_unset=True)


def _alternatives(model: type[Body], part: Any, path: RecordPath) -> Iterator[Mistake]:
    """Find where none or several of some fields are given that exclude each other."""
    if isinstance(part, list):
        for place, one in enumerate(part):
            yield from _alternatives(model, one, (*path, place))
        return
    if not isinstance(part, dict):
        return
    names = [name for name in model.one_of if name in part]
    if model.one_of and len(names) != 1:
        wanted = " or ".join(f'"{name}"' for name in model.one_of)
        fault = (
            f"has {'both' if names else 'neither'} {wanted.replace(' or ', ' and ' if names else ' nor ')}"
        )
        yield Mistake(path, fault, f"Give either {wanted}.")
    for name, inner in part.items():
        if (below := part_of(model, name)) is not None:
            yield from _alternatives(below, inner, (*path, name))


def part_of(model: type[Body], name: str) -> type[Body] | None:
    """Return the model of a field that is an object, or a list of objects; None where it is neither.

    :param model: the model that has the field
    :param name: name of the field
    """
    field = model.model_fields.get(name)
    waiting = [field.annotation] if field is not None else []
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, Body):
            return kind
        waiting.extend(get_args(kind))
    return None


def _mistake(model: type[Body], fault: Any, made_there: Mapping[str, Any]) -> Mistake:
    path: RecordPath = tuple(fault["loc"])
    kind = fault["type"]
    if kind == MISTAKE:
        return Mistake(path, fault["ctx"]["fault"], fault["ctx"]["remedy"])
    holder = model
    for name in path[:-1]:
        holder = (part_of(holder, name) if isinstance(name, str) else None) or holder
    if kind == "missing":
        why = holder.why.get(str(path[-1]))
        return Mistake(path, "is missing or empty", why or REQUIRED)
    if kind == "extra_forbidden":
        return _unknown(holder, path, made_there if len(path) == 1 else {})
    if kind == "too_short":
        return Mistake(path, "has no element", REQUIRED)
    wanted = "a list" if kind == "list_type" else "an object"
    return Mistake(path, f"must be {wanted}; it is {shape(fault['input'])}")


def _unknown(holder: type[Body], path: RecordPath, made_there: Mapping[str, Any]) -> Mistake:
    """Say that a name is not one of mPOHODA's, and which one may be meant."""
    name = str(path[-1])
    known = list(holder.model_fields)
    if looks_like_data(name):
        return Mistake((*path[:-1], "…"), f"is no field: its name has {len(name)} characters", "Rename it.")
    path = (*path[:-1], shown(name))
    if name in made_there:
        return Mistake(path, "is made by mPOHODA and cannot be given", "Leave it out.")
    below = [
        field for field in known if (part := part_of(holder, field)) is not None and name in part.model_fields
    ]
    if below:
        return Mistake(path, f'is a field of "{below[0]}"', f'Name it "{below[0]}.{name}".')
    near = values.nearest(name, known)
    remedy = f'Perhaps "{near}" is meant.' if near else f"The fields are {', '.join(known)}."
    return Mistake(path, "is not a field that mPOHODA knows", remedy)

"""A request described and a response received, as plain values: nothing here opens a socket."""

from __future__ import annotations

import enum
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from airflow_provider.exceptions import InvalidInput, VendorProtocolError
from airflow_provider.http.content import Content, content_of, decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider.http.sinks import Saved, Sink

T = TypeVar("T")
P = ParamSpec("P")

KINDS = {
    "application/json": "JSON",
    "application/xml": "XML",
    "text/html": "HTML",
    "text/plain": "plain text",
    "text/xml": "XML",
}
"""How the error messages call what servers say that they send."""


class Repeat(enum.Enum):
    """What may be done when it is not known whether a request took effect."""

    SAFE = "safe"
    """Reads only: repeated."""
    IDEMPOTENT = "idempotent"
    """Writes, but a second one changes nothing more: repeated."""
    ONCE = "once"
    """Has an effect each time, like an SMS: not repeated once any byte has left, unless the answer says that
    it was not processed."""


class Headers(Mapping[str, str]):
    """Headers by name in lower case, sorted out when one is first read: a batch hardly ever does that.

    The values of a header that came more than once are joined by commas, see :meth:`all` for each.

    :param fields: names and values as they came
    """

    __slots__ = ("_fields", "_values")

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._fields = fields
        self._values: dict[str, list[str]] | None = None

    def all(self, name: str) -> list[str]:
        """Return each value of a header.

        :param name: its name, in lower case
        """
        return self._found().get(name, [])

    def _found(self) -> dict[str, list[str]]:
        if self._values is None:
            self._values = {}
            for name, value in self._fields:
                self._values.setdefault(name.lower(), []).append(value)
        return self._values

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._found()[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._found())

    def __len__(self) -> int:
        return len(self._found())


@dataclass(frozen=True, slots=True)
class Response:
    """What the server answered.

    :param status: HTTP status
    :param headers: response headers, names in lower case
    :param body: the body, decompressed
    :param saved: the body of a success, where the call has a sink for it; ``body`` is empty then
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    saved: Saved | None = field(default=None, repr=False)

    @property
    def shape(self) -> str:
        """Describe the body without showing it: its kind and its size."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        # Any other words of a header are the server's, and servers have been seen to echo credentials.
        size = len(self.body) if self.saved is None else self.saved.size
        return f"{KINDS.get(kind, 'of no known type')}, {size} bytes"

    def all(self, name: str) -> list[str]:
        """Return each value of a header that may have come more than once.

        :param name: its name, in lower case
        """
        if isinstance(self.headers, Headers):
            return self.headers.all(name)
        return [self.headers[name]] if name in self.headers else []

    @property
    def charset(self) -> str | None:
        """Return the charset that ``Content-Type`` names; None where it names none."""
        for parameter in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip('"') or None
        return None

    def json(self, *, exact: bool = False) -> Any:
        """Parse the body as JSON.

        :param exact: whether numbers with a fraction become :class:`~decimal.Decimal`, as money needs it
        :raises VendorProtocolError: it is not JSON
        """
        try:
            return decode(self.body, self.charset if self.headers else None, exact=exact)
        except (ValueError, RecursionError):
            # 'from None': the parser's error carries the whole document, secrets included.
            raise VendorProtocolError(
                f"the response is not JSON ({self.shape})",
                status=self.status,
                remedy="Check the host of the connection: a proxy or a login page answers like this.",
            ) from None


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request to a vendor, and how to read its answer.

    :param method: HTTP method
    :param path: path below the base URL of the connection, without a leading slash
    :param decode: turns the response into a value, or raises a :class:`VendorError`
    :param repeat: whether the request may be sent again when its outcome is not known; a function that makes
        calls says so with :func:`safe`, :func:`idempotent` or :func:`once`
    :param query: query parameters
    :param json: body, sent as JSON; None for no body
    :param form: body of a call without ``json``: a form
    :param multipart: whether the form is sent as ``multipart/form-data``; else as a query is written
    :param headers: headers of this call alone; they win over those of the connection
    :param attempts: an upper bound on sendings below the policy's own, for calls that cost something
    :param anonymous: whether the connection's credentials stay at home
    :param turns_slash: whether a GET follows a redirect that only adds or drops the final slash of its path,
        once; every other redirect is an error
    :param alone: whether it shares no request with other calls, where a vendor takes several at once
    :param key: what makes two calls of the same function the same call; a batch needs it
    :param reading: what the value tells an observer, at the time it came: a reading of the quota
    :param max_response_bytes: how large the answer may be, where the policy's limit does not fit
    :param sink: opens a place for the body of a success, anew for each attempt that brings one, so that a
        large file is never in memory; ``decode`` sees its size, its digest and its first bytes in
        :attr:`Response.saved`. It is called twice then: what it refuses is not published
    :param shown: values of the request that errors may show, because they are no data of a record
    :param secrets: values of the request that are secret, like a person's session: errors hide them as they
        hide credentials
    :param about: the record that it was made of, or several: errors show nothing of it, sent or not
    """

    method: str
    path: str
    decode: Callable[[Response], T] = field(repr=False)
    repeat: Repeat = Repeat.ONCE
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    multipart: bool = field(default=True, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    attempts: int | None = None
    anonymous: bool = False
    turns_slash: bool = False
    alone: bool = False
    key: tuple[str, ...] = field(default=(), repr=False)
    reading: Callable[[T, datetime], Any] | None = field(default=None, repr=False)
    max_response_bytes: int | None = field(default=None, repr=False)
    sink: Callable[[], Sink] | None = field(default=None, repr=False, compare=False)
    shown: Collection[str] = field(default=(), repr=False)
    secrets: Collection[str] = field(default=(), repr=False)
    about: Any = field(default=None, repr=False, compare=False)
    _content: Content | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            check_header(name, value)

    @property
    def content(self) -> Content:
        """Return the body as it is sent and its headers, encoded once.

        :raises TypeError: the body has a part that JSON does not know
        :raises ValueError: the body has a number or a text that cannot be sent
        """
        if self._content is None:
            object.__setattr__(self, "_content", content_of(self.json, self.form, self.multipart))
        return self._content  # type: ignore[return-value]  # it has just been set

    @property
    def own_credentials(self) -> bool:
        """Say whether a refusal speaks of this call's credentials and not of the connection's."""
        return bool(self.headers)

    def made_of(self, about: Any) -> Call[T]:
        """Return this call, which from now on knows the record that it was made of, or several.

        :param about: the record, or a list of records
        """
        # A batch has no time for a copy, and nobody else has the call yet.
        object.__setattr__(self, "about", about)
        return self

    def without_body(self) -> Call[T]:
        """Return the same call without its body, which takes little memory."""
        return replace(self, json=None, form=None)

    def with_key(self, key: tuple[str, ...]) -> Call[T]:
        """Return the same call under another key, its body not encoded again.

        :param key: the key
        """
        other = replace(self, key=key)
        object.__setattr__(other, "_content", self._content)
        return other


def _repeatable(repeat: Repeat) -> Callable[[Callable[P, Call[T]]], Callable[P, Call[T]]]:
    def mark(function: Callable[P, Call[T]]) -> Callable[P, Call[T]]:
        @functools.wraps(function)
        def make(*args: P.args, **kwargs: P.kwargs) -> Call[T]:
            call = function(*args, **kwargs)
            # Nobody else has the call yet, and a copy of it would cost a batch.
            object.__setattr__(call, "repeat", repeat)
            return call

        make.__dict__["repeat"] = repeat
        return make

    return mark


safe = _repeatable(Repeat.SAFE)
"""Mark a function whose calls only read."""
idempotent = _repeatable(Repeat.IDEMPOTENT)
"""Mark a function whose calls change nothing more when they are sent a second time."""
once = _repeatable(Repeat.ONCE)
"""Mark a function whose calls have an effect each time."""


def repeat_of(function: Callable[..., Call[Any]]) -> Repeat:
    """Say what may be repeated of the calls that a function makes.

    :param function: a function that is marked with :func:`safe`, :func:`idempotent` or :func:`once`
    """
    return cast("Repeat", cast("Any", function).repeat)


def check_header(name: str, value: str, *, label: str | None = None) -> None:
    """Refuse a header value that cannot be sent, before an HTTP library quotes it in its own error.

    :param name: name of the header
    :param value: its value, never shown
    :param label: what the person calls the field, where that is not the header's name
    :raises InvalidInput: the value is empty or holds line breaks, blanks at an end or non-ASCII characters
    """
    if value and value.isascii() and value.isprintable() and value == value.strip():
        return
    fault = (
        "is empty" if not value else f"has {len(value)} characters, some of which no HTTP header can carry"
    )
    raise InvalidInput(
        f'"{label or name}" {fault}.',
        field=label or name,
        remedy="Copy it again without line breaks, blanks at either end or non-ASCII characters.",
    )

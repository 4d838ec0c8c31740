"""One request to the endpoint, and where its answer comes from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from runner.tracking.refusal import wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.tracking.session import Session

LARGEST = 256 << 20  # bytes of a JSON body

_END_OF_TIME = 253_402_300_799_999  # milliseconds since 1970 of the last one of year 9999
_PROXIED = (1, 24)
_WITH_MODELS = (3, 0)

_json = msgspec.json.Decoder().decode


class Body(Protocol):
    """What a client sends after the head of its request."""

    def read(self, limit: int) -> bytes:
        """All of it.

        Raises:
            Refusal: it is longer than `limit` bytes.
        """

    def copy_to(self, target: BinaryIO) -> None:
        """Write it to a file, block by block."""


class Call(Struct):
    """A request.

    Attributes:
        path: percent-decoded, without the token and the version of the API.
        query: the text behind the `?`.
        client: the release of MLflow that asks, such as (2, 9); (0, 0) for one that is too old to
            say so; None for anything else.
        parts: what the route's path left open.
        asked: experiments that the client has looked up by name just before.
    """

    method: str
    path: str
    query: str
    body: Body
    client: tuple[int, int] | None = None
    parts: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()

    @property
    def old(self) -> bool:
        """Whether the client is older than artifacts that a server hands on."""
        return self.client is not None and self.client < _PROXIED

    @property
    def has_models(self) -> bool:
        """Whether the client knows logged models as things of their own, beside the run's."""
        return self.client is not None and self.client >= _WITH_MODELS

    def fields(self) -> dict[str, Any]:
        """The request's fields, from its body or, of a GET, its query.

        Raises:
            Refusal: not a JSON object.
        """
        if self.method == "GET":
            return {
                key: values if len(values) > 1 else values[0]
                for key, values in parse_qs(self.query, keep_blank_values=True).items()
            }
        text = self.body.read(LARGEST)
        if not text:
            return {}
        try:
            found = _json(text)
        except (msgspec.DecodeError, RecursionError):
            found = _lenient(text)
        if not isinstance(found, dict):
            raise wrong("the request's body must be a JSON object")
        return found

    def decoded(self, decoder: msgspec.json.Decoder[Any]) -> Any:  # noqa: ANN401  the decoder's
        """The body as the decoder's type.

        Raises:
            Refusal: it does not fit.
        """
        text = self.body.read(LARGEST)
        try:
            return decoder.decode(text)
        except msgspec.DecodeError as error:
            try:
                # `NaN` and huge numbers, which JSON lacks and Python's writer writes.
                return msgspec.convert(_lenient(text), decoder.type, strict=False)
            except (msgspec.ValidationError, OverflowError):
                raise wrong(f"the request can't be read: {error}") from None


def _lenient(text: bytes) -> Any:  # noqa: ANN401  JSON
    import json

    try:
        return _encodable(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise wrong(f"the request's body is not JSON: {error}") from None


def _encodable(value: Any) -> Any:  # noqa: ANN401  JSON
    """`value`, halves of characters in its texts replaced: nobody could read them again."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_encodable(inner) for inner in value]
    return value


def texts(fields: dict[str, Any], *names: str) -> str:
    """The first of the fields that is there, as text.

    Raises:
        Refusal: none is.
    """
    for name in names:
        value = fields.get(name)
        if value not in (None, ""):
            return str(value)
    raise wrong(f"Missing value for required parameter '{names[0]}'")


def number(fields: dict[str, Any], name: str, default: int, *, most: int = 1 << 53) -> int:
    """A field as a whole number from 1 to `most`, `default` where it is absent, empty or 0.

    Raises:
        Refusal: it is none.
    """
    value = fields.get(name)
    if value in (None, "", 0, "0"):
        return default
    try:
        found = int(value)
    except (ValueError, TypeError, OverflowError):
        raise wrong(f"`{name}` must be a whole number, not {value!r:.50}") from None
    if not 0 < found <= most:
        raise wrong(f"`{name}` must be between 1 and {most}, not {found}")
    return found


def moment(fields: dict[str, Any], name: str) -> int | None:
    """A field in milliseconds since 1970, None where it is absent.

    Raises:
        Refusal: it is none, or no calendar has it.
    """
    return number(fields, name, 0, most=_END_OF_TIME) or None


def objects(fields: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A field that is a list of JSON objects; empty where it is absent.

    Raises:
        Refusal: it is something else.
    """
    found = fields.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise wrong(f"`{name}` must be a list of objects")
    return found


def words(fields: dict[str, Any], name: str) -> list[str]:
    """A field that is a list of texts; a lone text is a list of one.

    Raises:
        Refusal: it is something else.
    """
    found = fields.get(name) or []
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(one, str | int) for one in found):
        raise wrong(f"`{name}` must be a list of texts")
    return [str(one) for one in found]


def pairs(items: object) -> dict[str, str]:
    """MLflow's `[{"key": …, "value": …}, …]` as a mapping.

    Raises:
        Refusal: it isn't that.
    """
    if not isinstance(items, list | tuple):
        raise wrong("a list of keys and values is expected")
    found: dict[str, str] = {}
    for item in items:
        if not isinstance(item, dict) or not item.get("key"):
            raise wrong("every entry needs a `key`")
        value = item.get("value")
        found[str(item["key"])] = "" if value is None else str(value)
    return found


class Sent:
    """An answer that is a file, or bytes of another kind than JSON."""

    def __init__(self, handle: int, size: int, kind: str, headers: dict[str, str]) -> None:
        self.handle = handle
        self.size = size
        self.kind = kind
        self.headers = headers


if TYPE_CHECKING:
    Handler = Callable[[Session, Call], dict[str, Any] | Sent]


class Routes:
    """Which function answers which method and path; `{}` in a path takes one part, `{*}` all."""

    def __init__(self) -> None:
        self._plain: dict[tuple[str, str], Handler] = {}
        self._open: list[tuple[str, re.Pattern[str], Handler]] = []

    def on(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Register the decorated function."""

        def register(handler: Handler) -> Handler:
            if "{" not in path:
                self._plain[method, path] = handler
            else:
                parts = re.split(r"(\{\*?\})", path)
                regular = "".join(
                    {"{}": "([^/]+)", "{*}": "(.*)"}.get(p, re.escape(p)) for p in parts
                )
                self._open.append((method, re.compile(regular, re.DOTALL), handler))
            return handler

        return register

    def find(self, call: Call) -> Handler | None:
        """The function that answers the call, None where none does.

        What the route's path leaves open is put into the call.
        """
        if (handler := self._plain.get((call.method, call.path))) is not None:
            return handler
        for method, pattern, handler in self._open:
            if method == call.method and (match := pattern.fullmatch(call.path)):
                call.parts = match.groups()
                return handler
        return None

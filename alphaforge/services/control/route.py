"""One route of the control API: what is asked, what is answered, and how bodies are read.

A route knows nothing of the wire; `server` does. Unknown fields and unknown query names are errors
here, always: a misspelled `limit` must not become a market order. Must hold no route of its own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from alphaforge.errors import UsageError
from alphaforge.services.control.access import Caller, Scope
from alphaforge.services.suggestions import did_you_mean

MOST_ROWS: Final = 1_000
"""Of one answer."""

USUAL_ROWS: Final = 500

_MOST_DIGITS: Final = 9

Body = TypeVar("Body", bound=msgspec.Struct)


class Asking(NamedTuple):
    """One request.

    Attributes:
        names: Parts of the path: `{"id": "o-000001"}`.
        query: What follows the `?`.
        body: Its bytes; empty where there is none.
    """

    caller: Caller
    names: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    body: bytes = b""

    def read(self, kind: type[Body]) -> Body:
        """The body; an empty one is `{}`. Raises `UsageError` for what does not fit `kind`."""
        content = self.body or b"{}"
        try:
            given = msgspec.json.decode(content, type=dict[str, Any])
            unknown = next((name for name in given if name not in kind.__struct_fields__), None)
            if unknown is None:
                return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(
                f"the body cannot be read: {error}",
                remedy=f"send {kind.__name__} as JSON; GET /api/schema describes it",
            ) from None
        raise _unknown("field", unknown, kind.__struct_fields__)

    def number(self, name: str, usual: int, least: int, most: int) -> int:
        """A whole number of the query; raises `UsageError` if it is none, or out of range."""
        text = self.query.get(name, "")
        if not text:
            return usual
        is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
        if not is_number or not least <= int(text) <= most:
            raise UsageError(
                f"{name}={text} is out of range", remedy=f"give {name} from {least} to {most}"
            )
        return int(text)

    def flag(self, name: str) -> bool:
        """`1`, `true` or `yes`; raises `UsageError` for anything else but `0`, `false`, `no`."""
        text = self.query.get(name, "0").lower()
        if text in {"1", "true", "yes"}:
            return True
        if text in {"0", "false", "no"}:
            return False
        raise UsageError(f"{name}={text} is neither yes nor no", remedy=f"write {name}=1")


class Rows(NamedTuple):
    """An answer of many rows.

    Attributes:
        next: What to give as `before` for the ones that follow; None after the last.
    """

    rows: Sequence[object]
    next: str | None = None


class Text(NamedTuple):
    """An answer that is no JSON of ours."""

    content: bytes
    kind: str


Handle = Callable[[Asking], Awaitable[object]]
"""Answers a struct, `Rows` or `Text`, or raises an `AlphaForgeError` or a `RefusalError`."""


class Route(NamedTuple):
    """One method of one path.

    Attributes:
        path: With `{name}` for its parts.
        answer: Struct of the answer, or of one row of it.
        doc: One line for the schema.
        scope: What the caller must be allowed to do.
        body: Struct of the body; None where there is none.
        query: Names that may follow the `?`.
        is_list: The answer is `Rows`.
    """

    method: str
    path: str
    handle: Handle
    answer: type[msgspec.Struct] | None
    doc: str
    scope: Scope = Scope.READ
    body: type[msgspec.Struct] | None = None
    query: tuple[str, ...] = ()
    is_list: bool = False

    def check_query(self, given: Mapping[str, str]) -> None:
        """Raise `UsageError` for a name that means nothing here."""
        unknown = next((name for name in given if name not in self.query), None)
        if unknown is not None:
            raise _unknown("query name", unknown, self.query)


def _unknown(what: str, name: str, known: Sequence[str]) -> UsageError:
    listed = f"there are: {', '.join(known)}" if known else "it takes none"
    return UsageError(
        f"there is no {what} {name[:40]!r} here", remedy=did_you_mean(name, known) or listed
    )


def page(rows: Sequence[object], key: Callable[[object], str], asking: Asking) -> Rows:
    """The newest rows before a place; `rows` are oldest first, their keys rise by length and text.

    `before` is a key: rows older than it are answered, newest first.
    """
    limit = asking.number("limit", USUAL_ROWS, 1, MOST_ROWS)
    before = asking.query.get("before", "")
    end = len(rows)
    if before:
        place = (len(before), before)
        while end and (len(key(rows[end - 1])), key(rows[end - 1])) >= place:
            end -= 1
    start = max(end - limit, 0)
    found = list(rows[start:end])[::-1]
    return Rows(found, key(rows[start]) if start and found else None)

"""Long lists of the control API, page by page. Must keep no page."""

from typing import Final, Generic, TypeVar

import msgspec

from alphaforge.client.connection import Connection, Parameter

PAGE_ROWS: Final = 1_000

RowType = TypeVar("RowType")


class Page(msgspec.Struct, Generic[RowType]):
    """One answer of a list, the newest first.

    Attributes:
        next: What to give as `before` for the older ones; None after the last.
    """

    rows: list[RowType]
    next: str | None = None


async def newest(
    engine: Connection, path: str, kind: type[RowType], most: int | None, **params: Parameter
) -> list[RowType]:
    """The newest rows of a paged list, at most so many (None = all kept), oldest first."""
    found: list[RowType] = []
    before: str | None = None
    while most is None or len(found) < most:
        limit = PAGE_ROWS if most is None else min(PAGE_ROWS, most - len(found))
        page = await engine.get_as(path, Page[kind], limit=limit, before=before, **params)
        found += page.rows
        before = page.next
        if before is None or not page.rows:
            break
    return found[::-1]


async def whole(
    engine: Connection, path: str, kind: type[RowType], **params: Parameter
) -> list[RowType]:
    """A list that comes in one answer, as the engine orders it."""
    page = await engine.get_as(path, Page[kind], **params)
    return page.rows

"""One channel of the control API: what its clients hold, and the numbered differences between.

A row is encoded once and only if it changed; a difference is encoded once for all clients. Must
know nothing of trading.
"""

from collections.abc import Container, Iterable, Iterator
from typing import Final

import msgspec

from alphaforge.client.messages import Difference, Snapshot

_encoder: Final = msgspec.json.Encoder()


def encoded(value: msgspec.Struct) -> bytes:
    """As JSON; text that no encoding can write (half of a surrogate pair) loses those letters."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_writable(msgspec.to_builtins(value)))


def _writable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_writable(key): _writable(each) for key, each in _items(value)}  # pyright: ignore[reportUnknownArgumentType] - of any kind: it was JSON
    if isinstance(value, list | tuple):
        return [_writable(each) for each in _each(value)]  # pyright: ignore[reportUnknownArgumentType] - the same
    return value


def _items(value: dict[object, object]) -> Iterator[tuple[object, object]]:
    yield from value.items()


def _each(value: Iterable[object]) -> Iterator[object]:
    yield from value


class Table:
    """The rows of one channel as every client that keeps up holds them.

    Attributes:
        channel: Its name.
        keep: At most so many rows: the oldest goes when a new one comes; 0 = all.
        seq: Number of the last difference.
        truncated: Older rows exist and are left out.
    """

    def __init__(self, channel: str, keep: int = 0) -> None:
        self.channel = channel
        self.keep = keep
        self.seq = 0
        self.truncated = False
        self._rows: dict[str, msgspec.Raw] = {}
        self._sources: dict[str, object] = {}
        self._set: dict[str, msgspec.Raw] = {}
        self._gone: dict[str, None] = {}
        self._whole: tuple[int, bytes] | None = None

    def __contains__(self, key: str) -> bool:
        """Whether there is a row."""
        return key in self._rows

    def put(self, key: str, row: msgspec.Struct) -> None:
        """Set a row; nothing happens if it is as it was."""
        raw = msgspec.Raw(encoded(row))
        if self._rows.get(key) == raw:
            return
        self._rows[key] = self._set[key] = raw
        self._gone.pop(key, None)
        if self.keep and len(self._rows) > self.keep:
            self.drop(next(iter(self._rows)))
            self.truncated = True

    def drop(self, key: str) -> None:
        """Take a row out."""
        if self._rows.pop(key, None) is not None:
            self._set.pop(key, None)
            self._gone[key] = None

    def put_all(self, rows: Iterable[tuple[str, msgspec.Struct]]) -> None:
        """Make these all the rows there are; an object that was given before is not read again."""
        for _ in self.putting_all(rows):
            pass

    def putting_all(self, rows: Iterable[tuple[str, msgspec.Struct]]) -> Iterator[None]:
        """The same, row by row, for who must not hold the loop."""
        before, self._sources = self._sources, {}
        for key, row in rows:
            if before.get(key) is not row:
                self.put(key, row)
            self._sources[key] = row
            yield
        self.drop_all_but(self._sources)

    def drop_all_but(self, keys: Container[str]) -> None:
        """Take out every row but these."""
        for key in [each for each in self._rows if each not in keys]:
            self.drop(key)

    def difference(self, ts: str) -> bytes | None:
        """What changed since the last one, numbered; None if nothing did."""
        if not self._set and not self._gone:
            return None
        self.seq += 1
        message = Difference(
            channel=self.channel, seq=self.seq, ts=ts, set=self._set, gone=tuple(self._gone)
        )
        payload = _encoder.encode(message)
        self._set, self._gone = {}, {}
        return payload

    def skip(self) -> None:
        """Number what changed without telling anybody: nobody holds what it would change."""
        if self._set or self._gone:
            self.seq += 1
            self._set, self._gone = {}, {}

    def snapshot(self, ts: str) -> bytes:
        """Every row, with the number of the last difference.

        What changed since that one may be in it already; the next difference says it again.
        """
        known = self._whole
        if known is not None and known[0] == self.seq and not self._set and not self._gone:
            return known[1]
        message = Snapshot(
            channel=self.channel, seq=self.seq, ts=ts, rows=self._rows, truncated=self.truncated
        )
        payload = _encoder.encode(message)
        if not self._set and not self._gone:
            self._whole = (self.seq, payload)
        return payload

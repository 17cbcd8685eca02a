"""Keeps a venue's markets on disk for a day, so that a start need not ask for megabytes.

One file per ccxt version, venue and network: what one version has parsed means something else to
another. `info` is kept (binance's order types are read from it). A file that is old, damaged or
somebody else's counts as none. Must never be trusted for prices, and never be half written.
"""

import os
from pathlib import Path

import msgspec

FORMAT = 1
LIFE_NS = 86_400 * 1_000_000_000
"""Rules change: after a day they are asked for again."""

_UNSAFE = frozenset('/\\:*?"<>| \0')


class Markets(msgspec.Struct, frozen=True):
    """What `set_markets(markets, currencies)` takes.

    Attributes:
        markets: By unified symbol.
        currencies: By code; empty where they were not asked for.
    """

    markets: dict[str, object]
    currencies: dict[str, object] = {}


class _File(msgspec.Struct, frozen=True):
    format: int
    ccxt_version: str
    ccxt_id: str
    network: str
    saved_at: int
    held: Markets


class MarketsCache:
    """The files of one folder."""

    def __init__(self, folder: Path, ccxt_version: str) -> None:
        """Nothing is touched until something is saved."""
        self._folder = folder
        self._version = ccxt_version

    def path(self, ccxt_id: str, network: str) -> Path:
        """Where a venue's markets lie; `network` is `live`, `test` or another word of the like."""
        name = f"{ccxt_id}-{network}-{self._version}.json"
        safe = "".join("_" if each in _UNSAFE else each for each in name)
        return self._folder / safe

    def load(self, ccxt_id: str, network: str, now: int) -> Markets | None:
        """What was saved within the last day (`now` in ns UTC); None where there is nothing good.

        A file from the future was written under a wrong clock and is not trusted either.
        """
        try:
            data = self.path(ccxt_id, network).read_bytes()
            file = msgspec.json.decode(data, type=_File)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        told = (file.format, file.ccxt_version, file.ccxt_id, file.network)
        is_ours = told == (FORMAT, self._version, ccxt_id, network)
        is_fresh = 0 <= now - file.saved_at < LIFE_NS
        return file.held if is_ours and is_fresh and file.held.markets else None

    def save(self, ccxt_id: str, network: str, held: Markets, now: int) -> None:
        """Keep a venue's markets, all or nothing; raises `OSError` where the disk will not."""
        path = self.path(ccxt_id, network)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = msgspec.json.encode(_File(FORMAT, self._version, ccxt_id, network, now, held))
        draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            draft.write_bytes(data)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def forget(self, ccxt_id: str, network: str) -> None:
        """Drop what was kept: a symbol turned out not to be what it says."""
        self.path(ccxt_id, network).unlink(missing_ok=True)

"""Writes synthetic trades or bars as CSV: for trying things out, demos and benchmarks.

The same arguments give the same bytes, also gzipped. A file appears whole or not at all.
"""

import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TextIO

from alphaforge.errors import DataError, UsageError
from alphaforge.marketdata.synthetic import DEFAULT_START_NS, SyntheticMarket, walk_bars
from alphaforge.marketdata.times import MINUTE_NS
from alphaforge.model.market import Trade
from alphaforge.model.numbers import plain

PROGRESS_ROWS = 10_000
"""Rows between two calls of a progress function."""

_HEADERS = {
    "trades": "timestamp,price,size,side,id\n",
    "bars": "timestamp,open,high,low,close,volume\n",
}


def csv_lines(
    symbol: str = "BTC/USDT", kind: str = "trades", rows: int = 100_000, seed: int = 0
) -> Iterator[str]:
    """The header and `rows` lines; trades are stamped in ns, one-minute bars in ms.

    Raises:
        UsageError: Another kind, or fewer rows than none.
    """
    if kind not in _HEADERS:
        raise UsageError(f"cannot generate {kind}", remedy="--kind trades or --kind bars")
    if rows < 0:
        raise UsageError(f"cannot generate {rows} rows", remedy="--rows 100000")
    lines = _trade_lines(symbol, seed) if kind == "trades" else _bar_lines(symbol, seed)
    return _with_header(_HEADERS[kind], islice(lines, rows))


def generate(
    path: Path,
    *,
    symbol: str = "BTC/USDT",
    kind: str = "trades",
    rows: int = 100_000,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Write such a file, gzipped if its name ends in `.gz`; returns the rows written.

    Args:
        path: Where to.
        symbol: Its level and seed; the file itself does not name it.
        kind: `trades` or `bars`.
        rows: How many.
        seed: The same seed gives the same bytes.
        progress: Called with the rows written so far, now and then.

    Raises:
        UsageError: As for `csv_lines`.
        DataError: The file cannot be written.
    """
    lines = csv_lines(symbol, kind, rows, seed)
    draft = path.with_name(path.name + ".part")
    try:
        with ExitStack() as stack:
            stream = _text_stream(stack, draft, zipped=path.suffix == ".gz")
            _write(stream, lines, progress)
        draft.replace(path)
    except OSError as problem:
        raise DataError(f"cannot be written: {problem.strerror}", path=path) from problem
    finally:
        draft.unlink(missing_ok=True)
    return rows


def _write(stream: TextIO, lines: Iterator[str], progress: Callable[[int], object] | None) -> None:
    stream.write(next(lines))
    written = 0
    while block := list(islice(lines, PROGRESS_ROWS)):
        stream.write("".join(block))
        written += len(block)
        if progress is not None:
            progress(written)


def _text_stream(stack: ExitStack, path: Path, zipped: bool) -> TextIO:
    if not zipped:
        return stack.enter_context(path.open("w", encoding="ascii", newline=""))
    raw = stack.enter_context(path.open("wb"))
    # No name and no time in the header: the same rows are the same bytes.
    packed = stack.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0))
    return stack.enter_context(io.TextIOWrapper(packed, encoding="ascii", newline=""))


def _with_header(header: str, lines: Iterator[str]) -> Iterator[str]:
    yield header
    yield from lines


def _trade_lines(symbol: str, seed: int) -> Iterator[str]:
    for event in SyntheticMarket((symbol,), seed).events():
        if isinstance(event, Trade):
            price, size = _text(event.price), _text(event.size)
            yield f"{event.ts},{price},{size},{event.side},{event.trade_id}\n"


def _bar_lines(symbol: str, seed: int) -> Iterator[str]:
    for bar in walk_bars(symbol, seed, DEFAULT_START_NS, MINUTE_NS, "1m"):
        numbers = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        yield f"{bar.ts_open // 1_000_000},{','.join(_text(number) for number in numbers)}\n"


def _text(number: float) -> str:
    text = repr(number)
    return plain(Decimal(text)) if "e" in text else text

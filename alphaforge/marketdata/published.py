"""Layouts of files that have no header of their own: Binance public dumps and QuantConnect LEAN.

Binance: klines, trades and aggTrades as published. LEAN: equities have prices x 10000 in New York
time, crypto has plain prices in UTC; the file's name tells the date, the symbol and what it holds.
"""

import re
from dataclasses import replace
from pathlib import PurePath

from alphaforge.errors import DataError
from alphaforge.marketdata.layout import BarColumns, Layout, cells_of
from alphaforge.marketdata.source import Source
from alphaforge.marketdata.times import (
    MINUTE_NS,
    SECOND_NS,
    parser_for,
    since_midnight_parser,
    zoned_parser,
)
from alphaforge.model.symbols import is_crypto_name

_KLINES = ("open_time", "open", "high", "low", "close", "volume", "close_time")
_DUMP_NAME = re.compile(r"(?P<own>[A-Z0-9_]{5,})-(?:\d{1,2}[smhdwM]|trades|aggTrades|bookTicker)\b")
_INVERSE_NAME = re.compile(r"USD_(PERP|\d{6})$")
_MS_PER_DAY = 86_400_000

_LEAN_DATED = re.compile(r"(?P<date>\d{8})_(?:(?P<own>[A-Za-z0-9.]+)_)?(?P<rest>[A-Za-z_]+)")
_LEAN_DAILY_ROW = re.compile(r"\d{8} \d\d:\d\d")
_EQUITY_SCALE = 10_000
_NEW_YORK = "America/New_York"
_RESOLUTIONS = (("second", SECOND_NS), ("minute", MINUTE_NS))
_BAR_COLUMNS = ("time", "open", "high", "low", "close", "volume")
_QUOTE_BAR_COLUMNS = (
    "time",
    *(f"bid_{word}" for word in ("open", "high", "low", "close", "size")),
    *(f"ask_{word}" for word in ("open", "high", "low", "close", "size")),
)
_KLINE_CELLS = 12
_TRADE_CELLS, _QUOTE_CELLS, _QUOTE_BAR_CELLS = 3, 5, 11


def dump_layout(lines: list[str]) -> Layout | None:
    """A Binance dump without a header, by the number and the sort of its columns."""
    cells = cells_of(lines[0], ",")
    layout = _dump_columns(cells)
    if layout is None or not cells[layout.time].isdigit():
        return None
    return replace(layout, when=parser_for(cells[layout.time]))


def named_by_dump(source: Source, layout: Layout) -> Layout:
    """Take the symbol from a published name, `BTCUSDT-1m-2024-01.csv`, where no column tells."""
    named = _DUMP_NAME.match(PurePath(source.inner_name).name)
    if named is None or layout.symbol is not None or layout.own:
        return layout
    inverse = layout.inverse or bool(_INVERSE_NAME.search(named["own"]))
    return replace(layout, own=named["own"], inverse=inverse)


def _dump_columns(cells: list[str]) -> Layout | None:
    flags = [place for place, cell in enumerate(cells) if cell.lower() in {"true", "false"}]
    if len(cells) == _KLINE_CELLS and not flags:
        bars = (BarColumns("", (1, 2, 3, 4), 5),)
        return Layout("binance-klines", "bars", _KLINES, time=0, bars=bars)
    if not flags or len(cells) - flags[0] not in {1, 2}:
        return None
    time = flags[0] - 1
    what = {4: "trades", 5: "aggTrades"}.get(time)
    if what is None:
        return None
    names = [str(place + 1) for place in range(len(cells))]
    names[:3] = ["id", "price", "qty"]
    names[time : time + 2] = ["time", "is_buyer_maker"]
    return Layout(
        f"binance-{what}",
        "trades",
        tuple(names),
        time,
        prices=(1,),
        sizes=(2,),
        side=time + 1,
        side_is_maker_flag=True,
        trade_id=0,
    )


def lean_layout(source: Source, lines: list[str]) -> Layout | None:
    """A LEAN file, by its name and its first row; None where it is none.

    Raises:
        DataError: It is one, but has a number of columns that none of its kinds has.
    """
    stem = PurePath(source.inner_name).stem
    cells = cells_of(lines[0], ",")
    dated = _LEAN_DATED.fullmatch(stem) or _LEAN_DATED.fullmatch(source.path.stem)
    if _LEAN_DAILY_ROW.fullmatch(cells[0]):
        own = re.sub(r"_(trade|quote)$", "", stem)
        return _lean(own, _lean_rows(source, cells, ""), date="")
    if dated is None or not _is_ms_of_day(cells[0]):
        return None
    own = dated["own"] or source.path.parent.name
    rest = f"{dated['rest']}_{source.path.as_posix()}".lower()
    return _lean(own, _lean_rows(source, cells, rest), date=dated["date"])


def _is_ms_of_day(cell: str) -> bool:
    try:
        return 0 <= float(cell) < _MS_PER_DAY
    except ValueError:
        return False


def _lean(own: str, layout: Layout, date: str) -> Layout:
    """Scale, zone and clock by what the name means."""
    crypto = is_crypto_name(own)
    zone = "UTC" if crypto else _NEW_YORK
    when = since_midnight_parser(date, zone) if date else zoned_parser(zone)
    if crypto:
        return replace(layout, own=own, when=when)
    return replace(layout, own=own, when=when, scale=_EQUITY_SCALE, equity=True)


def _lean_rows(source: Source, cells: list[str], words: str) -> Layout:
    count = len(cells)
    length = next((size for word, size in _RESOLUTIONS if word in words), 0)
    if count == _QUOTE_BAR_CELLS:
        bars = (BarColumns("", (1, 2, 3, 4, 6, 7, 8, 9)),)
        return Layout(
            "lean-quote-bars", "quote-bars", _QUOTE_BAR_COLUMNS, 0, bars=bars, sizes=(5, 10),
            bar_ns=length,
        )  # fmt: skip
    if "tick" in words and "quote" in words and count >= _QUOTE_CELLS:
        names = ("time", "bid", "bid_size", "ask", "ask_size")
        return Layout(
            "lean-quote-tick", "quotes", names, 0, prices=(1, 3), sizes=(2, 4), carries=True
        )
    if "tick" in words and count >= _TRADE_CELLS:
        names = ("time", "price", "size")
        return Layout("lean-trade-tick", "trades", names, 0, prices=(1,), sizes=(2,))
    if count == len(_BAR_COLUMNS):
        bars = (BarColumns("", (1, 2, 3, 4), 5),)
        return Layout("lean-trade-bars", "bars", _BAR_COLUMNS, 0, bars=bars, bar_ns=length)
    raise DataError(
        f"a LEAN file with {count} columns",
        path=source.path,
        line=1,
        expected="6 columns of a trade bar, 11 of a quote bar, or ticks (with tick in the name)",
    )

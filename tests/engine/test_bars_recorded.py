"""Bars of recorded days: what is known of the files from outside, and volume conserved exactly."""

import csv
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from alphaforge.engine.data import DataEngine
from alphaforge.engine.markets import Markets
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar, Trade, VenueTime

DataFile = Callable[[str], Path]

SPY = Instrument(
    symbol="SPY", price_step=Decimal("0.0001"), quantity_step=Decimal(1), min_quantity=Decimal(1)
)
BTC = Instrument(
    symbol="BTC/USDT:USDT",
    venue="binanceusdm",
    kind=InstrumentKind.LINEAR,
    price_step=Decimal("0.1"),
    quantity_step=Decimal("0.001"),
)
KINDS = ("1m", "1000-tick", "250000-volume", "50000000-value")
MIDNIGHT = int(datetime(2013, 10, 8, 4, tzinfo=UTC).timestamp()) * 1_000_000_000
"""The day began at 04:00 UTC in New York, in summer."""


def spy_rows(path: Path) -> Iterator[list[str]]:
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        with archive.open(name) as raw:
            yield from csv.reader(io.TextIOWrapper(raw, encoding="ascii"))


@pytest.mark.slow
def test_the_spy_day_is_whole_and_every_kind_of_bar_conserves_its_volume(
    data_file: DataFile,
) -> None:
    data = DataEngine(Markets({"SPY": SPY}))
    bars: dict[str, list[Bar]] = {kind: [] for kind in KINDS}
    data.on_bar(lambda bar: bars[bar.kind].append(bar))
    for kind in KINDS:
        data.subscribe_bars("SPY", kind)
    rows = volume = turnover = 0
    for row in spy_rows(data_file("spy_tick_20131008_trade.zip")):
        rows += 1
        volume += int(row[2])
        turnover += int(row[1]) * int(row[2])
        ts = MIDNIGHT + int(row[0]) * 1_000_000
        assert data.process_trade(Trade("SPY", ts, int(row[1]) / 10_000, float(row[2])))
    assert (rows, volume) == (451_545, 178_346_557)
    assert round(turnover / volume / 10_000, 6) == 166.395717
    assert data.late == 0
    last_trade = ts
    data.accept_time(VenueTime("sim", MIDNIGHT + 86_400_000_000_000))
    rest = {each.kind: data.builders[0]._lots - each.lots for each in data.builders[0]._thresholds}
    for kind, finished in bars.items():
        assert sum(int(bar.volume) for bar in finished) + rest.get(kind, 0) == volume
        assert sum(bar.trade_count for bar in finished) <= rows
        assert finished[-1].ts_open <= last_trade
    minutes = bars["1m"]
    assert max(bar.high for bar in minutes) == 167.72
    assert min(bar.low for bar in minutes) == 165.16
    assert sum(bar.trade_count for bar in minutes) == rows
    assert {bar.trade_count for bar in bars["1000-tick"]} == {1000}
    assert min(bar.volume for bar in bars["250000-volume"]) >= 250_000


class Message(msgspec.Struct, rename={"event": "e", "ts": "E", "price": "p", "size": "q"}):
    """The fields of a raw Binance message that time and trades need."""

    event: str = ""
    ts: int = 0
    price: str = ""
    size: str = ""
    t: int = 0


class Envelope(msgspec.Struct):
    """A line of the recorded feed; depth snapshots have no stream and no event time."""

    stream: str = ""
    data: Message = msgspec.field(default_factory=Message)


def messages(path: Path) -> Iterator[Message]:
    decode = msgspec.json.Decoder(Envelope).decode
    with gzip.open(path, "rb") as lines:
        for line in lines:
            yield decode(line.partition(b" ")[2]).data


@pytest.mark.slow
def test_the_recorded_perpetual_gives_344_seconds_and_7_late_trades(data_file: DataFile) -> None:
    data = DataEngine(Markets({BTC.symbol: BTC}))
    seconds: list[Bar] = []
    data.on_bar(seconds.append)
    data.subscribe_bars(BTC.symbol, "1s")
    lots = 0
    held_seconds: set[int] = set()
    for message in messages(data_file("binance_usdm_btcusdt_20240808.jsonl.gz")):
        ts = message.ts * 1_000_000
        if message.event == "trade":
            lots += int(Decimal(message.size) * 1000)
            held_seconds.add(message.ts // 1000)
            trade = Trade(BTC.symbol, ts, float(message.price), float(message.size))
            assert data.process_trade(msgspec.structs.replace(trade, trade_id=str(message.t)))
        elif ts:
            data.accept_time(VenueTime(BTC.venue, ts))
    data.accept_time(VenueTime(BTC.venue, (max(held_seconds) + 1) * 1_000_000_000))
    assert data.trades == 21_313
    assert data.late == 7
    assert len(held_seconds) == len(seconds) == 344
    assert sum(bar.trade_count for bar in seconds) == 21_313 - 7
    in_bars = sum(round(bar.volume * 1000) for bar in seconds)
    assert 0 < lots - in_bars < lots

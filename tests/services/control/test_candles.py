"""Candles from market events: the engine's own bars, at any kind, from before the run too."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import chain, islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.engine.strategy import Strategy
from alphaforge.errors import UsageError, VenueUnavailableError
from alphaforge.marketdata.dataset import merge, open_dataset
from alphaforge.model.market import Bar, MarketEvent, Quote, Trade
from alphaforge.services.control.candle_kinds import Chart, interval_of, merged
from alphaforge.services.control.candles import Candle, Candles
from tests.services.control.engine_rig import SECOND, START, Rig, quote, trade

MINUTE = 60 * SECOND


def candles_of(events: Sequence[MarketEvent], kind: str = "1s", count: int = 1_000) -> list[Candle]:
    rig = Rig()
    candles = rig.hub.views.candles
    candles.take(events)
    market = candles.market("BTC/USDT")
    assert market is not None
    return merged(market, interval_of(kind), count)


def test_a_second_holds_the_trades_that_began_in_it() -> None:
    events = [trade(0.0, 10.0), trade(0.5, 12.0), trade(0.999, 9.0), trade(1.0, 11.0, 2.0)]
    assert candles_of(events) == [
        (START, 10.0, 12.0, 9.0, 9.0, 3.0),
        (START + SECOND, 11.0, 11.0, 11.0, 11.0, 2.0),
    ]


def test_a_second_without_trades_has_no_candle() -> None:
    candles = candles_of([trade(0, 10.0), trade(5, 11.0)])
    assert [each[0] for each in candles] == [START, START + 5 * SECOND]


def test_quotes_make_candles_only_until_the_first_trade() -> None:
    events = [quote(0, 9.0, 11.0), quote(0.5, 11.0, 13.0), trade(1, 20.0), quote(1.5, 1.0, 2.0)]
    assert candles_of(events[:2]) == [(START, 10.0, 12.0, 10.0, 12.0, 0.0)]
    assert candles_of(events) == [(START + SECOND, 20.0, 20.0, 20.0, 20.0, 1.0)]


def test_a_trade_of_a_second_that_another_stream_ended_is_late_for_it_but_not_for_its_minute() -> (
    None
):
    events = [trade(0.1, 10.0), quote(1.2, 9.0, 11.0), trade(0.9, 30.0), trade(2, 12.0)]
    assert [each[2] for each in candles_of(events)] == [10.0, 12.0]
    assert candles_of(events, "1m") == [(START, 10.0, 30.0, 10.0, 12.0, 3.0)]


def test_a_late_trade_never_lands_in_a_minute_that_is_not_its_own() -> None:
    events = [trade(59.9, 10.0), quote(61.5, 9.0, 11.0), trade(60.2, 30.0), trade(62, 12.0)]
    assert candles_of(events, "1m") == [
        (START, 10.0, 10.0, 10.0, 10.0, 1.0),
        (START + MINUTE, 30.0, 30.0, 12.0, 12.0, 2.0),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        Trade("BTC/USDT", START + SECOND, float("nan"), 1.0),
        Trade("BTC/USDT", START + SECOND, float("inf"), 1.0),
        Trade("BTC/USDT", START + SECOND, -5.0, 1.0),
        Trade("BTC/USDT", START + SECOND, 5.0, 0.0),
        Trade("BTC/USDT", START - SECOND, 5.0, 1.0),
        Quote("BTC/USDT", START + SECOND, 12.0, 11.0),
        Trade("DOGE/USDT", START, 5.0, 1.0),
    ],
)
def test_what_the_engine_refuses_is_in_no_candle(bad: MarketEvent) -> None:
    assert candles_of([trade(0, 10.0), bad]) == [(START, 10.0, 10.0, 10.0, 10.0, 1.0)]


def test_a_trade_that_is_told_twice_counts_once() -> None:
    told = Trade("BTC/USDT", START, 10.0, 1.0, None, "t-1")
    assert candles_of([told, told])[0][5] == 1.0


def test_the_middle_of_what_is_asked_for_is_refused_where_the_data_are_longer_bars() -> None:
    rig = Rig(native_kinds={"BTC/USDT": "5m"})
    bars = [
        Bar("BTC/USDT", "5m", start + 5 * MINUTE, start, 1, 3, 1, 2, 7)
        for start in range(START, START + 30 * MINUTE, 5 * MINUTE)
    ]
    rig.hub.views.candles.take(bars)
    market = rig.hub.views.candles.market("BTC/USDT")
    assert market is not None
    assert merged(market, interval_of("1m"), 10) == []
    assert len(merged(market, interval_of("5m"), 10)) == 6
    assert sum(each[5] for each in merged(market, interval_of("1h"), 10)) == 42


def test_native_bars_of_a_second_are_not_counted_twice() -> None:
    rig = Rig(native_kinds={"BTC/USDT": "1s"})
    rig.hub.views.candles.take(
        [
            Bar("BTC/USDT", "1s", start + SECOND, start, 1, 3, 1, 2, 1)
            for start in range(START, START + 90 * SECOND, SECOND)
        ]
    )
    market = rig.hub.views.candles.market("BTC/USDT")
    assert market is not None
    assert [each[5] for each in merged(market, MINUTE, 5)] == [60.0, 30.0]
    assert len(merged(market, SECOND, 1_000)) == 90


@pytest.mark.parametrize("kind", ["x", "100-tick", "1m@quote", "2d", "0s"])
def test_what_is_no_kind_of_candle_is_refused(kind: str) -> None:
    with pytest.raises(UsageError):
        interval_of(kind)


class Keeper(Strategy):
    """Keeps the bars the engine built."""

    kinds = ("1s", "5s", "1m", "5m")

    def on_start(self) -> None:
        self.bars: list[Bar] = []
        for kind in self.kinds:
            self.subscribe_bars("BTC/USDT", kind)

    def on_bar(self, bar: Bar) -> None:
        self.bars.append(bar)


TIMES = st.lists(st.integers(0, 40_000), min_size=1, max_size=120)


@given(TIMES, st.sampled_from(["1s", "1m", "5m"]))
def test_candles_equal_the_bars_the_engine_builds(gaps: list[int], kind: str) -> None:
    at, events = 0, list[MarketEvent]()
    for number, gap in enumerate(gaps):
        at += gap
        symbol = "ETH/USDT" if number % 5 == 4 else "BTC/USDT"
        events.append(trade(at / 1000, 100.0 + (number * 7) % 11, 1.0 + number % 3, symbol))
    rig = Rig({"keeper": Keeper})
    rig.feed(events)
    built = [each for each in _keeper(rig).bars if each.kind == kind]
    rig.hub.views.candles.take(rig.host.take_market())
    market = rig.hub.views.candles.market("BTC/USDT")
    shown = merged(market, interval_of(kind), 1_000) if market is not None else []
    finished = [
        (each.ts_open, each.open, each.high, each.low, each.close, each.volume) for each in built
    ]
    assert shown[: len(finished)] == finished
    assert len(shown) - len(finished) in (0, 1)


def _keeper(rig: Rig) -> Keeper:
    strategy = rig.engine.strategies.runners["keeper"].strategy
    assert isinstance(strategy, Keeper)
    return strategy


@given(st.lists(st.integers(1, 4_000), min_size=1, max_size=60), st.integers(1, 40))
def test_the_newest_candles_are_the_end_of_all_of_them(gaps: list[int], count: int) -> None:
    at, events = 0, list[MarketEvent]()
    for number, gap in enumerate(gaps):
        at += gap
        events.append(trade(at, 100.0 + number))
    for kind in ("1s", "15s", "1m", "15m", "4h"):
        assert candles_of(events, kind, count) == candles_of(events, kind)[-count:]


def test_candles_of_a_recorded_market_are_the_engines_bars(
    data_file: Callable[[str], Path],
) -> None:
    path = data_file("binance_usdm_btcusdt_20240808.jsonl.gz")
    dataset = open_dataset(path, wanted=("BTC/USDT",))
    rig = Rig({"keeper": Keeper}, instruments=tuple(dataset.instruments.values()))
    events = [*islice(chain.from_iterable(merge([dataset])), 12_000)]
    rig.feed(events)
    rig.hub.views.candles.take(rig.host.take_market())
    market = rig.hub.views.candles.market("BTC/USDT")
    assert market is not None
    for kind in ("1s", "1m"):
        built = [each for each in _keeper(rig).bars if each.kind == kind]
        shown = merged(market, interval_of(kind), 10_000)[: len(built)]
        assert [each[:5] for each in shown] == [
            (each.ts_open, each.open, each.high, each.low, each.close) for each in built
        ]
        assert [each[5] for each in shown] == pytest.approx([each.volume for each in built])
        assert len(built) > 5 or kind == "1m"


# From before the run ------------------------------------------------------------------------------


class Past:
    """A venue that knows bars from before the run, or fails."""

    def __init__(self, bars: Sequence[Bar] | Exception) -> None:
        self.asked = 0
        self._bars = bars

    async def bars(self, symbol: str, kind: str, count: int) -> Sequence[Bar]:
        del symbol, kind
        self.asked += 1
        await asyncio.sleep(0)
        if isinstance(self._bars, Exception):
            raise self._bars
        return self._bars[-count:]


def minute_bar(number: int, close: float) -> Bar:
    start = START + number * MINUTE
    return Bar("BTC/USDT", "1m", start + MINUTE, start, close, close, close, close, 5.0)


async def test_bars_from_before_the_run_are_joined_and_asked_for_once() -> None:
    past = Past([minute_bar(each, 1.0) for each in range(-5, 1)])
    rig = Rig()
    candles = rig.hub.views.candles
    candles.take([trade(30, 2.0), trade(70, 3.0)])
    chart = Chart(candles, lambda _: past)
    told = await asyncio.gather(*(chart.ask_earlier("BTC/USDT", "1m") for _ in range(3)))
    assert sorted(told) == [False, False, True]
    assert past.asked == 1
    shown = chart.candles("BTC/USDT", "1m", 100)
    assert [(each[0] - START) // MINUTE for each in shown] == [-5, -4, -3, -2, -1, 0, 1]
    assert [each[4] for each in shown] == [1.0] * 6 + [3.0], "the first minute is the venue's"
    assert chart.unsure("BTC/USDT", "1m", [each[0] for each in shown]) == [False] * 6 + [True]


async def test_without_a_venue_the_first_candle_says_that_it_lacks_its_beginning() -> None:
    candles = Rig().hub.views.candles
    candles.take([trade(30, 2.0), trade(70, 3.0), trade(130, 3.0)])
    chart = Chart(candles, lambda _: None)
    assert not await chart.ask_earlier("BTC/USDT", "1m")
    starts = [each[0] for each in chart.candles("BTC/USDT", "1m", 9)]
    assert chart.unsure("BTC/USDT", "1m", starts) == [True, False, True]


async def test_a_venue_that_does_not_answer_leaves_the_chart_as_it_is() -> None:
    past = Past(VenueUnavailableError("away"))
    candles = Rig().hub.views.candles
    candles.take([trade(0, 2.0)])
    chart = Chart(candles, lambda _: past)
    assert not await chart.ask_earlier("BTC/USDT", "1m")
    assert len(chart.candles("BTC/USDT", "1m", 9)) == 1


async def test_older_candles_are_paged_by_their_start() -> None:
    candles = Rig().hub.views.candles
    candles.take([trade(each, 1.0) for each in range(30)])
    chart = Chart(candles, lambda _: None)
    page = chart.candles("BTC/USDT", "1s", 10, before=START + 20 * SECOND)
    assert [(each[0] - START) // SECOND for each in page] == list(range(10, 20))


def test_a_run_of_days_keeps_a_bounded_number_of_candles() -> None:
    candles: Candles = Rig().hub.views.candles
    candles.take([trade(each, 1.0) for each in range(20_000)])
    market = candles.market("BTC/USDT")
    assert market is not None
    assert 7_200 <= len(market.second.rows) <= 9_000
    assert len(market.tape) == 500

"""On recorded bars and trades, engine and reference agree to the last digit."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from alphaforge.marketdata import Dataset, open_dataset
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.market import Bar, MarketEvent, Quote, Trade
from alphaforge.model.numbers import nearest_to
from tests.research.reference import Ask, BarRow, Cancel, Script, on_bars
from tests.research.reference_ticks import Tick, on_ticks
from tests.research.scripted import CASH, SYMBOL, engine_run, reference_run, settings

FindFile = Callable[[str], Path]


def script_for(prices: Sequence[Decimal], times: Sequence[int], step: Decimal, seed: int) -> Script:
    """Orders of every type all over a recording, near the price of their moment."""
    draw = Random(seed)
    script: defaultdict[int, list[Ask | Cancel]] = defaultdict(list)
    for number in range(300):
        at = draw.randrange(len(prices) - 1)
        price = prices[at]
        side = draw.choice((1, -1))
        ask = Ask(f"a{number}", side, Decimal(draw.randrange(1, 200)))
        kind = draw.choice(("market", "limit", "stop", "stop-limit"))
        near = nearest_to(price * Decimal(draw.randrange(1, 80)) / 20_000, step) + step
        if kind in {"stop", "stop-limit"}:
            ask.stop = price + side * near
        if kind == "limit":
            ask.limit = price - side * near
        if kind == "stop-limit":
            ask.limit = price + side * draw.choice((-1, 0, 1, 2)) * near
        if kind != "market" and draw.random() < 0.2:
            ask.expires = times[min(at + draw.randrange(2, 50), len(times) - 1)]
        script[at].append(ask)
        if draw.random() < 0.3:
            script[min(at + draw.randrange(1, 40), len(prices) - 1)].append(Cancel(ask.key))
    return script


def recorded(path: Path) -> tuple[Dataset, list[MarketEvent]]:
    dataset = open_dataset(path, symbol=SYMBOL)
    return dataset, [event for batch in dataset.batches() for event in batch]


@pytest.mark.parametrize("at_close", [False, True])
@pytest.mark.parametrize(
    "name", ["bitstamp_btcusd_1m_20200101.csv", "spy_1d.zip", "btcusd_1d_2017_2020.csv"]
)
def test_orders_on_a_recorded_bar_file_fill_alike(
    name: str, at_close: bool, data_file: FindFile
) -> None:
    dataset, events = recorded(data_file(name))
    instrument = replace(
        dataset.instruments[SYMBOL], maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.001")
    )
    rows = [
        BarRow(
            bar.ts_open,
            bar.ts,
            *(instrument.price_of(price) for price in (bar.open, bar.high, bar.low, bar.close)),
        )
        for bar in events
        if isinstance(bar, Bar)
    ]
    script = script_for(
        [row.close for row in rows], [row.end for row in rows], instrument.price_step, seed=7
    )
    chosen = settings(at_close=at_close, currency=instrument.quote)
    found, fills, engine = engine_run(
        events, script, instrument, chosen, kind=dataset.timeframe or ""
    )
    expected = reference_run(
        lambda account: on_bars(rows, script, account, at_close=at_close), instrument
    )
    assert engine.data.rejected == {}
    assert len(fills) > 100
    assert found == expected


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("binance_spot_btcusdt_20240808.jsonl.gz", (Trade, Quote)),
        ("binance_spot_btcusdt_20240809.jsonl.gz", (Quote,)),
        ("binance_usdm_btcusdt_20240808.jsonl.gz", (Trade,)),
    ],
)
def test_orders_on_a_recorded_feed_fill_alike(
    name: str, kinds: tuple[type, ...], data_file: FindFile
) -> None:
    dataset, events = recorded(data_file(name))
    shown = [event for event in events if isinstance(event, kinds)][:20_000]
    instrument = replace(
        dataset.instruments[SYMBOL],
        kind=InstrumentKind.SPOT,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.001"),
    )
    ticks = [
        Tick(event.ts_local, instrument.price_of(event.bid), instrument.price_of(event.ask))
        if isinstance(event, Quote)
        else Tick(event.ts_local, instrument.price_of(event.price))
        for event in shown
    ]
    ready = next(at for at in range(len(shown)) if {*map(type, shown[:at])} == {*kinds})
    marks = [tick.bid for tick in ticks]
    script = script_for(marks, [tick.ts for tick in ticks], instrument.price_step, seed=11)
    script = {at: orders for at, orders in script.items() if at >= ready}
    found, fills, engine = engine_run(shown, script, instrument, settings())
    expected = reference_run(lambda account: on_ticks(ticks, script, account), instrument, CASH)
    assert engine.data.rejected == {}
    assert len(fills) > 80
    assert found == expected

"""The life of a tick, readable as code: from a line of a file to the rows of the store.

What comes before what is the contract of the engine; this story pins it with one strategy that
writes down everything it is told.
"""

from alphaforge.model.events import OrderSubmitted
from alphaforge.model.market import Trade
from alphaforge.model.reports import OrderAccepted, OrderFilled
from alphaforge.services.feed import RecordedFeed
from alphaforge.store.reads import open_reader
from alphaforge.store.records import Selection
from tests.services.running import SECOND, START, plan_in, play, strategy_file, trades_csv, url_in

WITNESS = """
symbol: str = "BTC/USDT"

def on_start(self):
    self.told = []
    self.subscribe_trades(self.symbol)
    self.subscribe_bars(self.symbol, "1s")

def on_trade(self, trade):
    self.told.append(f"trade {trade.price}")
    if trade.price == 100:
        self.buy(self.symbol, "0.5", limit=99)

def on_bar(self, bar):
    self.told.append(f"bar {bar.open} {bar.high} {bar.low} {bar.close} {bar.volume}")

def on_order(self, order):
    self.told.append(f"order {order.status}")

def on_fill(self, fill):
    self.told.append(f"fill {fill.quantity} at {fill.price}")

def on_position(self, position):
    self.told.append(f"position {position.quantity}")

def on_stop(self):
    self.told.append("stop")
"""

TICKS = [(0.1, 100, 0.5), (0.6, 99, 0.5), (1.2, 101, 0.5)]
"""The second meets the limit; the third is of the next second, so it closes the first bar."""


async def test_a_tick_goes_through_the_venue_then_bars_then_the_strategy(tmp_path):
    bot, data = strategy_file(tmp_path, WITNESS), trades_csv(tmp_path, TICKS)
    plan = plan_in(tmp_path, [bot], [data])
    await play(plan)
    runner = plan.assembly.engine.strategies.runners["bot"]
    assert vars(runner.strategy)["told"] == [
        # First tick: nothing rests yet, so the strategy is next; its order goes out afterwards.
        "trade 100.0",
        "order SUBMITTED",
        "order ACCEPTED",
        # Second tick: the simulated venue comes before the strategy.
        "fill 0.5 at 99",
        "order FILLED",
        "position 0.5",
        "trade 99.0",
        # Third tick: bars that are due come before everything else of it.
        "bar 100.0 100.0 99.0 99.0 1.0",
        "trade 101.0",
        "stop",
    ]


async def test_what_came_of_a_tick_stands_in_the_store_under_its_sequence(tmp_path):
    bot, data = strategy_file(tmp_path, WITNESS), trades_csv(tmp_path, TICKS)
    plan = plan_in(tmp_path, [bot], [data])
    await play(plan)
    async with open_reader(url_in(tmp_path)) as reader:
        inputs = [item async for page in reader.inputs(plan.record.run_id) for item in page]
        steps = [step async for page in reader.decisions(plan.record.run_id) for step in page]
        chosen = Selection(run_id=plan.record.run_id)
        fills = [fill async for page in reader.fills(chosen) for fill in page]
    # 1 is the start, 2 to 4 are the three ticks (by reference: they stand in the file), 5 the end.
    assert [(sequence, type(event).__name__) for sequence, event in inputs] == [
        (1, "StartSession"),
        (5, "StopSession"),
    ]
    assert [(step.sequence, [type(event) for event in step.events]) for step in steps] == [
        (2, [OrderSubmitted, OrderAccepted]),
        (3, [OrderFilled]),
    ]
    assert [(fill.ts, str(fill.price)) for fill in fills] == [(START + 6 * SECOND // 10, "99")]


async def test_a_tick_is_the_line_of_the_file_it_came_from(tmp_path):
    bot, data = strategy_file(tmp_path, WITNESS), trades_csv(tmp_path, TICKS)
    feed = plan_in(tmp_path, [bot], [data]).feed
    assert isinstance(feed, RecordedFeed)
    (batch,) = feed.batches()
    assert batch[0] == Trade("BTC/USDT", START + SECOND // 10, 100.0, 0.5)

"""The life of an order, readable as code: from a verb in a callback to cash, position and rows."""

from decimal import Decimal

from alphaforge.model.enums import Liquidity, OrderStatus, OrderType
from alphaforge.store.reads import Reader, open_reader
from alphaforge.store.records import Selection
from tests.services.running import SECOND, START, plan_in, play, strategy_file, trades_csv, url_in

TRADER = """
symbol: str = "BTC/USDT"

def on_start(self):
    self.handles, self.seen = [], []
    self.subscribe_trades(self.symbol)

def on_trade(self, trade):
    if trade.price == 100:
        order = self.buy(self.symbol, "0.5")
        # A verb only describes: nothing has happened when it returns, but the order is known.
        held = self.position(self.symbol).quantity
        self.seen += [str(order.status), order in self.orders(), held]
        self.handles.append(order)
    if trade.price == 102:
        self.handles.append(self.sell(self.symbol, "0.5", limit=110))
    if trade.price == 103:
        self.cancel(self.handles[-1])
    if trade.price == 104:
        self.handles.append(self.sell(self.symbol, "5"))

def on_fill(self, fill):
    # Handle and position show a fill before anybody is told of it.
    order = self.handles[-1]
    self.seen += [str(order.status), order.filled, self.position(self.symbol).quantity]
"""

TICKS = [(0.1, 100, 0.5), (0.2, 102, 0.5), (0.3, 103, 0.5), (0.4, 104, 0.5), (0.5, 105, 0.5)]


async def events_of(reader: Reader, run_id: str, order_id: str) -> list[str]:
    events = await reader.order_events(run_id, order_id)
    return [str(event.__struct_config__.tag) for event in events]


async def test_orders_live_from_the_verb_to_the_store(tmp_path):
    plan = plan_in(
        tmp_path, [strategy_file(tmp_path, TRADER)], [trades_csv(tmp_path, TICKS)], cash="1000"
    )
    outcome = await play(plan)
    engine, run_id = plan.assembly.engine, plan.record.run_id
    strategy = vars(engine.strategies.runners["bot"].strategy)

    # In the callback, and at its fill.
    assert strategy["seen"] == ["INITIALIZED", True, 0, "FILLED", Decimal("0.5"), Decimal("0.5")]

    # One handle for the whole life: bought, canceled, denied (there are only 0.5 to sell).
    bought, canceled, denied = strategy["handles"]
    assert [order.status for order in strategy["handles"]] == [
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.DENIED,
    ]
    assert (bought.order_id, bought.average_price) == ("o-000001", Decimal(100))
    assert "0.5" in denied.reason

    async with open_reader(url_in(tmp_path)) as reader:
        assert await events_of(reader, run_id, bought.order_id) == [
            "submitted",
            "accepted",
            "filled",
        ]
        assert await events_of(reader, run_id, canceled.order_id) == [
            "submitted",
            "accepted",
            "cancel_requested",
            "canceled",
        ]
        assert await events_of(reader, run_id, denied.order_id) == ["denied"]
        chosen = Selection(run_id=run_id)
        (fill,) = [row async for page in reader.fills(chosen) for row in page]
        orders = [row async for page in reader.orders(chosen) for row in page]
        (position,) = [row async for page in reader.positions(chosen) for row in page]

    # The fill as booked: 0.5 at the trade's price, 10 bps as taker, at the tick's time.
    assert (fill.price, fill.value, fill.fee) == (Decimal(100), Decimal(50), Decimal("0.05"))
    assert (fill.liquidity, fill.ts) == (Liquidity.TAKER, START + SECOND // 10)
    assert (fill.order_id, fill.venue_order_id, fill.trade_id) == (
        "o-000001",
        "v-000001",
        "t-000001",
    )
    assert [(row.order_type, row.status) for row in orders] == [
        (OrderType.MARKET, OrderStatus.FILLED),
        (OrderType.LIMIT, OrderStatus.CANCELED),
        (OrderType.MARKET, OrderStatus.DENIED),
    ]
    assert (position.quantity, position.cost) == (Decimal("0.5"), Decimal(50))

    # Cash, position and summary say the same.
    assert engine.portfolio.cash["USDT"] == Decimal(1000) - Decimal(50) - Decimal("0.05")
    assert outcome.summary["equity"] == "1002.45"
    counted = ("submitted", "filled", "canceled", "denied", "open")
    assert [outcome.summary[f"orders_{name}"] for name in counted] == [2, 1, 1, 1, 0]

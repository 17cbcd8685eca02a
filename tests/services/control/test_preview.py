"""A dry run: the gate's own verdict, the book's own price, and an engine that did not notice."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import force_setattr, replace

from alphaforge.engine import snapshot
from alphaforge.engine.core import Engine
from alphaforge.engine.preview import Preview, preview
from alphaforge.model.claims import VenueState, VenueStateChanged
from alphaforge.model.commands import PlaceOrder, SetRiskState
from alphaforge.model.enums import AccountType, OrderSide, OrderType, RiskState, TimeInForce
from alphaforge.model.events import OrderDenied, OrderHeld, OrderSubmitted
from alphaforge.model.market import BookSnapshot, Quote
from alphaforge.model.orders import Order
from alphaforge.model.settings import AccountSettings, EngineSettings, RiskSettings
from tests.engine.driving import LINEAR, SPOT, SYMBOL, Market, spending
from tests.engine.wire_driving import INSTRUMENTS, Life
from tests.services.control.api_rig import Run, served

BUY, SELL = OrderSide.BUY, OrderSide.SELL

numbers = st.sampled_from(
    [Decimal(text) for text in ("0.0001", "0.001", "0.5", "1", "3", "99.95", "100", "250", "1e22")]
    + [Decimal(0), Decimal(-1), Decimal("NaN")]
)
prices = st.one_of(st.none(), numbers)


@st.composite
def orders(draw: st.DrawFn, symbols: tuple[str, ...] = (SYMBOL,), owner: str = "puppet") -> Order:
    """Any order at all, sensible or not."""
    quantity = draw(numbers)
    kind = draw(st.sampled_from(OrderType))
    has_limit = kind in {OrderType.LIMIT, OrderType.STOP_LIMIT}
    has_stop = kind in {OrderType.STOP_MARKET, OrderType.STOP_LIMIT}
    order = Order(
        symbol=draw(st.sampled_from(symbols)),
        side=draw(st.sampled_from(OrderSide)),
        order_type=kind,
        quantity=quantity,
        leaves=quantity,
        limit_price=draw(numbers) if has_limit else None,
        trigger_price=draw(numbers) if has_stop else None,
        tif=draw(st.sampled_from(TimeInForce)),
        post_only=draw(st.booleans()),
        reduce_only=draw(st.booleans()),
        take_profit=draw(prices),
        stop_loss=draw(prices),
        strategy=draw(st.sampled_from(["manual", owner])),
    )
    if kind is OrderType.TRAILING_STOP:
        force_setattr(order, draw(st.sampled_from(["trail", "trail_pct"])), draw(numbers))
    return order


limits = st.builds(
    RiskSettings,
    max_order_quantity=st.sampled_from([Decimal(0), Decimal(1)]),
    max_order_value=st.sampled_from([Decimal(0), Decimal(100)]),
    max_position_value=st.sampled_from([Decimal(0), Decimal(150)]),
    max_open_orders=st.sampled_from([0, 1]),
    price_collar_pct=st.sampled_from([Decimal(0), Decimal(10)]),
    state=st.sampled_from(RiskState),
)
accounts = st.sampled_from(
    [
        AccountSettings(reporting_currency="USDT"),
        AccountSettings(cash={"USDT": Decimal(200)}, reporting_currency="USDT"),
        AccountSettings(
            cash={"USDT": Decimal(200), "BTC": Decimal(2)},
            reporting_currency="USDT",
            account_type=AccountType.MARGIN,
            leverage=Decimal(2),
        ),
    ]
)


def decided(engine: Engine, order: Order) -> OrderSubmitted | OrderHeld | OrderDenied:
    """What the engine decides when it is asked in earnest."""
    step = engine.process(PlaceOrder(order, engine.timers.now, "test"))
    for event in step.events:
        if isinstance(event, OrderSubmitted | OrderHeld | OrderDenied):
            return event
    raise AssertionError(step)


def agree(seen: Preview, given: OrderSubmitted | OrderHeld | OrderDenied) -> None:
    if isinstance(given, OrderDenied):
        assert seen.reasons == given.reasons
        assert any(not check.passed for check in seen.checks)
        told = "; ".join(check.message for check in seen.checks if not check.passed)
        assert all(reason in told for reason in given.reasons)
    else:
        assert seen.reasons == ()
        assert seen.quantity == given.terms.quantity
        assert all(check.passed for check in seen.checks)


@given(limits, accounts, st.sampled_from([SPOT, LINEAR]), st.lists(orders(), max_size=4), orders())
def test_it_denies_exactly_what_the_gate_denies_with_the_same_reasons(
    risk: RiskSettings, account: AccountSettings, instrument: Any, before: list[Order], order: Order
) -> None:
    market = Market(
        EngineSettings(account=account, risk=replace(risk, state=RiskState.ACTIVE)), (instrument,)
    )
    market.tick(100.0)
    for each in before:
        decided(market.engine, each)
    market.process(SetRiskState(risk.state, market.now))
    seen = preview(market.engine, order)
    agree(seen, decided(market.engine, order))


@given(
    st.integers(0, 10_000),
    st.lists(orders(tuple(INSTRUMENTS), "busy"), min_size=1, max_size=6),
    st.sampled_from(VenueState),
)
def test_an_engine_among_venues_is_as_it_was_and_says_what_it_would_say(
    seed: int, asked: list[Order], state: VenueState
) -> None:
    life = Life(seed).run(60)
    engine = life.engine
    for venue in engine.markets.clocks:
        life.put(VenueStateChanged(venue, state, "a test says so", engine.timers.now))
    before = snapshot.take(engine)
    seen = [preview(engine, order) for order in asked]
    assert snapshot.take(engine) == before
    agree(seen[0], decided(engine, asked[0]))


@given(st.lists(orders(), min_size=1, max_size=6), st.booleans())
def test_an_engine_that_simulates_is_as_it_was(asked: list[Order], has_traded: bool) -> None:
    market = Market(spending({"USDT": "1000"}))
    if has_traded:
        market.tick(100.0)
    before = everything(market.engine)
    for order in asked:
        preview(market.engine, order)
    assert everything(market.engine) == before


def everything(engine: Engine) -> bytes:
    """All that a run's future depends on, and its record."""
    execution = engine.execution
    return msgspec.msgpack.encode(
        (
            engine.sequence,
            engine.timers.now,
            engine.portfolio.save(),
            execution.save(),
            (execution.exposure.funds, execution.exposure.open_orders),
            execution.gate.state,
            [repr(each) for each in execution.record],
        ),
        enc_hook=repr,
    )


# The book -----------------------------------------------------------------------------------------


@dataclass
class Depth:
    """A market with a book, two levels a side."""

    market: Market = field(default_factory=lambda: Market(spending({"USDT": "1000", "BTC": "10"})))

    def __post_init__(self) -> None:
        self.market.tick(100.0)
        self.market.process(
            BookSnapshot(
                SYMBOL,
                self.market.now,
                bids=((99.0, 1.0), (98.0, 2.0)),
                asks=((101.0, 1.0), (103.0, 2.0)),
                last_id=1,
            )
        )

    def look(self, side: OrderSide, quantity: str, **terms: Any) -> Preview:
        order = Order.market(SYMBOL, side, quantity, strategy="manual")
        return preview(self.market.engine, replace(order, **terms))


def test_a_market_order_walks_the_book_and_pays_what_it_walks() -> None:
    seen = Depth().look(BUY, "2")
    assert (seen.price, seen.worst_price, seen.book_covers) == (102, 103, 2)
    assert (seen.value, seen.fee, seen.takes) == (204, Decimal("0.204"), True)
    assert seen.slippage_bp == pytest.approx(200.0)
    mirrored = Depth().look(SELL, "2")
    assert (mirrored.price, mirrored.worst_price) == (Decimal("98.5"), 98)
    assert mirrored.slippage_bp == pytest.approx(150.0)


def test_what_the_book_does_not_hold_is_not_covered() -> None:
    seen = Depth().look(BUY, "5")
    assert (seen.book_covers, seen.worst_price) == (3, 103)


@given(st.integers(1, 60))
def test_no_more_is_covered_than_the_book_holds_and_no_worse_price_than_its_worst(
    tenths: int,
) -> None:
    quantity = Decimal(tenths) / 10
    seen = Depth().look(BUY, str(quantity))
    assert seen.price is not None
    assert seen.worst_price is not None
    assert seen.book_covers == min(quantity, 3)
    assert 101 <= seen.price <= seen.worst_price <= 103


def test_a_limit_through_the_market_takes_only_up_to_its_limit() -> None:
    limit = {"order_type": OrderType.LIMIT, "limit_price": Decimal(101)}
    seen = Depth().look(BUY, "2", **limit)
    assert (seen.price, seen.worst_price, seen.book_covers, seen.takes) == (101, 101, 1, True)
    posted = Depth().look(BUY, "2", post_only=True, **limit)
    assert (posted.takes, posted.price, posted.worst_price) == (False, 101, None)


def test_an_order_that_rests_pays_the_makers_fee_at_its_own_price() -> None:
    seen = Depth().look(BUY, "2", order_type=OrderType.LIMIT, limit_price=Decimal("99.55"))
    assert (seen.price, seen.takes, seen.book_covers) == (Decimal("99.5"), False, 0)
    assert seen.fee == Decimal("0.0398")
    assert (seen.slippage_bp, seen.worst_price) == (None, None)


def test_a_stop_is_priced_at_its_trigger_and_pays_the_takers_fee() -> None:
    seen = Depth().look(SELL, "1", order_type=OrderType.STOP_MARKET, trigger_price=Decimal(95))
    assert (seen.price, seen.fee, seen.takes) == (95, Decimal("0.095"), False)


def test_without_a_book_the_quote_and_without_a_quote_the_last_price_counts() -> None:
    market = Market(spending({"USDT": "1000"}))
    order = Order.market(SYMBOL, BUY, "1", strategy="manual")
    assert preview(market.engine, order).price is None
    market.tick(100.0)
    assert preview(market.engine, order).price == 100
    market.process(Quote(SYMBOL, market.now, 99.0, 101.0))
    assert preview(market.engine, order).price == 101


def test_it_says_what_the_position_and_every_limit_would_be() -> None:
    risk = RiskSettings(max_order_value=Decimal(250), max_open_orders=3)
    settings = msgspec.structs.replace(spending({"USDT": "1000"}), risk=risk)
    market = Market(settings)
    market.tick(100.0)
    market.process(PlaceOrder(Order.market(SYMBOL, BUY, "1", strategy="manual"), market.now))
    seen = preview(market.engine, Order.market(SYMBOL, BUY, "2", strategy="manual"))
    checks = {check.name: check for check in seen.checks}
    assert (seen.position_before, seen.position_after) == (1, 3)
    assert seen.leverage_before == pytest.approx(0.1, abs=1e-3)
    assert seen.leverage_after == pytest.approx(0.3, abs=1e-3)
    assert (checks["max_order_value"].after, checks["max_order_value"].limit) == (200, 250)
    assert (checks["max_open_orders"].before, checks["max_open_orders"].after) == (0, 1)
    assert checks["max_position_value"].limit is None
    assert (checks["max_position_value"].before, checks["max_position_value"].after) == (100, 300)
    assert checks["funds"].after == Decimal("200.2")
    assert checks["funds"].limit == Decimal("899.9")


async def test_a_dry_run_answers_in_text_and_sends_nothing(tmp_path: Path) -> None:
    run = Run(risk=RiskSettings(max_order_quantity=Decimal(1)))
    run.tick(100.0)
    async with served(tmp_path, run) as engine:
        order = {"symbol": "btcusdt", "side": "buy", "quantity": "2"}
        status, seen = await engine.client.post("/api/orders?dry_run=1", **order)
        _, summary = await engine.client.get("/api/live/summary")
    assert status == 200
    assert (seen["verdict"], seen["price"], seen["value"]) == ("denied", "100", "200")
    assert seen["reasons"] == ["quantity 2 is above max_order_quantity 1"]
    (failed,) = [check for check in seen["checks"] if not check["passed"]]
    assert (failed["name"], failed["used_after"], failed["limit"]) == (
        "max_order_quantity",
        "2",
        "1",
    )
    assert (summary["orders_submitted"], summary["orders_denied"]) == (0, 0)
    assert run.commands == []

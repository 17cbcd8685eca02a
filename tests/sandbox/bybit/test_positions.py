"""A position over the wire is the one in the exchange's books, to the last digit."""

from decimal import Decimal
from typing import Any

import ccxt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaforge.model.enums import Liquidity, OrderSide
from alphaforge.sandbox.candles import Candles
from alphaforge.sandbox.dialects.bybit_asked import Asked
from alphaforge.sandbox.dialects.bybit_tallies import Tallies
from alphaforge.sandbox.dialects.bybit_v5 import BybitV5
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.faults import Faults
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.terms import Execution, PositionView
from tests.sandbox.bybit.conftest import KEY, LISTINGS, SPOT, SWAP, Rig


async def agree(rig: Rig, client: Any) -> Any:
    """The position, wallet and trades as the client sees them are what is booked."""
    booked = rig.position()
    told = (await client.fetch_positions([SWAP]))[0]
    signed = Decimal(told["contracts"]) * (-1 if told["side"] == "short" else 1)
    assert signed == booked.quantity
    assert Decimal(told["entryPrice"] or 0) == booked.entry_price
    assert Decimal(told["info"]["unrealisedPnl"]) == booked.unrealized_pnl
    assert Decimal(told["info"]["cumRealisedPnl"]) == booked.realized_pnl
    wallet = await client.fetch_balance()
    assert Decimal(wallet["USDT"]["total"]) == rig.balance().total
    assert Decimal(wallet["USDT"]["free"]) == rig.balance().free
    trades = await client.fetch_my_trades(SWAP)
    executions = rig.exchange.executions("main", SWAP)
    assert [Decimal(each["fee"]["cost"]) for each in trades] == [each.fee for each in executions]
    assert [Decimal(each["info"]["execPnl"]) for each in trades] == [
        each.realized_pnl for each in executions
    ]
    return told


async def test_a_position_is_opened_reduced_flipped_and_closed(rig: Rig, client: Any) -> None:
    rig.book()
    await client.create_order(SWAP, "market", "buy", "1.7")
    told = await agree(rig, client)
    assert (told["side"], told["contracts"]) == ("long", "1.7")
    await client.create_order(SWAP, "market", "sell", "0.6", None, {"reduceOnly": True})
    await agree(rig, client)
    await client.create_order(SWAP, "market", "sell", "2.1")
    told = await agree(rig, client)
    assert (told["side"], told["contracts"]) == ("short", "1")
    rig.book()
    await client.create_order(SWAP, "limit", "buy", "1", "60003", {"reduceOnly": True})
    told = await agree(rig, client)
    assert (told["side"], told["contracts"]) == (None, "0")
    assert await client.fetch_positions() == []
    closed = [Decimal(each["info"]["closedSize"]) for each in await client.fetch_my_trades(SWAP)]
    assert sum(closed) == Decimal("0.6") + Decimal("1.1") + 1


async def test_a_reduce_only_order_without_a_position_is_refused(rig: Rig, client: Any) -> None:
    rig.book()
    with pytest.raises(ccxt.InvalidOrder, match="110017"):
        await client.create_order(SWAP, "market", "sell", "0.1", None, {"reduceOnly": True})


async def test_the_loss_since_it_was_flat_is_the_current_one(rig: Rig, client: Any) -> None:
    rig.book()
    await client.create_order(SWAP, "market", "buy", "0.5")
    await client.create_order(SWAP, "market", "sell", "0.5")
    await client.create_order(SWAP, "market", "buy", "0.4")
    await client.create_order(SWAP, "market", "sell", "0.1")
    told = (await client.fetch_positions([SWAP]))[0]
    assert Decimal(told["info"]["curRealisedPnl"]) == Decimal("-0.2")
    assert Decimal(told["info"]["cumRealisedPnl"]) == Decimal("-1.2")


async def test_positions_are_asked_for_by_symbol_or_coin(client: Any) -> None:
    assert await client.fetch_positions() == []
    with pytest.raises(ccxt.BadRequest, match="settleCoin"):
        await client.private_get_v5_position_list({"category": "linear"})
    with pytest.raises(ccxt.BadRequest, match="category"):
        await client.private_get_v5_position_list({"category": "spot", "symbol": "BTCUSDT"})


async def test_an_exchange_that_was_restored_tells_the_same(rig: Rig, client: Any) -> None:
    rig.book()
    await client.create_order(SWAP, "market", "buy", "1.7")
    await client.create_order(SWAP, "market", "sell", "0.9")
    await client.create_order(SWAP, "limit", "buy", "0.1", "59000", {"clientOrderId": "rests"})
    again = Exchange(LISTINGS)
    again.load(rig.exchange.save())
    candles = Candles(LISTINGS, rig.clock.now())
    floor = Floor(again, rig.clock.now, rig.floor.keys, candles, Faults())
    restored = BybitV5(floor)
    key = rig.floor.keys.find(KEY)
    assert key is not None
    asked = {"category": "linear", "symbol": "BTCUSDT"}
    for part, name in ((1, "positions"), (3, "realtime"), (3, "history"), (3, "executions")):
        before = getattr(rig.dialect._parts[part], name)(Asked(rig.floor, asked, key))
        after = getattr(restored._parts[part], name)(Asked(floor, asked, key))
        assert before == after
        assert after["list"]


class _Books:
    """Executions, and nothing else of an exchange."""

    def __init__(self, done: list[Execution]) -> None:
        self.listings = {each.symbol: each for each in LISTINGS}
        self.remembered = len(done) + 1000
        self.done = done

    def executions(self, account: str) -> list[Execution]:
        return self.done[-self.remembered :]

    def positions(self, account: str) -> list[PositionView]:
        signs = {OrderSide.BUY: 1, OrderSide.SELL: -1}
        swaps = [each for each in self.done if each.symbol == SWAP]
        view = PositionView(
            symbol=SWAP,
            quantity=sum((signs[each.side] * each.quantity for each in swaps), Decimal(0)),
            entry_price=Decimal(100),
            mark_price=Decimal(100),
            unrealized_pnl=Decimal(0),
            realized_pnl=Decimal(0),
            leverage=Decimal(10),
        )
        return [view] if swaps else []


traded = st.lists(st.tuples(st.booleans(), st.integers(1, 50)), min_size=1, max_size=30)


def executed(trades: list[tuple[bool, int]]) -> list[Execution]:
    return [
        Execution(
            trade_id=number,
            order_id=1 + number // 3,
            client_order_id="",
            account="main",
            symbol=SWAP if number % 5 else SPOT,
            side=OrderSide.BUY if is_buy else OrderSide.SELL,
            price=Decimal(100),
            quantity=Decimal(quantity),
            fee=Decimal("0.1"),
            fee_currency="USDT",
            liquidity=Liquidity.TAKER,
            ts=number,
            realized_pnl=Decimal(number),
        )
        for number, (is_buy, quantity) in enumerate(trades, 1)
    ]


@given(traded, st.integers(0, 30))
@settings(max_examples=60)
def test_sums_are_the_same_whether_heard_one_by_one_or_built_from_the_books(
    trades: list[tuple[bool, int]], heard: int
) -> None:
    executions = executed(trades)
    built: Any = Tallies(_Books(executions))  # type: ignore[arg-type]
    books = _Books(executions[:heard])
    followed: Any = Tallies(books)  # type: ignore[arg-type]
    followed.holding("main", SWAP)
    for each in executions[heard:]:
        books.done.append(each)
        followed.hear(each)
    assert [built.mark(each) for each in executions] == [followed.mark(each) for each in executions]
    assert built.holding("main", SWAP) == followed.holding("main", SWAP)
    orders = {each.order_id for each in executions}
    for order_id in orders:
        own = [each for each in executions if each.order_id == order_id]
        assert built.fees("main", order_id).total == sum(each.fee for each in own)
        assert built.fees("main", order_id) == followed.fees("main", order_id)


@given(traded, st.integers(1, 30))
@settings(max_examples=60)
def test_what_an_execution_closed_is_known_although_earlier_ones_are_forgotten(
    trades: list[tuple[bool, int]], remembered: int
) -> None:
    executions = executed(trades)
    whole: Any = Tallies(_Books(executions))  # type: ignore[arg-type]
    books = _Books(executions)
    books.remembered = remembered
    part: Any = Tallies(books)  # type: ignore[arg-type]
    for each in executions[-remembered:]:
        assert part.mark(each).closed == whole.mark(each).closed

"""Laws of a venue's words: their order does not matter, and asking brings our books to its own.

The words are those of the fake exchange, which shares no code with the engine; what is done to
them here is what a network and a venue do: repeat, reorder, hold back, forget, answer wrongly.
"""

import asyncio
import random
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alphaforge.errors import OutcomeUnknownError
from alphaforge.model.claims import Claim, OrderStatusReport, VenueState
from alphaforge.model.commands import CancelOrder, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType
from alphaforge.venues.base import ReplyError
from tests.engine.wire import Wire
from tests.fake_venue.exchange import Exchange
from tests.fake_venue.terms import Quirks, spot
from tests.services.wire_rig import (
    ACCOUNT,
    SECOND,
    Act,
    WireRig,
    late,
    lost_after,
    lost_before,
    no_such_order,
    played,
    silent,
)
from tests.simulation import compare

LISTING = spot("BTC/USDT", "100", venue="fake")
SYMBOL = "BTC/USDT"


# In any order -------------------------------------------------------------------------------------


class Story:
    """Orders of two strategies and of a stranger at an exchange, and all it said about them."""

    def __init__(self, seed: int, quirks: Quirks) -> None:
        draw = self.draw = random.Random(f"claims-{seed}")
        money = {"USDT": Decimal(100_000), "BTC": Decimal(100)}
        self.quirks = quirks
        self.exchange = Exchange(
            [LISTING], {ACCOUNT: money}, seed=seed, tick_ns=SECOND, start=SECOND, quirks=quirks
        )
        self.asked = [
            (
                draw.choice(("one", "two")),
                draw.choice((OrderSide.BUY, OrderSide.SELL)),
                Decimal(draw.choice((15, 25, 40, 900))) / 1000,
                Decimal(100) + Decimal(draw.randint(-300, 300)) / 100,
            )
            for _ in range(draw.randint(1, 4))
        ]
        self.foreign = draw.randint(0, 2)
        self._happen()

    def engine(self) -> Wire:
        """A fresh engine whose strategies have sent their orders, and know nothing more."""
        wire = Wire(("one", "two"), instrument=LISTING.instrument)
        for name, side, quantity, limit in self.asked:
            (wire.buy if side is OrderSide.BUY else wire.sell)(quantity, limit, name)
        return wire

    def _happen(self) -> None:
        draw, exchange, now = self.draw, self.exchange, SECOND
        sent = [each.command for each in self.engine().outgoing]
        strange = [
            SubmitOrder(
                "", SYMBOL, "", side, OrderType.LIMIT, Decimal("0.5"), Decimal(100) + number
            )
            for number, side in enumerate((OrderSide.BUY, OrderSide.SELL)[: self.foreign])
        ]
        commands = [*sent, *strange]
        draw.shuffle(commands)
        for command in commands:
            now += draw.randint(0, 3) * SECOND // 2
            assert isinstance(command, SubmitOrder)
            try:
                report = exchange.submit(ACCOUNT, command, now)
            except ReplyError:
                continue
            if draw.random() < 0.4:
                now += draw.randint(1, 4) * SECOND
                cancel = CancelOrder("", SYMBOL, "", report.venue_order_id)
                try:
                    exchange.cancel(ACCOUNT, cancel, now)
                except ReplyError:
                    continue
        exchange.advance(now + 5 * SECOND)
        trades = exchange.trades(ACCOUNT)
        if trades and draw.random() < 0.4:
            exchange.bust(draw.choice(trades).trade_id, exchange.now)

    def looks(self, ts: int | None = None) -> list[OrderStatusReport]:
        """How every order stood: what a look-up by any id answers, always by all names."""
        found: list[OrderStatusReport] = []
        for order in self.exchange.books(ACCOUNT).orders:
            stood = [each for each in self._history(order) if ts is None or each.ts <= ts]
            found += stood[-1:]
        return found

    def _history(self, order: OrderStatusReport) -> list[OrderStatusReport]:
        return self.exchange.accounts[ACCOUNT].by_venue[order.venue_order_id].history

    def told(self, order: random.Random) -> list[Claim]:
        """Everything it pushed, in some order, with repeats and some look-ups between."""
        claims = list(self.exchange.pushes(ACCOUNT))
        claims += order.choices(claims, k=len(claims) // 2) if claims else []
        claims += self.looks(order.randint(SECOND, self.exchange.now))
        order.shuffle(claims)
        return claims


def books_after(story: Story, claims: list[Claim]) -> dict[str, Any]:
    """Our books when all was told in this order, and then everything was asked."""
    wire = story.engine()
    wire.put(*claims)
    for look in story.looks():
        wire.put(replace(look, asked_at=wire.now))
    wire.put(*story.exchange.trades(ACCOUNT))
    wire.put(*(replace(look, asked_at=wire.now) for look in story.looks()))
    rows = [*wire.execution.orders.values(), *wire.execution.closed.values()]
    orders = [row.life.order for row in rows if row.life.order.venue_order_id]
    return {
        "orders": {
            order.venue_order_id: (
                order.strategy,
                str(order.status),
                order.quantity,
                order.filled,
                order.limit_price,
                order.in_doubt,
            )
            for order in orders
            # A stranger's that ended without moving anything need not have been seen at all.
            if order.strategy != "external" or order.is_open or order.filled
        },
        "positions": {name: wire.held(name) for name in ("one", "two", "external", "")},
        "cash": {name: wire.cash(name) for name in ("USDT", "BTC")},
        "waiting": len(wire.claims.state.waiting),
    }


quirks = st.builds(
    Quirks,
    trades_name_client_id=st.booleans(),
    pushes_name_client_id=st.booleans(),
)
seeds = st.integers(0, 1 << 32)


@given(seeds, quirks, seeds, seeds)
def test_the_same_words_in_any_order_lead_to_the_same_books(
    seed: int, quirks: Quirks, one: int, other: int
):
    story = Story(seed, quirks)
    books = [books_after(story, story.told(random.Random(order))) for order in (one, other)]
    assert books[0] == books[1]


@given(seeds, quirks, seeds)
def test_once_everything_was_told_and_asked_our_money_is_the_exchanges(
    seed: int, quirks: Quirks, order: int
):
    story = Story(seed, quirks)
    books = books_after(story, story.told(random.Random(order)))
    assert books["cash"] == story.exchange.ledger(ACCOUNT)
    assert books["positions"][""] == story.exchange.position(ACCOUNT, SYMBOL)
    assert books["waiting"] == 0


@given(seeds, quirks, seeds)
def test_orders_end_as_they_ended_there_and_none_is_in_doubt(seed: int, quirks: Quirks, order: int):
    story = Story(seed, quirks)
    ours = books_after(story, story.told(random.Random(order)))["orders"]
    for theirs in story.exchange.books(ACCOUNT).orders:
        if theirs.venue_order_id not in ours:  # nobody here asked for it, and it moved nothing
            assert not theirs.filled
            continue
        _, status, quantity, filled, _, in_doubt = ours[theirs.venue_order_id]
        assert filled == theirs.filled
        if theirs.reason != "trade busted":
            assert status in [str(each) for each in compare.SAYS_THE_SAME[theirs.status]]
            assert (quantity, in_doubt) == (theirs.quantity, False)


# Whatever the way there does ----------------------------------------------------------------------


def acts(draw: random.Random) -> list[Act]:
    """What can become of a request."""
    return [
        late(draw.uniform(0, 6)),
        silent(draw.uniform(0, 12)),
        lost_before(),
        lost_after,
        late(draw.uniform(0, 9), OutcomeUnknownError("cut")),
        ReplyError("server", "internal error"),
    ]


async def live(rig: WireRig, seed: int) -> None:
    """Half a minute of orders, faults and foreign trades, then calm."""
    draw = random.Random(f"live-{seed}")
    orders: list[Any] = []
    for _ in range(25):
        await asyncio.sleep(draw.uniform(0, 1.5))
        rig.venue.pump()
        for call in ("submit", "cancel", "modify"):
            if draw.random() < 0.3:
                rig.venue.then(call, draw.choice(acts(draw)))
        if draw.random() < 0.2:
            rig.venue.then("cancel", no_such_order())
        if draw.random() < 0.2:
            rig.venue.then("order", draw.choice(acts(draw)))
        step(rig, draw, orders)
    rig.venue.be_true()
    rig.venue.exchange.halt(SYMBOL)
    for _ in range(90):
        await asyncio.sleep(1)
        rig.venue.pump()


def step(rig: WireRig, draw: random.Random, orders: list[Any]) -> None:
    """One thing that a strategy or a stranger does."""
    name = draw.choice(("one", "two"))
    limit = Decimal(60_000) + draw.randint(-20, 20)
    working = [order for order in orders if order.is_open]
    chance = draw.random()
    if chance < 0.5 or not working:
        side = rig.buy if draw.random() < 0.5 else rig.sell
        orders.append(side(Decimal(draw.randint(1, 40)) / 1000, limit, name))
    elif chance < 0.7:
        rig.cancel(draw.choice(working))
    elif chance < 0.85:
        order = draw.choice(working)
        rig.modify(order, quantity=order.filled + Decimal(draw.randint(1, 40)) / 1000)
    elif chance < 0.95:
        rig.foreign(quantity=Decimal("0.005"), limit_price=limit)
    elif rig.reconciler is not None:
        rig.venue.gap("cut")
        rig.reconciler.need("gap")


@settings(max_examples=25)
@given(seeds, quirks)
def test_whatever_happened_on_the_way_our_books_become_the_exchanges(seed: int, quirks: Quirks):
    rigs: list[WireRig] = []

    async def scenario(rig: WireRig) -> None:
        rigs.append(rig)
        await live(rig, seed)

    with tempfile.TemporaryDirectory() as folder:
        played(
            Path(folder),
            scenario,
            seed=seed,
            reconciling=True,
            strategies=("one", "two"),
            tick_ns=SECOND // 4,
            quirks=quirks,
        )
    (rig,) = rigs
    exchange = rig.venue.exchange
    ours = {name: rig.engine.portfolio.balance(name) for name in ("USDT", "BTC")}
    assert not compare.unsettled(rig.engine)
    assert not list(compare.orders_differ(rig.engine, exchange, ACCOUNT))
    assert not list(compare.money_differs(ours, exchange, ACCOUNT, "memory"))
    assert rig.states == list[VenueState]()
    assert "books-differ" not in rig.codes

"""Money of two venues stays apart: currencies carry their venue's name, amounts never change."""

import asyncio
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from alphaforge.model.claims import BustReport, FillReport, OrderStatusReport
from alphaforge.model.commands import Approved, CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType
from alphaforge.services.wallets import WalletVenue, apart
from tests.engine.driving import SYMBOL
from tests.fake_venue.exchange import Exchange
from tests.fake_venue.inline import InlineVenue
from tests.fake_venue.terms import spot
from tests.simulation.clock import START_NS

CASH = {"USDT": Decimal(200_000), "BTC": Decimal("3.00000001")}
NEVER = 1 << 62


def venue(name: str = "a") -> InlineVenue:
    listing = spot(SYMBOL, "60000", venue=name)
    exchange = Exchange([listing], {"main": dict(CASH)}, start=START_NS, tick_ns=NEVER)
    return InlineVenue(exchange, "main", lambda: START_NS, name=name)


def submit(quantity: str = "0.5", limit: str = "61000") -> Approved:
    terms = {"side": OrderSide.BUY, "order_type": OrderType.LIMIT, "client_order_id": "mine-1"}
    command = SubmitOrder(
        "", SYMBOL, "", quantity=Decimal(quantity), limit_price=Decimal(limit), **terms
    )
    return Approved(command, START_NS)


def test_a_run_of_one_venue_keeps_it_as_it_is() -> None:
    one = venue()
    assert apart([one]) == (one,)


def test_with_two_venues_each_has_a_wallet_of_its_own() -> None:
    wallets = apart([venue("a"), venue("b")])
    assert [each.name for each in wallets] == ["a", "b"]
    assert all(isinstance(each, WalletVenue) for each in wallets)


async def test_balances_and_rules_carry_the_venues_name_and_keep_every_digit() -> None:
    wallet = WalletVenue(venue("a"))
    await wallet.connect()
    held = {each.currency: each.total for each in await wallet.balances()}
    assert held == {"USDT@a": Decimal(200_000), "BTC@a": Decimal("3.00000001")}
    (rules,) = await wallet.instruments()
    assert (rules.base, rules.quote, rules.settle) == ("BTC@a", "USDT@a", "USDT@a")
    assert (rules.symbol, rules.venue, rules.account) == (SYMBOL, "a", "main")


async def test_fees_are_of_the_wallet_in_what_is_streamed_and_in_what_is_asked_for() -> None:
    inner = venue("a")
    wallet = WalletVenue(inner)
    await wallet.connect()
    report = await wallet.submit(submit(), NEVER)
    assert report is not None
    assert report.account == ""
    inner.pump()
    streamed: list[Any] = []
    async with asyncio.timeout(5):
        async for message in wallet.stream():
            streamed.append(message)
            if isinstance(message, FillReport):
                break
    asked, theirs = await wallet.trades(0), await inner.trades(0)
    assert {each.fee_currency for each in (streamed[-1], *asked)} == {"USDT@a"}
    assert [replace(each, fee_currency="USDT", account="main") for each in asked] == [
        replace(each, account="main") for each in theirs
    ]


async def test_what_becomes_of_orders_is_told_under_the_engines_name_for_the_account() -> None:
    wallet = WalletVenue(venue("a"))
    await wallet.connect()
    await wallet.submit(submit(limit="50000"), NEVER)
    (listed,) = await wallet.open_orders()
    found = await wallet.order(SYMBOL, "mine-1", "")
    changed = await wallet.modify(
        Approved(
            ModifyOrder("", 1, Decimal("0.4"), symbol=SYMBOL, client_order_id="mine-1"), START_NS
        ),
        NEVER,
    )
    ended = await wallet.cancel(Approved(CancelOrder("", SYMBOL, "mine-1"), START_NS), NEVER)
    assert changed is not None
    assert ended is not None
    assert {each.account for each in (listed, found, changed, ended)} == {""}
    assert changed.quantity == Decimal("0.4")
    assert await wallet.open_orders() == []


async def test_a_claim_of_another_account_stays_one(monkeypatch: Any) -> None:
    inner = venue("a")
    wallet = WalletVenue(inner)
    await wallet.connect()
    await inner.submit(submit(limit="50000"), NEVER)
    (real,) = await inner.open_orders()
    foreign = replace(real, account="somebody")
    bust = BustReport(SYMBOL, "t-1", OrderSide.BUY, START_NS, account="main")

    async def stream() -> Any:
        for each in (foreign, bust):
            yield each

    monkeypatch.setattr(inner, "stream", stream)
    told = [each async for each in wallet.stream()]
    assert told[0] == foreign
    assert isinstance(told[0], OrderStatusReport)
    assert told[1].account == ""


async def test_everything_else_is_the_venues() -> None:
    inner = venue("a")
    wallet = WalletVenue(inner)
    await wallet.connect()
    assert wallet.capabilities is inner.capabilities
    assert wallet.health is inner.health
    assert await wallet.time() == START_NS
    assert await wallet.positions() == await inner.positions()
    assert await wallet.bars(SYMBOL, "1m", 5) == []
    await wallet.close()
    assert [each async for each in inner.stream()] == []

"""A plain ccxt bybit client over REST: markets, money, orders, trades, prices."""

from decimal import Decimal
from typing import Any

import ccxt
import pytest

from tests.sandbox.bybit.conftest import SPOT, SWAP, Rig


@pytest.mark.parametrize("route", ["by_address", "by_name"])
@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_a_plain_client_places_amends_looks_up_and_cancels(
    rig: Rig, route: str, symbol: str
) -> None:
    client = await getattr(rig, route)()
    if route == "by_name":
        client.set_sandbox_mode(True)
    await client.load_markets()
    made = await client.create_order(
        symbol, "limit", "buy", "0.01", "59000", {"clientOrderId": "mine-1"}
    )
    assert made["clientOrderId"] == "mine-1"
    assert made["status"] is None
    assert [each["id"] for each in await client.fetch_open_orders(symbol)] == [made["id"]]
    amended = await client.edit_order(made["id"], symbol, "limit", "buy", "0.02", "58000")
    assert amended["id"] == made["id"]
    asked = await client.fetch_order(made["id"], symbol, {"acknowledged": True})
    assert (asked["amount"], asked["price"], asked["status"]) == ("0.02", "58000", "open")
    by_link = await client.fetch_order("", symbol, {"acknowledged": True, "orderLinkId": "mine-1"})
    assert by_link["id"] == made["id"]
    await client.cancel_order(made["id"], symbol)
    asked = await client.fetch_order(made["id"], symbol, {"acknowledged": True})
    assert asked["status"] == "canceled"
    assert [each["id"] for each in await client.fetch_canceled_orders(symbol)] == [made["id"]]
    assert not rig.exchange.open_orders("main")


async def test_a_client_with_every_default_loads_its_markets(rig: Rig) -> None:
    client = await rig.by_address(options={"fetchMarkets": {}})
    markets = await client.load_markets()
    assert {SPOT, SWAP} == set(markets)
    spot, swap = markets[SPOT], markets[SWAP]
    assert (spot["precision"]["price"], spot["precision"]["amount"]) == ("0.01", "0.00001")
    assert (swap["precision"]["price"], swap["precision"]["amount"]) == ("0.1", "0.001")
    assert (spot["limits"]["cost"]["min"], swap["limits"]["cost"]["min"]) == ("5", "5")
    assert swap["limits"]["leverage"]["max"] == "10"
    assert swap["contractSize"] == "1"
    assert sorted(client.currencies) == ["BTC", "USDT"]


async def test_the_time_is_the_exchanges(rig: Rig, client: Any) -> None:
    rig.clock.skew_ns = 3_600_000_000_000
    told = await client.fetch_time()
    assert told > client.milliseconds() + 3_000_000


async def test_balances_are_the_books_to_the_last_digit(rig: Rig, client: Any) -> None:
    rig.book(SPOT)
    await client.create_order(SPOT, "market", "buy", "0.12345")
    await client.create_order(SPOT, "limit", "sell", "0.5", "70000")
    await client.create_order(SPOT, "limit", "buy", "0.1", "50000.01")
    told = await client.fetch_balance()
    for currency in ("BTC", "USDT"):
        booked = rig.balance(currency)
        assert Decimal(told[currency]["total"]) == booked.total
        assert Decimal(told[currency]["free"]) == booked.free
        assert Decimal(told[currency]["used"]) == booked.locked


async def test_margin_is_told_apart_and_adds_up(rig: Rig, client: Any) -> None:
    rig.book()
    await client.create_order(SWAP, "market", "buy", "0.5")
    await client.create_order(SWAP, "limit", "buy", "0.5", "55000")
    await client.create_order(SPOT, "limit", "buy", "0.1", "50000")
    told = await client.fetch_balance()
    booked = rig.balance()
    assert Decimal(told["USDT"]["total"]) == booked.total
    assert Decimal(told["USDT"]["free"]) == booked.free
    row = told["info"]["result"]["list"][0]["coin"]
    coin = next(each for each in row if each["coin"] == "USDT")
    assert Decimal(coin["totalPositionIM"]) == Decimal("3000.05")
    assert Decimal(coin["locked"]) == 5000
    assert Decimal(coin["totalOrderIM"]) > 2750


async def test_a_market_order_is_filled_and_its_trades_say_so(rig: Rig, client: Any) -> None:
    rig.book(SPOT)
    made = await client.create_order(SPOT, "market", "buy", "1.5")
    order = await client.fetch_order(made["id"], SPOT, {"acknowledged": True})
    assert (order["status"], order["filled"], order["remaining"]) == ("closed", "1.5", "0")
    assert Decimal(order["cost"]) == 60001 + 30001
    trades = await client.fetch_my_trades(SPOT)
    booked = rig.exchange.executions("main", SPOT)
    assert len(trades) == len(booked) == 2
    for told, each in zip(trades, booked, strict=True):
        assert Decimal(told["price"]) == each.price
        assert Decimal(told["amount"]) == each.quantity
        assert Decimal(told["fee"]["cost"]) == each.fee
        assert told["fee"]["currency"] == each.fee_currency == "USDT"
        assert (told["order"], told["takerOrMaker"], told["side"]) == (made["id"], "taker", "buy")
    assert await client.fetch_order_trades(made["id"], SPOT) == trades
    closed = await client.fetch_closed_orders(SPOT)
    assert [each["id"] for each in closed] == [made["id"]]


async def test_the_ids_on_the_tape_are_those_of_the_trades(rig: Rig, client: Any) -> None:
    rig.book(SPOT)
    rig.book(SWAP)
    for symbol in (SPOT, SWAP):
        await client.create_order(symbol, "market", "sell", "0.2")
        mine = await client.fetch_my_trades(symbol)
        tape = await client.fetch_trades(symbol)
        assert [each["id"] for each in mine] == [each["id"] for each in tape]
        assert (tape[0]["side"], tape[0]["amount"], tape[0]["price"]) == ("sell", "0.2", "59999")


async def test_a_market_buy_by_cost_spends_the_cost(rig: Rig, client: Any) -> None:
    rig.book(SPOT)
    made = await client.create_order(SPOT, "market", "buy", "0", None, {"cost": "6000.1"})
    order = await client.fetch_order(made["id"], SPOT, {"acknowledged": True})
    assert (order["filled"], order["cost"], order["status"]) == ("0.1", "6000.1", "closed")
    assert order["info"]["marketUnit"] == "quoteCoin"


async def test_all_orders_of_a_market_are_canceled(rig: Rig, client: Any) -> None:
    for price in ("50000", "51000"):
        await client.create_order(SPOT, "limit", "buy", "0.01", price)
        await client.create_order(SWAP, "limit", "buy", "0.01", price)
    gone = await client.cancel_all_orders(SPOT)
    assert len(gone) == 2
    assert {each.symbol for each in rig.exchange.open_orders("main")} == {SWAP}
    await client.cancel_all_orders(SWAP)
    assert not rig.exchange.open_orders("main")


async def test_a_batch_goes_on_past_an_order_that_is_refused(rig: Rig, client: Any) -> None:
    orders = [
        {"symbol": SWAP, "type": "limit", "side": "buy", "amount": "0.01", "price": "59000"},
        {"symbol": SWAP, "type": "limit", "side": "buy", "amount": "90", "price": "59000"},
        {"symbol": SWAP, "type": "limit", "side": "sell", "amount": "0.01", "price": "61000"},
    ]
    told = await client.create_orders(orders)
    assert [each["status"] for each in told] == [None, "rejected", None]
    assert len(rig.exchange.open_orders("main", SWAP)) == 2
    gone = await client.cancel_orders([told[0]["id"], told[2]["id"]], SWAP)
    assert [each["id"] for each in gone] == [told[0]["id"], told[2]["id"]]
    assert not rig.exchange.open_orders("main")


async def test_open_orders_come_in_pages_of_twenty(rig: Rig, client: Any) -> None:
    for step in range(25):
        rig.offer("BUY", "0.001", str(50000 + step), SWAP, "main")
    first = await client.fetch_open_orders(SWAP)
    assert len(first) == 20
    cursors = [each["info"].get("nextPageCursor") for each in first]
    cursor = next(each for each in cursors if each)
    rest = await client.fetch_open_orders(SWAP, None, None, {"cursor": cursor})
    assert len({each["id"] for each in (*first, *rest)}) == 25
    assert len(await client.fetch_open_orders(SWAP, None, 50)) == 25


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_prices_books_and_bars(rig: Rig, client: Any, symbol: str) -> None:
    rig.book(symbol)
    await client.create_order(symbol, "market", "buy", "0.5")
    ticker = await client.fetch_ticker(symbol)
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == ("59999", "60001", "60001")
    assert (ticker["bidVolume"], ticker["askVolume"]) == ("1", "0.5")
    assert ticker["symbol"] == symbol
    book = await client.fetch_order_book(symbol)
    assert book["bids"] == [[59999.0, 1.0], [59998.0, 1.0], [59997.0, 1.0]]
    assert book["asks"] == [[60001.0, 0.5], [60002.0, 1.0], [60003.0, 1.0]]
    bars = await client.fetch_ohlcv(symbol, "1m", None, 5)
    assert len(bars) == 5
    assert [bar[0] for bar in bars] == sorted(bar[0] for bar in bars)
    assert bars[-1][4] == "60001"
    assert sum(Decimal(bar[5]) for bar in bars) >= Decimal("0.5")
    since = bars[1][0]
    assert [bar[0] for bar in await client.fetch_ohlcv(symbol, "1m", since, 2)] == [
        bars[1][0],
        bars[2][0],
    ]


async def test_fees_and_leverage_are_the_accounts(rig: Rig, client: Any) -> None:
    spot, swap = await client.fetch_trading_fee(SPOT), await client.fetch_trading_fee(SWAP)
    assert (spot["maker"], spot["taker"]) == ("0.001", "0.001")
    assert (swap["maker"], swap["taker"]) == ("0.0002", "0.00055")
    assert SWAP in await client.fetch_trading_fees()
    await client.set_leverage(5, SWAP)
    assert rig.exchange.leverage("main", SWAP) == 5
    assert (await client.fetch_leverage(SWAP))["longLeverage"] == 5
    with pytest.raises(ccxt.BadRequest, match="110043"):
        await client.set_leverage(5, SWAP)
    with pytest.raises(ccxt.BadRequest, match="110013"):
        await client.set_leverage(50, SWAP)


async def test_times_bound_what_is_listed_and_seven_days_are_the_most(
    rig: Rig, client: Any
) -> None:
    rig.book()
    await client.create_order(SWAP, "market", "buy", "0.1")
    now = await client.fetch_time()
    assert len(await client.fetch_my_trades(SWAP, now - 60_000)) == 1
    assert await client.fetch_my_trades(SWAP, None, None, {"endTime": now - 60_000}) == []
    with pytest.raises(ccxt.BadRequest, match="7 days"):
        await client.fetch_my_trades(SWAP, now - 9 * 86_400_000, None, {"endTime": now})


async def test_no_account_sees_anothers_orders(rig: Rig, client: Any) -> None:
    made = await client.create_order(SWAP, "limit", "buy", "0.01", "59000")
    other = await rig.by_address(apiKey="other-key")
    assert await other.fetch_open_orders(SWAP) == []
    with pytest.raises(ccxt.OrderNotFound):
        await other.cancel_order(made["id"], SWAP)
    assert (await other.fetch_balance())["USDT"]["total"] == "1000"

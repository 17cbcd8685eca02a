"""A plain ccxt client trades over REST: what it reads is what is in the books."""

from decimal import Decimal

import ccxt
import pytest

from tests.sandbox.binance.ground import SYMBOL, open_ground


async def test_a_limit_order_rests_and_is_found_by_either_id():
    async with open_ground() as ground, ground.client() as client:
        placed = await client.create_order(
            SYMBOL, "limit", "buy", "0.01", "19000", {"clientOrderId": "mine-1"}
        )
        assert (placed["status"], placed["clientOrderId"]) == ("open", "mine-1")
        by_id = await client.fetch_order(placed["id"], SYMBOL)
        by_name = await client.fetch_order(None, SYMBOL, {"origClientOrderId": "mine-1"})
        assert by_id["id"] == by_name["id"] == placed["id"]
        assert (by_id["price"], by_id["amount"]) == ("19000.00000000", "0.01000000")
        assert (by_id["timeInForce"], by_id["side"], by_id["type"]) == ("GTC", "buy", "limit")
        assert [order["id"] for order in await client.fetch_open_orders(SYMBOL)] == [placed["id"]]
        assert len(await client.fetch_open_orders()) == 1
        balance = await client.fetch_balance()
        assert Decimal(balance["USDT"]["used"]) == ground.exchange.balances("main")["USDT"].locked


async def test_a_market_order_tells_every_fill_and_fee_to_the_last_digit():
    async with open_ground() as ground, ground.client() as client:
        ground.make("SELL", "20001", "0.00053")
        ground.make("SELL", "20001.37", "0.5")
        order = await client.create_order(SYMBOL, "market", "buy", "0.0123")
        assert order["status"] == "closed"
        assert [trade["price"] for trade in order["trades"]] == ["20001.00000000", "20001.37000000"]
        fills = ground.exchange.executions("main")
        fees = [Decimal(trade["fee"]["cost"]) for trade in order["trades"]]
        assert fees == [fill.fee for fill in fills]
        value = sum(fill.price * fill.quantity for fill in fills)
        assert Decimal(order["cost"]) == value
        balance = await client.fetch_balance()
        for currency in ("BTC", "USDT"):
            assert Decimal(balance[currency]["total"]) == ground.total(currency)
        trades = await client.fetch_my_trades(SYMBOL)
        assert [trade["id"] for trade in trades] == [str(fill.trade_id) for fill in fills]
        assert {trade["takerOrMaker"] for trade in trades} == {"taker"}
        assert [Decimal(trade["cost"]) for trade in trades] == [
            fill.price * fill.quantity for fill in fills
        ]
        of_order = await client.fetch_order_trades(order["id"], SYMBOL)
        assert of_order == trades


async def test_a_market_order_by_value_spends_no_more_than_it():
    async with open_ground() as ground, ground.client() as client:
        ground.quote()
        order = await client.create_order(SYMBOL, "market", "buy", None, None, {"cost": "200"})
        assert order["status"] == "closed"
        assert 199 < Decimal(order["cost"]) <= 200
        assert order["info"]["origQuoteOrderQty"] == "200.00000000"


async def test_a_cancel_names_the_order_and_the_second_one_finds_none():
    async with open_ground() as ground, ground.client() as client:
        placed = await client.create_order(SYMBOL, "limit", "sell", "0.01", "21000")
        canceled = await client.cancel_order(placed["id"], SYMBOL)
        assert canceled["status"] == "canceled"
        assert canceled["info"]["origClientOrderId"] == placed["clientOrderId"]
        assert canceled["info"]["clientOrderId"] != placed["clientOrderId"]
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order(placed["id"], SYMBOL)
        closed = await client.fetch_orders(SYMBOL)
        assert [(order["id"], order["status"]) for order in closed] == [(placed["id"], "canceled")]
        assert ground.exchange.balances("main")["BTC"].locked == 0


async def test_all_open_orders_go_at_once():
    async with open_ground() as ground, ground.client() as client:
        for price in ("18000", "18001"):
            await client.create_order(SYMBOL, "limit", "buy", "0.01", price)
        gone = await client.cancel_all_orders(SYMBOL)
        assert [order["status"] for order in gone] == ["canceled", "canceled"]
        assert ground.exchange.open_orders("main") == []
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_all_orders(SYMBOL)


async def test_an_edit_cancels_and_places_anew():
    async with open_ground() as ground, ground.client() as client:
        placed = await client.create_order(SYMBOL, "limit", "buy", "0.01", "19000")
        edited = await client.edit_order(placed["id"], SYMBOL, "limit", "buy", "0.02", "19500")
        assert edited["id"] != placed["id"]
        assert (edited["price"], edited["amount"]) == ("19500.00000000", "0.02000000")
        assert (await client.fetch_order(placed["id"], SYMBOL))["status"] == "canceled"
        assert [order.order_id for order in ground.exchange.open_orders("main")] == [
            int(edited["id"])
        ]


async def test_closed_orders_and_pages_of_trades_come_oldest_first():
    async with open_ground() as ground, ground.client() as client:
        ground.make("SELL", "20001", "1")
        for _ in range(3):
            await client.create_order(SYMBOL, "market", "buy", "0.001")
        closed = await client.fetch_closed_orders(SYMBOL)
        assert [int(order["id"]) for order in closed] == sorted(int(one["id"]) for one in closed)
        trades = await client.fetch_my_trades(SYMBOL)
        assert len(trades) == 3
        last = await client.fetch_my_trades(SYMBOL, limit=1)
        assert last == trades[-1:]
        following = await client.fetch_my_trades(SYMBOL, params={"fromId": trades[1]["id"]})
        assert following == trades[1:]
        since = await client.fetch_my_trades(SYMBOL, since=trades[0]["timestamp"], limit=1)
        assert since == trades[:1]


async def test_a_test_order_is_checked_and_leaves_no_trace():
    async with open_ground() as ground, ground.client() as client:
        await client.create_order(SYMBOL, "limit", "buy", "0.01", "19000", {"test": True})
        assert ground.exchange.orders("main", SYMBOL) == []
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order(SYMBOL, "limit", "buy", "90", "19000", {"test": True})


@pytest.mark.parametrize(
    ("side", "params", "kind"),
    [
        ("sell", {"stopLossPrice": "19000"}, "STOP_LOSS"),
        ("sell", {"takeProfitPrice": "21000"}, "TAKE_PROFIT"),
        ("buy", {"stopLossPrice": "21000"}, "STOP_LOSS"),
        ("buy", {"takeProfitPrice": "19000"}, "TAKE_PROFIT"),
    ],
)
async def test_a_stop_sleeps_until_the_market_reaches_its_price(side, params, kind):
    async with open_ground() as ground, ground.client() as client:
        ground.quote()
        order = await client.create_order(SYMBOL, "market", side, "0.01", None, params)
        found = await client.fetch_order(order["id"], SYMBOL)
        trigger = next(iter(params.values()))
        assert found["info"]["type"] == kind
        assert (found["status"], found["info"]["isWorking"]) == ("open", False)
        assert Decimal(found["triggerPrice"]) == Decimal(trigger)
        for resting in ground.exchange.open_orders("@maker"):
            ground.exchange.cancel("@maker", SYMBOL, ground.clock(), order_id=resting.order_id)
        ground.make("BUY", "17000", "1")
        ground.make("SELL", "23000", "1")
        ground.print_at(trigger)
        assert (await client.fetch_order(order["id"], SYMBOL))["status"] == "closed"


async def test_a_stop_with_a_limit_rests_once_it_woke():
    async with open_ground() as ground, ground.client() as client:
        order = await client.create_order(
            SYMBOL, "limit", "sell", "0.01", "18900", {"triggerPrice": "19000"}
        )
        assert order["info"]["type"] == "STOP_LOSS_LIMIT"
        ground.print_at("19000")
        found = await client.fetch_order(order["id"], SYMBOL)
        assert (found["status"], found["info"]["isWorking"]) == ("open", True)


async def test_a_trailing_stop_follows_the_market():
    async with open_ground() as ground, ground.client() as client:
        ground.make("BUY", "15000", "1")
        order = await client.create_order(
            SYMBOL,
            "market",
            "sell",
            "0.01",
            None,
            {"trailingPercent": "1.5", "stopLossOrTakeProfit": "stopLoss"},
        )
        assert (await client.fetch_order(order["id"], SYMBOL))["info"]["trailingDelta"] == 150
        ground.print_at("22000")
        ground.print_at("21700")
        assert (await client.fetch_order(order["id"], SYMBOL))["status"] == "open"
        ground.print_at("21600")
        assert (await client.fetch_order(order["id"], SYMBOL))["status"] == "closed"


@pytest.mark.parametrize("writing", ["new", "older"])
async def test_one_half_of_a_list_ends_the_other(writing):
    async with open_ground() as ground, ground.client() as client:
        await client.load_markets()
        terms = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01"}
        if writing == "new":
            answer = await client.private_post_orderlist_oco(
                {
                    **terms,
                    "aboveType": "LIMIT_MAKER",
                    "abovePrice": "21000",
                    "belowType": "STOP_LOSS_LIMIT",
                    "belowPrice": "18900",
                    "belowStopPrice": "19000",
                    "belowTimeInForce": "GTC",
                }
            )
        else:
            answer = await client.private_post_order_oco(
                {
                    **terms,
                    "price": "21000",
                    "stopPrice": "19000",
                    "stopLimitPrice": "18900",
                    "stopLimitTimeInForce": "GTC",
                    "listClientOrderId": "pair-1",
                }
            )
            assert answer["listClientOrderId"] == "pair-1"
        assert (answer["contingencyType"], answer["listOrderStatus"]) == ("OCO", "EXECUTING")
        types = {report["type"] for report in answer["orderReports"]}
        assert types == {"LIMIT_MAKER", "STOP_LOSS_LIMIT"}
        assert len(await client.fetch_open_orders(SYMBOL)) == 2
        assert len(await client.private_get_openorderlist()) == 1
        ground.make("BUY", "21000", "0.01")
        statuses = {
            order["info"]["type"]: order["status"] for order in await client.fetch_orders(SYMBOL)
        }
        assert statuses == {"LIMIT_MAKER": "closed", "STOP_LOSS_LIMIT": "expired"}
        asked = await client.private_get_orderlist({"orderListId": answer["orderListId"]})
        assert asked["listOrderStatus"] == "ALL_DONE"


async def test_a_list_is_canceled_whole_by_either_way():
    async with open_ground() as ground, ground.client() as client:
        await client.load_markets()
        terms = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01"}
        prices = {"price": "21000", "stopPrice": "19000"}
        first = await client.private_post_order_oco({**terms, **prices})
        gone = await client.private_delete_orderlist(
            {"symbol": "BTCUSDT", "orderListId": first["orderListId"]}
        )
        assert gone["listOrderStatus"] == "ALL_DONE"
        assert ground.exchange.open_orders("main") == []
        second = await client.private_post_order_oco({**terms, **prices})
        await client.cancel_order(second["orders"][0]["orderId"], SYMBOL)
        assert ground.exchange.open_orders("main") == []


async def test_less_quantity_keeps_the_order_and_its_place():
    async with open_ground() as ground, ground.client() as client:
        placed = await client.create_order(SYMBOL, "limit", "buy", "0.02", "19000")
        answer = await client.fetch2(
            "order/amend/keepPriority",
            ["private"],
            "PUT",
            {"symbol": "BTCUSDT", "orderId": placed["id"], "newQty": "0.01"},
        )
        assert answer["amendedOrder"]["origQty"] == "0.01000000"
        assert ground.exchange.open_orders("main")[0].quantity == Decimal("0.01")


@pytest.mark.parametrize(
    ("tif", "status", "filled"), [("IOC", "expired", "0.50000"), ("FOK", "expired", "0")]
)
async def test_what_cannot_fill_at_once_expires(tif, status, filled):
    async with open_ground() as ground, ground.client() as client:
        ground.make("SELL", "20001", "0.5")
        order = await client.create_order(
            SYMBOL, "limit", "buy", "0.7", "20001", {"timeInForce": tif}
        )
        assert order["status"] == status
        assert Decimal(order["filled"]) == Decimal(filled)


async def test_orders_of_one_account_do_not_trade_with_each_other_unless_told_to():
    async with open_ground() as ground, ground.client() as client:
        resting = await client.create_order(SYMBOL, "limit", "sell", "0.01", "20001")
        await client.create_order(SYMBOL, "limit", "buy", "0.01", "20001")
        found = await client.fetch_order(resting["id"], SYMBOL)
        assert found["info"]["status"] == "EXPIRED_IN_MATCH"
        assert ground.exchange.executions("main") == []
        await client.create_order(
            SYMBOL, "limit", "sell", "0.01", "20001", {"selfTradePreventionMode": "NONE"}
        )
        assert {fill.price for fill in ground.exchange.executions("main")} == {Decimal(20001)}
        assert ground.exchange.open_orders("main") == []

"""Bybit's kinds of orders through a plain client: stops, their stores, times in force, ends."""

import asyncio
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from alphaforge.sandbox.terms import SelfTrade
from tests.sandbox.bybit.conftest import SPOT, SWAP, Rig, within


async def looked_up(client: Any, made: Any, symbol: str, **params: Any) -> Any:
    return await client.fetch_order(made["id"], symbol, {"acknowledged": True, **params})


async def test_a_spot_stop_lies_in_its_own_store_until_it_wakes(rig: Rig, client: Any) -> None:
    rig.book(SPOT)
    made = await client.create_order(SPOT, "market", "sell", "0.5", None, {"triggerPrice": "59998"})
    told = await looked_up(client, made, SPOT, trigger=True)
    assert (told["status"], told["triggerPrice"]) == ("open", "59998")
    assert told["info"]["orderStatus"] == "Untriggered"
    with pytest.raises(ccxt.OrderNotFound, match="170213"):
        await client.cancel_order(made["id"], SPOT)
    rig.offer("SELL", "2", "59998", SPOT)
    told = await looked_up(client, made, SPOT)
    assert (told["status"], told["filled"]) == ("closed", "0.5")
    with pytest.raises(ccxt.OrderNotFound):
        await looked_up(client, made, SPOT, trigger=True)


async def test_a_spot_stop_is_canceled_from_its_store(rig: Rig, client: Any) -> None:
    made = await client.create_order(
        SPOT, "limit", "buy", "0.5", "61000", {"triggerPrice": "61500"}
    )
    assert [each["id"] for each in await client.fetch_open_orders(SPOT, params={"trigger": True})]
    await client.cancel_all_orders(SPOT)
    assert len(rig.exchange.open_orders("main")) == 1
    await client.cancel_order(made["id"], SPOT, {"trigger": True})
    told = await looked_up(client, made, SPOT)
    assert (told["status"], told["info"]["orderStatus"]) == ("canceled", "Deactivated")


async def test_a_spot_stop_loss_is_a_tpsl_order(rig: Rig, client: Any) -> None:
    waiting = asyncio.create_task(client.watch_orders(SPOT))
    await rig.private()
    made = await client.create_order(
        SPOT, "market", "sell", "0.5", None, {"stopLossPrice": "55000"}
    )
    told = (await within(waiting))[-1]
    assert told["info"]["stopOrderType"] == "tpslOrder"
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_order(made["id"], SPOT, {"trigger": True})
    await client.cancel_order(made["id"], SPOT, {"orderFilter": "tpslOrder"})
    assert not rig.exchange.open_orders("main")


async def test_a_contracts_stop_wakes_in_its_direction(rig: Rig, client: Any) -> None:
    rig.book()
    await client.create_order(SWAP, "market", "buy", "0.5")
    made = await client.create_order(
        SWAP, "market", "sell", "0.5", None, {"stopLossPrice": "59990"}
    )
    told = await looked_up(client, made, SWAP)
    assert (told["stopLossPrice"], told["reduceOnly"]) == ("59990", True)
    waiting = asyncio.create_task(client.watch_orders(SWAP))
    await rig.private()
    rig.offer("BUY", "5", "59990")
    rig.offer("SELL", "4", "59990")
    await within(waiting)
    told = await looked_up(client, made, SWAP)
    assert (told["status"], told["filled"]) == ("closed", "0.5")
    assert rig.position().quantity == 0


async def test_a_triggered_stop_is_told_before_what_it_does(rig: Rig, client: Any) -> None:
    rig.book()
    client.newUpdates = True
    await client.create_order(
        SWAP, "limit", "buy", "0.5", "50000", {"triggerPrice": "60003", "triggerDirection": "above"}
    )
    seen: list[str] = []
    socket = await within(_private(rig))
    rig.offer("BUY", "3", "60003")
    async with asyncio.timeout(10):
        while len(seen) < 2:
            told = await socket.receive_json()
            seen += [each["orderStatus"] for each in told["data"]]
    assert seen == ["Triggered", "New"]
    await socket.close()
    await socket.session.close()


async def _private(rig: Rig) -> Any:
    """A raw private socket that watches contract orders only."""
    import aiohttp

    from alphaforge.sandbox.dialects.bybit_signing import sign
    from tests.sandbox.bybit.conftest import KEY, SECRET

    session = aiohttp.ClientSession()
    socket: Any = await session.ws_connect(f"ws://127.0.0.1:{rig.port}/v5/private")
    socket.session = session
    expires = str(rig.clock.now() // 1_000_000 + 5000)
    proof = sign(SECRET, f"GET/realtime{expires}")
    await socket.send_json({"op": "auth", "args": [KEY, expires, proof]})
    assert (await socket.receive_json())["success"]
    await socket.send_json({"op": "subscribe", "args": ["order.linear"], "req_id": "7"})
    told = await socket.receive_json()
    assert (told["success"], told["req_id"], told["op"]) == (True, "7", "subscribe")
    return socket


@pytest.mark.parametrize(
    ("symbol", "status"), [(SPOT, "PartiallyFilledCanceled"), (SWAP, "Cancelled")]
)
async def test_what_an_immediate_order_cannot_fill_is_canceled(
    rig: Rig, client: Any, symbol: str, status: str
) -> None:
    rig.offer("SELL", "0.3", "60001", symbol)
    made = await client.create_order(symbol, "limit", "buy", "0.5", "60001", {"timeInForce": "IOC"})
    told = await looked_up(client, made, symbol)
    assert (told["info"]["orderStatus"], told["filled"], told["timeInForce"]) == (
        status,
        "0.3",
        "IOC",
    )
    assert told["info"]["rejectReason"] == "EC_NoImmediateQtyToFill"


async def test_all_or_nothing_is_nothing(rig: Rig, client: Any) -> None:
    rig.offer("SELL", "0.3", "60001")
    made = await client.create_order(SWAP, "limit", "buy", "0.5", "60001", {"timeInForce": "FOK"})
    told = await looked_up(client, made, SWAP)
    assert (told["status"], told["filled"]) == ("canceled", "0")
    assert rig.exchange.depth(SWAP, 1).asks == ((Decimal(60001), Decimal("0.3")),)


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_a_market_order_that_meets_nobody_ends_at_once(client: Any, symbol: str) -> None:
    made = await client.create_order(symbol, "market", "buy", "0.5")
    told = await looked_up(client, made, symbol)
    assert (told["status"], told["filled"]) == ("canceled", "0")
    assert told["info"]["rejectReason"] == "EC_NoImmediateQtyToFill"


async def test_self_trade_prevention_is_told_in_bybits_words(rig: Rig, client: Any) -> None:
    rested = await client.create_order(SWAP, "limit", "sell", "0.1", "60010")
    made = await client.create_order(
        SWAP, "limit", "buy", "0.1", "60010", {"smpType": "CancelTaker"}
    )
    order = rig.exchange.orders("main", SWAP)[-1]
    assert order.self_trade is SelfTrade.EXPIRE_TAKER
    told = await looked_up(client, made, SWAP)
    assert (told["status"], told["info"]["cancelType"]) == ("canceled", "CancelBySmp")
    assert (await looked_up(client, rested, SWAP))["status"] == "open"


async def test_an_order_the_exchange_takes_back_is_rejected_with_its_fills(
    rig: Rig, client: Any
) -> None:
    made = await client.create_order(SWAP, "limit", "buy", "0.5", "60000")
    rig.offer("SELL", "0.2", "60000")
    order = rig.exchange.open_orders("main")[0]
    rig.exchange.reject_open("main", order.order_id, "risk", rig.clock.now())
    told = await looked_up(client, made, SWAP)
    assert (told["status"], told["filled"], told["remaining"]) == ("rejected", "0.2", "0")


async def test_an_order_without_a_client_id_has_none(client: Any) -> None:
    made = await client.create_order(SPOT, "limit", "buy", "0.01", "59000")
    assert made["clientOrderId"] is None
    assert (await looked_up(client, made, SPOT))["clientOrderId"] is None


async def test_a_fee_paid_so_far_is_told_with_the_order(rig: Rig, client: Any) -> None:
    rig.book(SPOT)
    made = await client.create_order(SPOT, "market", "buy", "1.5")
    told = await looked_up(client, made, SPOT)
    fees = sum(each.fee for each in rig.exchange.executions("main"))
    assert (told["fee"]["cost"], told["fee"]["currency"]) == (str(fees.normalize()), "USDT")


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_orders_that_ended_are_listed_newest_first(
    rig: Rig, client: Any, symbol: str
) -> None:
    ids = []
    for price in ("50000", "50001", "50002"):
        made = await client.create_order(symbol, "limit", "buy", "0.01", price)
        await client.cancel_order(made["id"], symbol)
        ids.append(made["id"])
    params = {"category": "spot" if symbol == SPOT else "linear"}
    told = await client.private_get_v5_order_history({**params, "limit": 2})
    assert [each["orderId"] for each in told["result"]["list"]] == ids[:0:-1]
    params["cursor"] = told["result"]["nextPageCursor"]
    told = await client.private_get_v5_order_history(params)
    assert [each["orderId"] for each in told["result"]["list"]] == ids[:1]
    assert told["result"]["nextPageCursor"] == ""
    recent = await client.private_get_v5_order_realtime(
        {"category": params["category"], "settleCoin": "USDT", "openOnly": 1}
    )
    assert [each["orderId"] for each in recent["result"]["list"]] == ids[::-1]

"""Orders over Bybit's trade socket."""

import asyncio
from typing import Any

import aiohttp
import ccxt
import pytest

from alphaforge.sandbox.fault_terms import Fault, FaultKind, Moment
from tests.sandbox.bybit.conftest import SPOT, SWAP, Rig, within


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_an_order_lives_and_ends_over_the_socket(rig: Rig, client: Any, symbol: str) -> None:
    made = await within(
        client.create_order_ws(symbol, "limit", "buy", "0.01", "59000", {"clientOrderId": "w"})
    )
    assert made["clientOrderId"] == "w"
    edited = await within(client.edit_order_ws(made["id"], symbol, "limit", "buy", "0.02", "58000"))
    assert edited["id"] == made["id"]
    order = rig.exchange.open_orders("main", symbol)[0]
    assert (str(order.quantity.normalize()), int(order.limit_price or 0)) == ("0.02", 58000)
    gone = await within(client.cancel_order_ws(made["id"], symbol))
    assert gone["id"] == made["id"]
    assert not rig.exchange.open_orders("main")


async def test_a_refusal_comes_with_its_code(rig: Rig, client: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds, match="110007"):
        await within(client.create_order_ws(SWAP, "limit", "buy", "90", "59000"))


async def test_a_key_that_may_only_read_cannot_trade(rig: Rig) -> None:
    client = await rig.by_address(apiKey="read-key")
    await client.load_markets()
    with pytest.raises(ccxt.PermissionDenied):
        await within(client.create_order_ws(SWAP, "limit", "buy", "0.01", "59000"))


async def test_an_answer_that_is_lost_leaves_the_order_standing(rig: Rig, client: Any) -> None:
    await within(client.create_order_ws(SWAP, "limit", "buy", "0.01", "50000"))
    rig.floor.faults.add(Fault(kind=FaultKind.DROP, call="create", when=Moment.AFTER, times=1))
    with pytest.raises(ccxt.NetworkError):
        await within(client.create_order_ws(SWAP, "limit", "buy", "0.01", "51000"))
    assert len(rig.exchange.open_orders("main")) == 2


async def test_a_throttled_order_has_no_effect(rig: Rig, client: Any) -> None:
    rig.floor.faults.add(Fault(kind=FaultKind.THROTTLE, call="create", times=1))
    with pytest.raises(ccxt.RateLimitExceeded):
        await within(client.create_order_ws(SWAP, "limit", "buy", "0.01", "51000"))
    assert not rig.exchange.open_orders("main")


async def test_nobody_trades_over_a_socket_without_a_key(rig: Rig, client: Any) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(10):
        socket = await session.ws_connect(f"ws://127.0.0.1:{rig.port}/v5/trade")
        await socket.send_json({"op": "order.create", "args": [{"category": "spot"}]})
        assert (await socket.receive_json())["retCode"] == 10001
        await socket.send_json({"op": "auth", "args": ["main-key", "9999999999999", "bad"]})
        assert (await socket.receive_json())["retCode"] == 10004
        await socket.send_json({"op": "order.create", "args": [{"category": "spot"}]})
        assert (await socket.receive_json())["retMsg"] == "Request not authorized"

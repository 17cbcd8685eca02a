"""What a client of a faulty venue gets back, and what has happened there meanwhile."""

import asyncio
import json

import aiohttp
import msgspec
import pytest

from alphaforge.sandbox.fault_acts import COUNTERPARTY
from alphaforge.sandbox.fault_answers import DEPTH, changed
from alphaforge.sandbox.fault_terms import Fault

SECOND = 1_000_000_000


@pytest.mark.parametrize(("when", "placed"), [("before", []), ("after", ["a"])])
async def test_a_dropped_request_had_its_effect_only_if_dropped_after_it(
    place, when: str, placed: list[str]
) -> None:
    place.fault(kind="drop", call="create", when=when, times=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await place.place(id="a")
    assert place.orders() == placed


@pytest.mark.parametrize(("when", "placed"), [("before", []), ("after", ["a"])])
async def test_a_request_that_hangs_is_never_answered(place, when: str, placed) -> None:
    place.fault(kind="hang", call="create", when=when)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await place.place(id="a")
    assert place.orders() == placed
    assert (await place.get("/tiny/time")).status == 200


@pytest.mark.parametrize(("when", "placed"), [("before", []), ("after", ["a"])])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500, 502, 503])
async def test_an_error_is_answered_in_the_venues_shape(place, status, when, placed) -> None:
    place.fault(kind="error", call="create", status=status, when=when, code="-1", message="oh")
    assert await place.place(id="a") == {"status": status, "code": "-1", "msg": "oh"}
    assert place.orders() == placed


@pytest.mark.parametrize(
    ("kind", "status"),
    [("throttle", 429), ("ban", 418), ("maintenance", 503), ("revoked", 401), ("html", 502)],
)
async def test_kinds_with_a_status_of_their_own(place, kind: str, status: int) -> None:
    place.fault(kind=kind)
    answer = await place.get("/tiny/time")
    assert answer.status == status
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("kind", ["throttle", "ban", "maintenance"])
async def test_retry_after_is_told_if_wished(place, kind: str) -> None:
    place.fault(kind=kind, retry_after=7)
    assert (await place.get("/tiny/time")).headers["Retry-After"] == "7"


async def test_a_proxy_answers_html(place) -> None:
    place.fault(kind="html", times=1)
    place.fault(kind="error", status=502, body="<html>ours</html>")
    first, second = await place.get("/tiny/time"), await place.get("/tiny/time")
    assert first.content_type == second.content_type == "text/html"
    assert (await second.text()) == "<html>ours</html>"


async def test_an_error_may_come_in_a_good_answer(place) -> None:
    place.fault(kind="error_in_200", code="-1000", when="after")
    assert await place.place(id="a") == {"status": 200, "code": "-1000", "msg": ""}
    assert place.orders() == ["a"]


async def test_an_answer_can_be_late(place) -> None:
    place.fault(kind="latency", seconds=0.05)
    loop = asyncio.get_running_loop()
    before = loop.time()
    await place.get("/tiny/time")
    assert loop.time() - before >= 0.05


async def test_a_fault_of_one_symbol_spares_the_others(place) -> None:
    place.fault(kind="error", symbol="ETH/USDT")
    assert (await place.place(id="a"))["client_order_id"] == "a"
    assert (await place.get("/tiny/order?symbol=ETH-USDT")).status == 503


async def test_a_mangled_answer_is_on_the_wire_and_the_effect_stays(place) -> None:
    place.fault(kind="truncated", call="create")
    with pytest.raises(json.JSONDecodeError):
        await place.place(id="a")
    assert place.orders() == ["a"]


async def test_a_stale_read_tells_what_was(place) -> None:
    number = place.fault(kind="stale", seconds=5)
    await place.get("/tiny/order?symbol=BTC/USDT")  # hindsight begins
    await place.place(id="a")
    assert await (await place.get("/tiny/order?symbol=BTC/USDT")).json() == []
    place.floor.faults.clear(number)
    assert len(await (await place.get("/tiny/order?symbol=BTC/USDT")).json()) == 1


async def test_a_stale_read_catches_up_with_time(place) -> None:
    place.fault(kind="stale", seconds=5)
    await place.get("/tiny/order?symbol=BTC/USDT")
    await place.place(id="a")
    place.clock.true += 1 * SECOND
    await place.ticks.until(lambda: place.server._hindsight.latest == place.clock.true)
    assert await (await place.get("/tiny/order?symbol=BTC/USDT")).json() == []
    place.clock.true += 5 * SECOND
    assert len(await (await place.get("/tiny/order?symbol=BTC/USDT")).json()) == 1


async def test_a_page_of_trades_may_miss_one_or_tell_one_twice(place) -> None:
    for price in ("91", "92", "93"):
        await place.place(price, "0.1")
    place.acts.act(
        msgspec.convert(
            {
                "kind": "hand_trade",
                "account": COUNTERPARTY,
                "symbol": "BTC/USDT",
                "side": "SELL",
                "quantity": "0.3",
            },
            Fault,
        ),
        place.clock.now(),
    )
    place.fault(kind="page_missing", times=1)
    place.fault(kind="page_repeated", at=0)
    missing = await (await place.get("/tiny/trades")).json()
    repeated = await (await place.get("/tiny/trades")).json()
    place.floor.faults.clear()
    true = await (await place.get("/tiny/trades")).json()
    assert len(true) == 3
    assert [each["trade_id"] for each in missing] == [1, 3, 3]
    assert [each["trade_id"] for each in repeated] == [1, 2, 3, 3]


ANSWER = {"orderId": 7, "status": "NEW", "price": "1.50", "fills": [{"qty": "0.25", "id": "x"}]}


def told(kind: str, **more: object) -> bytes:
    return changed(json.dumps(ANSWER).encode(), msgspec.convert({"kind": kind, **more}, Fault))


def test_what_an_answer_looks_like_afterwards() -> None:
    assert told("empty") == b""
    with pytest.raises(json.JSONDecodeError):
        json.loads(told("truncated"))
    with pytest.raises(json.JSONDecodeError):
        json.loads(told("malformed"))
    assert told("deep") == b"[" * DEPTH + b"]" * DEPTH
    fields = json.loads(told("unknown_fields"))
    assert "someNewField" in fields
    assert "someNewField" in fields["fills"][0]
    assert json.loads(told("unknown_values")) == {**ANSWER, "status": "SOME_NEW_VALUE"}


@pytest.mark.parametrize(
    ("value", "price"),
    [("number", 1.5), ("exponent", "1.50e+0"), ("NaN", "NaN"), ("empty", ""), ("null", None)],
)
def test_numbers_in_other_clothes(value: str, price: object) -> None:
    assert json.loads(told("numbers", value=value, fields=["price"])) == {**ANSWER, "price": price}
    everywhere = json.loads(told("numbers", value=value))
    assert everywhere["fills"][0]["qty"] != "0.25"
    assert everywhere["fills"][0]["id"] == "x"


def test_an_answer_that_is_no_json_is_left_alone() -> None:
    fault = msgspec.convert({"kind": "unknown_fields"}, Fault)
    assert changed(b"<html>", fault) == b"<html>"

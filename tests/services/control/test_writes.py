"""What an operator changes: one command each, journaled with who asked, answered by its orders."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.client.requests import FlattenRequest, ModifyRequest, OrderRequest
from alphaforge.engine.core import Engine
from alphaforge.errors import AlphaForgeError, RiskRefusedError
from alphaforge.model.commands import (
    CancelAll,
    Flatten,
    OperatorCancel,
    OperatorModify,
    PlaceOrder,
    SetRiskState,
    StartStrategy,
    StopStrategy,
)
from alphaforge.model.enums import OrderSide, OrderType, RiskState, TimeInForce
from alphaforge.model.settings import RiskSettings
from alphaforge.services.control.asked import order_of
from alphaforge.services.control.refusal import RefusalError
from alphaforge.services.control.writes import Door, OrderDesk
from tests.services.control.api_rig import Run, served

BUY: dict[str, Any] = {"symbol": "BTC/USDT", "side": "buy", "quantity": "1"}


def desk(run: Run) -> OrderDesk:
    return OrderDesk(Door(run.host), run.hub.order_row)


def traded(run: Run | None = None) -> Run:
    run = run or Run()
    run.tick(100.0)
    return run


# Orders -------------------------------------------------------------------------------------------


async def test_an_order_is_one_command_that_says_who_asked_and_which_way(tmp_path: Path) -> None:
    async with served(tmp_path, traded()) as engine:
        status, answer = await engine.client.post("/api/orders", **BUY, limit="90", who="tui")
    (command,) = engine.run.commands
    assert isinstance(command, PlaceOrder)
    assert command.who.startswith("socket:")
    assert command.who.endswith(" tui")
    assert status == 200
    (order,) = answer["orders"]
    assert (order["order_id"], order["status"], order["limit"]) == ("o-000001", "ACCEPTED", "90")
    assert (order["strategy"], order["is_open"]) == ("manual", True)
    assert answer["message"] == "o-000001 BUY 1 BTC/USDT LIMIT limit 90: ACCEPTED"


def test_every_term_of_a_request_is_a_term_of_the_order() -> None:
    run = traded()
    request = OrderRequest(
        symbol="btc-usdt",
        side="SELL",
        quantity="0.5",
        limit="101.5",
        stop="99",
        tif="ioc",
        post_only=True,
        reduce_only=True,
        take_profit="120",
        stop_loss="80",
        strategy="puppet",
        tag="by hand",
    )
    order = order_of(run.engine, request)
    assert (order.symbol, order.side, order.quantity) == (
        "BTC/USDT",
        OrderSide.SELL,
        Decimal("0.5"),
    )
    assert (order.limit_price, order.trigger_price) == (Decimal("101.5"), Decimal(99))
    assert (order.order_type, order.tif) == (OrderType.STOP_LIMIT, TimeInForce.IOC)
    assert (order.post_only, order.reduce_only) == (True, True)
    assert (order.take_profit, order.stop_loss) == (Decimal(120), Decimal(80))
    assert (order.strategy, order.tag) == ("puppet", "by hand")


@pytest.mark.parametrize(
    ("terms", "kind"),
    [
        ({}, OrderType.MARKET),
        ({"limit": "90"}, OrderType.LIMIT),
        ({"stop": "90"}, OrderType.STOP_MARKET),
        ({"limit": "90", "stop": "91"}, OrderType.STOP_LIMIT),
        ({"trail": "5"}, OrderType.TRAILING_STOP),
        ({"trail": "1.5%"}, OrderType.TRAILING_STOP),
    ],
)
def test_the_kind_of_an_order_follows_from_its_prices(
    terms: dict[str, str], kind: OrderType
) -> None:
    order = order_of(traded().engine, OrderRequest(**BUY, **terms))
    assert order.order_type is kind
    if kind is OrderType.TRAILING_STOP:
        assert (order.trail, order.trail_pct) in {(Decimal(5), None), (None, Decimal("1.5"))}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"side": "long"}, "no side"),
        ({"tif": "DAY"}, "no time in force"),
        ({"quantity": "much"}, "quantity 'much' is no number"),
        ({"quantity": "1e99999999"}, "is no number"),
        ({"quantity": "9" * 41}, "is no number"),
        ({"quantity": "nan"}, "is no number"),
        ({"limit": "inf"}, "limit 'inf' is no number"),
        ({"trail": "5", "stop": "9"}, "neither a limit nor a stop"),
        ({"trail": "5%%"}, "trail"),
        ({"tag": "a\x1b[31mb"}, "no short line of text"),
        ({"client_id": "x" * 65}, "no short line of text"),
        ({"client_id": "a b"}, "space"),
        ({"who": "a\nb"}, "no short line of text"),
    ],
)
async def test_a_bad_term_is_named_and_nothing_is_sent(
    change: dict[str, str], says: str, tmp_path: Path
) -> None:
    async with served(tmp_path, traded()) as engine:
        status, problem = await engine.client.post("/api/orders", **{**BUY, **change})
    assert (status, problem["exit_code"]) == (400, 2)
    assert says in problem["message"]
    assert engine.run.commands == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"buy"', b'{"symbol": 1}', b"\xff\xfe", b'{"symbol":"BTC/USDT"}'],
)
async def test_a_body_that_is_no_order_is_told_and_nothing_is_sent(
    body: bytes, tmp_path: Path
) -> None:
    async with (
        served(tmp_path, traded()) as engine,
        engine.client.session.post("http://localhost/api/orders", data=body) as response,
    ):
        problem = msgspec.json.decode(await response.read())
    assert (response.status, problem["code"]) == (400, "AF-U000")
    assert engine.run.commands == []


@pytest.mark.parametrize(
    ("change", "near"),
    [
        ({"symbol": "BTC/USD"}, "did you mean BTC/USDT?"),
        ({"symbol": "DOGE/EUR"}, "there are: BTC/USDT"),
        ({"strategy": "pupet"}, "did you mean puppet?"),
    ],
)
async def test_a_name_that_is_not_there_is_answered_with_the_nearest(
    change: dict[str, str], near: str, tmp_path: Path
) -> None:
    async with served(tmp_path, traded()) as engine:
        status, problem = await engine.client.post("/api/orders", **{**BUY, **change})
    assert (status, problem["exit_code"], problem["remedy"]) == (404, 7, near)
    assert engine.run.commands == []


@pytest.mark.parametrize("path", ["/api/orders", "/api/orders?dryrun=1", "/api/orders?dry_run=x"])
async def test_a_misspelled_word_never_makes_another_order_of_it(path: str, tmp_path: Path) -> None:
    misspelled = {**BUY, "limt": "90"} if path == "/api/orders" else BUY
    async with served(tmp_path, traded()) as engine:
        status, _ = await engine.client.post(path, **misspelled)
    assert status == 400
    assert engine.run.commands == []


async def test_what_the_gate_denies_is_a_problem_with_every_reason(tmp_path: Path) -> None:
    limits = RiskSettings(max_order_quantity=Decimal("0.5"), max_order_value=Decimal(10))
    async with served(tmp_path, traded(Run(risk=limits))) as engine:
        status, problem = await engine.client.post("/api/orders", **BUY)
        _, order = await engine.client.get("/api/orders/1")
    assert (status, problem["exit_code"], problem["code"]) == (422, 6, "AF-R000")
    assert "max_order_quantity" in problem["message"]
    assert "max_order_value" in problem["message"]
    assert order["status"] == "DENIED"


def test_the_answer_is_about_the_order_that_was_asked_for_and_no_strategys() -> None:
    run = traded()
    run.strategy().timer("soon", 0.5)
    run.strategy().on_timer = lambda _: run.strategy().buy("BTC/USDT", "0.5", limit=80)
    run.now += 10_000_000_000
    accepted = desk(run).place(OrderRequest(**BUY, limit="90"), "socket:1")
    assert [row.limit for row in accepted.orders] == ["90"]
    assert len(run.engine.execution.orders) > 1


# Client ids ---------------------------------------------------------------------------------------


def test_the_same_client_id_gives_the_same_order_and_never_a_second() -> None:
    run = traded()
    own = desk(run)
    request = OrderRequest(**BUY, client_id="c-1")
    first = own.place(request, "socket:1")
    again = own.place(msgspec.structs.replace(request, who="another"), "tcp:trade")
    assert again.orders[0].order_id == first.orders[0].order_id
    assert run.engine.execution.counts.submitted == 1
    assert own.place(OrderRequest(**BUY, client_id="c-2"), "").orders[0].order_id == "o-000002"


def test_a_client_id_is_not_taken_for_another_order() -> None:
    run = traded()
    own = desk(run)
    own.place(OrderRequest(**BUY, client_id="c-1"), "")
    with pytest.raises(RefusalError, match="was used for another order, o-000001") as caught:
        own.place(OrderRequest(**{**BUY, "quantity": "2"}, client_id="c-1"), "")
    assert caught.value.status == 409
    assert run.engine.execution.counts.submitted == 1


def test_a_denied_order_stays_denied_when_it_is_asked_for_again() -> None:
    run = traded(Run(risk=RiskSettings(max_order_quantity=Decimal("0.5"))))
    own = desk(run)
    for _ in range(2):
        with pytest.raises(RiskRefusedError, match="o-000001 was denied"):
            own.place(OrderRequest(**BUY, client_id="c-1"), "")
    assert run.engine.execution.counts.denied == 1


def test_a_client_id_is_known_again_by_whoever_takes_the_engine_up() -> None:
    run = traded()
    desk(run).place(OrderRequest(**BUY, limit="90", client_id="c-1", tag="mine"), "")
    again = desk(run).place(OrderRequest(**BUY, limit="90", client_id="c-1"), "")
    assert [row.order_id for row in again.orders] == ["o-000001"]
    assert again.orders[0].tag == "mine client:c-1"
    assert run.engine.execution.counts.submitted == 1


@pytest.mark.parametrize("other", [{"side": "sell"}, {"limit": None}])
def test_after_a_restart_a_client_id_is_not_taken_for_another_order(other: dict[str, Any]) -> None:
    run = traded()
    terms = {**BUY, "limit": "90", "client_id": "c-1"}
    desk(run).place(OrderRequest(**terms), "")
    with pytest.raises(RefusalError, match="was used for another order, o-000001"):
        desk(run).place(OrderRequest(**{**terms, **other}), "")


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=20))
def test_there_are_never_more_orders_than_client_ids(asked: list[tuple[int, bool]]) -> None:
    run = traded()
    own = desk(run)
    for number, is_market in asked:
        limit = None if is_market else "90"
        try:
            own.place(OrderRequest(**{**BUY, "limit": limit}, client_id=f"c-{number}"), "")
        except (RefusalError, RiskRefusedError):
            continue
    assert run.engine.execution.counts.submitted == len({number for number, _ in asked})


# Working orders -----------------------------------------------------------------------------------


async def test_an_order_is_modified_and_canceled_by_any_of_its_ids(tmp_path: Path) -> None:
    async with served(tmp_path, traded()) as engine:
        post = engine.client.post
        await post("/api/orders", **BUY, limit="90")
        _, modified = await post("/api/orders/o-1/modify", limit="91", quantity="2")
        assert (modified["orders"][0]["limit"], modified["orders"][0]["quantity"]) == ("91", "2")
        venue_id = modified["orders"][0]["venue_order_id"]
        status, canceled = await post(f"/api/orders/{venue_id}/cancel", who="cli")
    assert (status, canceled["orders"][0]["status"]) == (200, "CANCELED")
    _, modify, cancel = engine.run.commands
    assert isinstance(modify, OperatorModify)
    assert isinstance(cancel, OperatorCancel)
    assert cancel.who.endswith(" cli")


async def test_an_order_that_has_ended_is_neither_canceled_nor_modified(tmp_path: Path) -> None:
    async with served(tmp_path, traded()) as engine:
        await engine.client.post("/api/orders", **BUY)
        commands = len(engine.run.commands)
        cancel, problem = await engine.client.post("/api/orders/1/cancel")
        modify, _ = await engine.client.post("/api/orders/1/modify", limit="90")
    assert (cancel, modify, problem["exit_code"]) == (409, 409, 6)
    assert "is FILLED: there is nothing left to cancel" in problem["message"]
    assert len(engine.run.commands) == commands


async def test_a_modification_that_the_gate_refuses_leaves_the_order(tmp_path: Path) -> None:
    run = traded(Run(risk=RiskSettings(max_order_quantity=Decimal(1))))
    async with served(tmp_path, run) as engine:
        await engine.client.post("/api/orders", **BUY, limit="90")
        status, problem = await engine.client.post("/api/orders/1/modify", quantity="5")
        _, order = await engine.client.get("/api/orders/1")
        nothing, _ = await engine.client.post("/api/orders/1/modify")
    assert (status, problem["exit_code"], nothing) == (422, 6, 400)
    assert "stays as it is" in problem["message"]
    assert (order["quantity"], order["status"]) == ("1", "ACCEPTED")


async def test_many_orders_are_canceled_at_once_and_only_those(tmp_path: Path) -> None:
    async with served(tmp_path, traded()) as engine:
        for strategy in ("puppet", "manual", "puppet"):
            await engine.client.post("/api/orders", **BUY, limit="90", strategy=strategy)
        _, some = await engine.client.post("/api/orders/cancel", strategy="puppet")
        _, rest = await engine.client.post("/api/orders/cancel")
        _, none = await engine.client.post("/api/orders/cancel", symbol="btcusdt")
    assert [order["order_id"] for order in some["orders"]] == ["o-000001", "o-000003"]
    assert [order["order_id"] for order in rest["orders"]] == ["o-000002"]
    assert (none["message"], none["orders"]) == ("no order works there", [])
    assert sum(isinstance(each, CancelAll) for each in engine.run.commands) == 3


async def test_positions_are_closed_each_by_its_own_reduce_only_order(tmp_path: Path) -> None:
    async with served(tmp_path, traded()) as engine:
        await engine.client.post("/api/orders", **BUY)
        await engine.client.post("/api/orders", **BUY, strategy="puppet")
        _, one = await engine.client.post("/api/flatten", strategy="manual")
        _, all_of_them = await engine.client.post("/api/flatten", symbol="BTC/USDT")
        _, none = await engine.client.post("/api/flatten")
        _, positions = await engine.client.get("/api/live/positions")
    assert [order["strategy"] for order in one["orders"]] == ["manual"]
    assert [order["strategy"] for order in all_of_them["orders"]] == ["puppet"]
    assert all_of_them["orders"][0]["reduce_only"]
    assert (none["message"], positions["rows"]) == ("nothing to close", [])
    assert sum(isinstance(each, Flatten) for each in engine.run.commands) == 3


def test_a_position_that_may_not_be_closed_is_told() -> None:
    run = traded()
    own = desk(run)
    own.place(OrderRequest(**BUY), "")
    run.put(SetRiskState(RiskState.HALTED, run.now))
    with pytest.raises(RiskRefusedError, match="no position was closed: BTC/USDT of manual"):
        own.flatten(FlattenRequest(), "")


# The run and its strategies -----------------------------------------------------------------------


async def test_a_pause_lets_only_what_reduces_pass_until_it_is_resumed(tmp_path: Path) -> None:
    async with served(tmp_path, traded()) as engine:
        await engine.client.post("/api/orders", **BUY)
        assert (await engine.client.post("/api/pause", who="cli", reason="news"))[0] == 200
        paused, _ = await engine.client.post("/api/orders", **BUY)
        closing, _ = await engine.client.post("/api/orders", **{**BUY, "side": "sell"})
        assert (await engine.client.post("/api/resume"))[0] == 200
        resumed, _ = await engine.client.post("/api/orders", **BUY)
    assert (paused, closing, resumed) == (422, 200, 200)
    states = [each for each in engine.run.commands if isinstance(each, SetRiskState)]
    assert [each.state for each in states] == [RiskState.REDUCING, RiskState.ACTIVE]
    assert (states[0].reason, states[0].who.endswith(" cli")) == ("news", True)


async def test_a_pause_never_loosens_what_is_halted(tmp_path: Path) -> None:
    run = traded(Run(risk=RiskSettings(state=RiskState.HALTED)))
    async with served(tmp_path, run) as engine:
        status, answer = await engine.client.post("/api/pause")
        _, summary = await engine.client.get("/api/live/summary")
    assert (status, summary["risk_state"], summary["killed"]) == (200, "HALTED", False)
    assert "HALTED already" in answer["message"]


async def test_a_run_is_ended_in_order_by_its_own_way(tmp_path: Path) -> None:
    async with served(tmp_path, traded()) as engine:
        await engine.client.post("/api/orders", **BUY, limit="90")
        status, answer = await engine.client.post("/api/stop", who="cli")
        _, alerts = await engine.client.get("/api/live/alerts")
    assert (status, engine.run.stops) == (200, 1)
    assert "1 orders stay where they rest" in answer["message"]
    assert alerts["rows"][0]["message"].endswith(" cli asked the run to stop")


async def test_a_strategy_stops_with_its_orders_and_starts_again(tmp_path: Path) -> None:
    async with served(tmp_path, traded()) as engine:
        await engine.client.post("/api/orders", **BUY, limit="90", strategy="puppet")
        _, stopped = await engine.client.post("/api/strategies/puppet/stop", who="cli")
        _, again = await engine.client.post("/api/strategies/puppet/stop")
        _, started = await engine.client.post("/api/strategies/puppet/start")
        missing, _ = await engine.client.post("/api/strategies/none/start")
        _, rows = await engine.client.get("/api/live/strategies")
    assert [order["status"] for order in stopped["orders"]] == ["CANCELED"]
    assert "does not run" in again["message"]
    assert (started["message"], missing, rows["rows"][0]["state"]) == (
        "puppet runs",
        404,
        "RUNNING",
    )
    kinds = [type(each) for each in engine.run.commands]
    assert kinds == [PlaceOrder, StopStrategy, StartStrategy]


# Whatever is asked --------------------------------------------------------------------------------

TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["BTC/USDT", "btc", "buy", "SELL", "1", "-1", "0", "1e5", "1e-30", "5%", "GTC"]
    ),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(ModifyRequest.__struct_fields__, TEXTS)))
def test_no_modification_does_anything_but_happen_or_be_refused(terms: dict[str, str]) -> None:
    run = traded()
    own = desk(run)
    own.place(OrderRequest(**BUY, limit="90"), "")
    before = _open(run.engine)
    try:
        own.modify("1", ModifyRequest(**terms), "x")
    except (AlphaForgeError, RefusalError):
        assert _open(run.engine) == before


@given(
    st.fixed_dictionaries(
        dict.fromkeys(("symbol", "side", "quantity"), TEXTS),
        optional=dict.fromkeys(("limit", "stop", "trail", "tif", "tag", "stop_loss"), TEXTS),
    )
)
def test_no_request_does_anything_but_become_one_order_or_be_refused(terms: dict[str, str]) -> None:
    run = traded()
    counts = run.engine.execution.counts
    try:
        desk(run).place(OrderRequest(**terms), "x")
    except RiskRefusedError:
        assert (counts.submitted, counts.denied) == (0, 1)
    except (AlphaForgeError, RefusalError):
        assert run.commands == []
    else:
        assert counts.submitted >= 1
        assert len(run.commands) == 1


def _open(engine: Engine) -> list[tuple[object, ...]]:
    orders = (each.life.order for each in engine.execution.orders.values())
    return [(each.order_id, each.quantity, each.limit_price, each.status) for each in orders]

"""One order's life in words, from a store: checks with numbers, doubts, who asked, what it did."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from alphaforge.client.requests import WhyRecord
from alphaforge.errors import NotFoundError
from alphaforge.model.commands import OperatorCancel, PlaceOrder
from alphaforge.model.enums import OrderSide
from alphaforge.model.events import CancelRequested, OrderSubmitted
from alphaforge.model.market import Trade
from alphaforge.model.orders import Order
from alphaforge.model.reports import (
    AbsenceProved,
    DoubtResolved,
    OrderAccepted,
    OrderCanceled,
    OutcomeUnknown,
)
from alphaforge.model.settings import AccountSettings, EngineSettings, RiskSettings
from alphaforge.services.why import why
from alphaforge.store.records import RunRecord
from alphaforge.store.writer import Writer
from tests.store.stories import Desk, record

BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIMITS = RiskSettings(
    max_order_value=Decimal(100_000), max_position_value=Decimal(200_000), max_open_orders=5,
    price_collar_pct=Decimal(10),
)  # fmt: skip
MS = 1_000_000

Write = Callable[[Writer, str], None]


def limited() -> RunRecord:
    settings = EngineSettings(account=AccountSettings(reporting_currency="USDT"), risk=LIMITS)
    return msgspec.structs.replace(record(), settings={"engine": msgspec.to_builtins(settings)})


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., object]:
    """The life of an order of a run that was written by `write`."""

    async def tell(write: Write, order_id: str) -> WhyRecord:
        url = f"sqlite:///{tmp_path / 'runs.db'}"
        writer, run = Writer(url), limited()
        writer.begin_run(run)
        write(writer, run.run_id)
        writer.close()
        return await why(url, run.run_id, order_id)

    return tell


def texts(life: WhyRecord, what: str) -> list[str]:
    return [line.text for line in life.lines if line.what == what]


async def test_the_checks_are_told_with_what_was_used_at_that_moment(told) -> None:
    def write(writer: Writer, run_id: str) -> None:
        desk = Desk()
        steps = [*desk.trade(BUY, "0.5", "61000"), desk.rest(BUY, "1"), desk.rest(SELL, "0.25")]
        last = desk.rest(BUY, "1.5")
        for step in (*steps, last):
            if step is last:
                seen = Trade("BTC/USDT", step.ts, 61_000.0, 0.1, SELL)
                writer.append_input(run_id, step.sequence, seen)
            writer.append_step(run_id, step)

    life = await told(write, "4")
    assert texts(life, "signal") == [
        "it came of event 5: a trade in BTC/USDT, 0.1 at 61000.0 (sell side took)"
    ]
    assert texts(life, "check") == [
        "account held 0.5 BTC/USDT, 2 orders worked (1 to buy, 0.25 to sell there)",
        "max_order_value: 91500.75 of 100000 USDT",
        "max_position_value: 183001.5 of 200000 USDT",
        "max_open_orders: 3 of 5 orders",
        "price_collar_pct: 0.00 of 10 % of the last price",
    ]


async def test_a_fill_says_what_it_did_to_the_position_of_its_strategy(told) -> None:
    def write(writer: Writer, run_id: str) -> None:
        desk = Desk()
        for step in (*desk.trade(BUY, "0.5", "61000"), *desk.trade(SELL, "0.2", "61010")):
            writer.append_step(run_id, step)

    life = await told(write, "o-000002")
    (fill,) = texts(life, "fill")
    assert "booked SELL 0.2 at 61010" in fill
    assert fill.endswith("realized 2; position 0.5 → 0.3 at 61000")
    assert (life.realized_pnl, [each.order_id for each in life.fills]) == ("2", ["o-000002"])
    assert life.summary == (
        "sma_cross's SELL of 0.2 BTC/USDT is FILLED: 0.2 of 0.2 filled at 61010 on average, "
        "realized 2 USDT"
    )


async def test_a_doubt_and_how_it_ended_are_told_with_their_times(told) -> None:
    def write(writer: Writer, run_id: str) -> None:
        desk = Desk()
        desk.sequence, start = 1, desk.now
        terms = desk.terms("o-000001", BUY, "1", "BTC/USDT")
        unknown = OutcomeUnknown("o-000001", "no answer", 0, start + 40 * MS)
        for sequence, event in enumerate(
            (
                OrderSubmitted(terms, start),
                unknown,
                OrderAccepted("o-000001", "v-1", start, start + 90 * MS),
                DoubtResolved("o-000001", Decimal(0), start, start + 90 * MS),
            ),
            start=1,
        ):
            desk.sequence = sequence
            writer.append_step(run_id, desk.step(event))

    life = await told(write, "1")
    doubts = [(line.after_ms, line.text) for line in life.lines if line.what == "doubt"]
    assert [at for at, _ in doubts] == [40.0, 90.0]
    assert "whether the order reached the venue is not known, no answer" in doubts[0][1]
    assert "no doubt left" in doubts[1][1]
    (answer,) = texts(life, "venue")
    assert answer.startswith("the venue has it as v-1: it works, 90.0 ms after it was asked")


async def test_an_order_that_never_arrived_is_told_by_its_proof(told) -> None:
    def write(writer: Writer, run_id: str) -> None:
        desk = Desk()
        desk.sequence = 1
        terms = desk.terms("o-000001", BUY, "1", "BTC/USDT")
        proof = AbsenceProved("o-000001", "asked by its client id", 0, desk.now + MS)
        writer.append_step(run_id, desk.step(OrderSubmitted(terms, desk.now), proof))

    life = await told(write, "1")
    assert life.order.status == "ABSENT"
    assert texts(life, "doubt") == [
        "proved never to have reached the venue: asked by its client id"
    ]


async def test_who_placed_and_who_canceled_it_are_named(told) -> None:
    def write(writer: Writer, run_id: str) -> None:
        desk = Desk("manual")
        placed = desk.rest(BUY, "1")
        asked = Order.limit("BTC/USDT", BUY, "1", "61000.50", strategy="manual")
        writer.append_input(
            run_id, placed.sequence, PlaceOrder(asked, placed.ts, "socket:1000 ann"), placed
        )
        desk.sequence += 1
        canceled = desk.step(
            CancelRequested("o-000001", desk.now),
            OrderCanceled("o-000001", "", desk.now, desk.now + 12 * MS),
        )
        command = OperatorCancel("o-000001", canceled.ts, "socket:1000 bob")
        writer.append_input(run_id, canceled.sequence, command, canceled)

    life = await told(write, "1")
    assert texts(life, "operator") == [
        "PlaceOrder asked for by socket:1000 ann",
        "OperatorCancel asked for by socket:1000 bob",
    ]
    assert "canceled: as asked, 12.0 ms after it was asked" in texts(life, "venue")[-1]
    assert texts(life, "status") == ["CANCELED, 0 filled"]


async def test_a_denied_order_keeps_its_reasons_and_the_numbers(told) -> None:
    def write(writer: Writer, run_id: str) -> None:
        writer.append_step(run_id, Desk().deny("value 122001 is above max_order_value 100000",
                                               quantity="2"))  # fmt: skip

    life = await told(write, "1")
    assert life.order.status == "DENIED"
    assert "max_order_value: 122001 of 100000 USDT" in texts(life, "check")
    assert "denied, value 122001 is above max_order_value 100000" in texts(life, "check")[-1]


async def test_a_backtests_order_is_told_without_its_inputs(told) -> None:
    def write(writer: Writer, run_id: str) -> None:
        for step in Desk().trade(BUY, "0.5", "61000"):
            writer.append_views(run_id, step)

    life = await told(write, "1")
    assert texts(life, "signal") == ["it came of event 1, which a data file holds"]
    assert "price_collar_pct: a price nobody wrote down of 10" in texts(life, "check")[-1]


async def test_an_order_that_is_not_there_names_the_nearest(told) -> None:
    def write(writer: Writer, run_id: str) -> None:
        writer.append_step(run_id, Desk().rest(BUY, "1"))

    with pytest.raises(NotFoundError, match="there is no order") as caught:
        await told(write, "o-00002")
    assert "o-000001" in caught.value.remedy

"""What was written is read back, in order, in chunks, narrowed as asked, and good for a replay."""

from decimal import Decimal

import msgspec
import pytest

from alphaforge.errors import NotFoundError
from alphaforge.model.commands import StartSession, StopSession
from alphaforge.model.enums import OrderSide, OrderStatus, PositionSide
from alphaforge.model.market import Quote, Trade, VenueTime
from alphaforge.model.reports import OrderCanceled
from alphaforge.store import intake, reads
from alphaforge.store.reads import open_reader
from alphaforge.store.records import FillRow, RunStatus, Selection
from alphaforge.store.writer import Writer
from tests.store.stories import INVERSE, SECOND, SPOT, START, Desk, day, record

RUN = record().run_id


async def everything(chunks) -> list:
    return [row async for chunk in chunks for row in chunk]


@pytest.fixture
def written(writer: Writer) -> Desk:
    """A day of one run."""
    desk = Desk()
    writer.begin_run(record())
    for step in day(desk):
        writer.append_step(RUN, step)
        writer.sample_equity(RUN, step.sequence, step.ts, (Decimal(9), Decimal(8), Decimal(1)))
    writer.flush()
    return desk


async def test_a_run_comes_back_as_it_was_begun_and_as_it_ended(writer, url):
    writer.begin_run(record())
    async with open_reader(url) as reader:
        assert await reader.run(RUN) == record()
    summary = {"fills": 3, "equity": "10001.5", "sharpe": None}
    writer.finish_run(RUN, RunStatus.FINISHED, summary, START + 1)
    ended = msgspec.structs.replace(
        record(), status=RunStatus.FINISHED, summary=summary, ended=START + 1
    )
    async with open_reader(url) as reader:
        assert await reader.run(RUN) == ended


async def test_runs_are_listed_newest_first_and_the_latest_is_the_one_started_last(writer, url):
    for number, started in ((1, 30), (2, 10), (3, 20), (4, 30)):
        writer.begin_run(record(f"run-{number}", started))
    async with open_reader(url) as reader:
        assert [run.run_id for run in await reader.runs()] == ["run-4", "run-1", "run-3", "run-2"]
        assert [run.run_id for run in await reader.runs(limit=2)] == ["run-4", "run-1"]
        assert await reader.latest_run_id() == "run-4"


async def test_a_database_without_runs_has_no_latest_one(writer, url):
    async with open_reader(url) as reader:
        assert await reader.latest_run_id() is None
        assert await reader.runs() == []
        with pytest.raises(NotFoundError, match="there is no run x"):
            await reader.run("x")


async def test_fills_come_back_as_they_were_booked(written, url):
    booked = [fill for step in day(Desk()) for fill in step.fills]
    async with open_reader(url) as reader:
        rows = await everything(reader.fills())
    assert [row.run_id for row in rows] == [RUN] * len(booked)
    fields = FillRow.__struct_fields__[1:]
    assert [[getattr(row, name) for name in fields] for row in rows] == [
        [getattr(fill, name) for name in fields] for fill in booked
    ]


async def test_orders_come_back_with_their_last_state_and_their_whole_life(written, url):
    async with open_reader(url) as reader:
        rows = {row.order_id: row for row in await everything(reader.orders())}
        events = await reader.order_events(RUN, "o-000003")
        assert await reader.order_events(RUN, "o-999999") == []
    assert rows["o-000003"].status is OrderStatus.CANCELED
    assert rows["o-000003"].filled == Decimal("0.85")
    assert rows["o-000004"].status is OrderStatus.DENIED
    assert rows["o-000005"].venue == "binancecoinm"
    kinds = [type(event).__name__ for event in events]
    assert kinds == [
        "OrderSubmitted", "OrderAccepted", "OrderFilled", "OrderCanceled", "OrderFilled",
    ]  # fmt: skip
    assert isinstance(events[3], OrderCanceled)


async def test_positions_are_the_portfolio_s(written, url):
    async with open_reader(url) as reader:
        rows = {row.symbol: row for row in await everything(reader.positions())}
    for instrument in (SPOT, INVERSE):
        row = rows[instrument.symbol]
        held = written.portfolio.position("sma_cross", instrument)
        assert (row.quantity, row.cost, row.average_price, row.realized_pnl) == (
            held.quantity, held.cost, held.average_price, held.realized_pnl,
        )  # fmt: skip
        assert (row.fees, row.fills, row.ts_open, row.side) == (
            held.fees, held.fills, held.ts_open, held.side,
        )  # fmt: skip
    assert rows[INVERSE.symbol].side is PositionSide.LONG


async def test_equity_and_alerts_come_back(written, url):
    async with open_reader(url) as reader:
        samples = await everything(reader.equity(Selection(run_id=RUN, strategy="sma_cross")))
        alerts = await everything(reader.alerts())
    assert len(samples) == len(day(Desk()))
    assert samples[0].equity == Decimal(9)
    assert [alert.message for alert in alerts] == ["a late fill on a closed order"]


async def test_pages_meet_without_a_gap_or_a_repeat(writer, url, monkeypatch):
    monkeypatch.setattr(reads, "PAGE_ROWS", 7)
    desk = Desk()
    writer.begin_run(record("run-a"))
    writer.begin_run(record("run-b"))
    for number in range(20):
        for step in desk.trade(OrderSide.BUY, "1", "61000"):
            writer.append_step("run-a" if number < 12 else "run-b", step)
    writer.flush()
    async with open_reader(url) as reader:
        sizes = [len(chunk) async for chunk in reader.fills()]
        fills = await everything(reader.fills())
        orders = await everything(reader.orders())
        steps = await everything(reader.decisions("run-a"))
    assert sizes == [7, 7, 6]
    assert [fill.trade_id for fill in fills] == [f"t-{number:06d}" for number in range(2, 42, 2)]
    assert [order.order_id for order in orders] == [f"o-{number:06d}" for number in range(1, 21)]
    assert [step.sequence for step in steps] == list(range(1, 25))


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), 4),
        (Selection(run_id="run-a"), 2),
        (Selection(run_id="nowhere"), 0),
        (Selection(strategy="momentum"), 2),
        (Selection(symbol="BTC/USDT"), 4),
        (Selection(symbol="ETH/USDT"), 0),
        (Selection(since=START + 4 * SECOND), 2),
        (Selection(until=START + 4 * SECOND), 2),
        (Selection(since=START + 2 * SECOND, until=START + 4 * SECOND), 2),
        (Selection(run_id="run-a", strategy="momentum"), 0),
    ],
)
async def test_rows_are_narrowed_by_every_given_term(writer, url, selection, expected):
    for run_id, strategy in (("run-a", "sma_cross"), ("run-b", "momentum")):
        desk = Desk(strategy)
        writer.begin_run(record(run_id))
        for _ in range(2):
            for step in desk.trade(OrderSide.BUY, "1", "61000"):
                writer.append_step(run_id, step)
    writer.flush()
    async with open_reader(url) as reader:
        assert len(await everything(reader.fills(selection))) == expected


async def test_inputs_and_recording_share_one_sequence_for_a_replay(writer, url, monkeypatch):
    monkeypatch.setattr(intake, "BLOCK_EVENTS", 2)
    monkeypatch.setattr(reads, "PAGE_ROWS", 2)
    monkeypatch.setattr(reads, "PAGE_BLOCKS", 1)
    told = [
        StartSession(START),
        Trade("BTC/USDT", START + 1, 61000.1, 0.25, OrderSide.SELL, "77"),
        Quote("BTC/USDT", START + 2, 61000.0, 61000.1),
        VenueTime("binanceusdm", START + 3),
        Trade("BTC/USDT", START + 4, 61000.2, 1.0),
        Trade("BTC/USDT", START + 5, 61000.3, 1.0),
        StopSession(START + 6),
    ]
    writer.begin_run(record())
    for sequence, event in enumerate(told, start=1):
        recorded = isinstance(event, Trade | Quote)
        (writer.record_market if recorded else writer.append_input)(RUN, sequence, event)
    writer.flush()
    async with open_reader(url) as reader:
        for after in range(len(told) + 1):
            inputs = await everything(reader.inputs(RUN, after))
            market = await everything(reader.recordings(RUN, after))
            merged = sorted(inputs + market, key=lambda item: item[0])
            assert merged == list(enumerate(told, start=1))[after:]


async def test_a_reader_sees_only_what_is_committed_and_never_waits_for_the_writer(writer, url):
    writer.begin_run(record())
    async with open_reader(url) as reader:
        with writer._connection.begin():
            writer._connection.exec_driver_sql("UPDATE runs SET account = 'other'")
            assert (await reader.run(RUN)).account == "paper"
        assert (await reader.run(RUN)).account == "other"

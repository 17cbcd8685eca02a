"""The engine's log: what it takes in, what it keeps, how its file turns over and is read back."""

import asyncio
import json
import logging
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.client.records import LogRow
from alphaforge.errors import NotFoundError
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import AlertLevel, Liquidity, OrderSide, OrderType
from alphaforge.model.events import Alert, OrderDenied, OrderSubmitted
from alphaforge.model.orders import Fill
from alphaforge.model.step import Step
from alphaforge.services import logs
from alphaforge.services.clock import SystemClock
from alphaforge.services.log_reading import Wanted, follow_log, read_log
from alphaforge.services.logs import LibraryLog, LogFile, LogKeeper

NS = 1_000_000_000
TERMS = SubmitOrder(
    order_id="o-000001",
    symbol="BTC/USDT",
    strategy="sma",
    side=OrderSide.BUY,
    order_type=OrderType.LIMIT,
    quantity=Decimal("0.10"),
    limit_price=Decimal(67250),
)
FILL = Fill(
    ts=NS,
    venue="sim",
    account="paper",
    symbol="BTC/USDT",
    strategy="sma",
    order_id="o-000001",
    venue_order_id="v-000001",
    trade_id="t-000001",
    side=OrderSide.BUY,
    quantity=Decimal("0.1"),
    price=Decimal(67250),
    value=Decimal(6725),
    fee=Decimal("6.725"),
    fee_currency="USDT",
    liquidity=Liquidity.TAKER,
    realized_pnl=Decimal(0),
)


def keeper(**options: object) -> LogKeeper:
    return LogKeeper(lambda: 5 * NS, **options)


def words(kept: LogKeeper) -> list[tuple[str, str, str]]:
    return [(row.level, row.source, row.message) for row in kept.rows]


def test_a_line_is_numbered_stamped_and_told_to_every_listener() -> None:
    log, heard = keeper(), list[LogRow]()
    log.listeners.append(heard.append)
    log.say("INFO", "engine", "began")
    log.say("ERROR", "engine", "broke", 7 * NS)
    assert [row.number for row in heard] == [1, 2]
    assert heard == list(log.rows)
    assert heard[1].ts == "1970-01-01T00:00:07.000000000Z"


def test_a_step_is_told_as_fills_refusals_and_alerts() -> None:
    log = keeper()
    alert = Alert(AlertLevel.ERROR, "strategy-error", "sma failed", NS, strategy="sma", detail="x")
    denied = OrderDenied(TERMS, ("too large",), NS)
    log.step(Step(1, NS, (OrderSubmitted(TERMS, NS), denied), (FILL,), (), (alert,)))
    assert words(log) == [
        ("WARNING", "engine", "o-000001 BUY 0.1 BTC/USDT LIMIT 67250: denied, too large"),
        (
            "INFO",
            "sma",
            "o-000001 BUY BTC/USDT filled 0.1 at 67250 (value 6725), fee 6.725 USDT, taker",
        ),
        ("ERROR", "sma", "strategy-error: sma failed\nx"),
    ]


def test_every_order_event_is_told_where_debug_is_asked_for() -> None:
    log = keeper(level="DEBUG")
    log.step(Step(1, NS, (OrderSubmitted(TERMS, NS),)))
    assert "passed every check" in log.rows[0].message


def test_what_a_strategy_says_is_its_own_line() -> None:
    log = keeper()
    log.alert(Alert(AlertLevel.INFO, "strategy-log", "crossed", NS, strategy="sma"))
    assert words(log) == [("INFO", "sma", "crossed")]


def test_a_flood_is_cut_and_counted() -> None:
    log = keeper()
    for number in range(logs.MOST_LINES_PER_SECOND + 50):
        log.say("INFO", "sma", str(number), NS)
    log.say("INFO", "sma", "later", 2 * NS)
    assert len(log.rows) == logs.MOST_LINES_PER_SECOND + 2
    assert words(log)[-2] == ("WARNING", "log", "50 lines of one second were left out")
    assert log.left_out == 50


def test_only_the_newest_lines_stay_in_memory() -> None:
    log = keeper()
    for number in range(logs.KEPT_ROWS + 10):
        log.say("INFO", "sma", str(number), number * NS)
    assert (len(log.rows), log.rows[0].message) == (logs.KEPT_ROWS, "10")


async def test_what_a_library_warns_about_comes_in_from_any_thread() -> None:
    log, come = keeper(), asyncio.Event()
    log.listeners.append(lambda row: come.set())
    library = logging.getLogger("some.library")
    handler = LibraryLog(log, asyncio.get_running_loop())
    library.addHandler(handler)
    try:
        await asyncio.to_thread(library.warning, "socket %s closed", 7)
        async with asyncio.timeout(5):
            await come.wait()
    finally:
        library.removeHandler(handler)
    assert words(log) == [("WARNING", "some.library", "socket 7 closed")]


def test_the_file_holds_a_json_object_a_line_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "run.log"
    file = LogFile(path)
    log = keeper(file=file)
    log.say("INFO", "sma", "two\nlines \x1b[2J")
    file.close()
    (line,) = path.read_text().splitlines()
    assert json.loads(line) == {
        "number": 1,
        "ts": "1970-01-01T00:00:05.000000000Z",
        "level": "INFO",
        "source": "sma",
        "message": "two\nlines \x1b[2J",
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(read_log(path)) == list(log.rows)


@given(st.lists(st.text(max_size=30), max_size=60), st.integers(150, 600))
def test_a_file_that_turns_over_is_read_back_in_order_without_a_hole(
    tmp_path_factory: pytest.TempPathFactory, messages: list[str], most_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("logs") / "run.log"
    file = LogFile(path, most_bytes, files=3)
    log = keeper(file=file)
    for message in messages:
        log.say("INFO", "sma", message)
    file.close()
    if messages:
        told = [(row.number, row.message) for row in read_log(path)]
        assert told == [(row.number, row.message) for row in log.rows][-len(told) :]
        assert len(list(path.parent.iterdir())) <= 3
        assert told[-1][0] == len(messages)


def test_a_disk_that_is_full_ends_the_file_and_not_the_engine() -> None:
    file = LogFile(Path("/dev/full"))
    log = keeper(file=file)
    log.say("INFO", "sma", "one")
    log.say("INFO", "sma", "two")
    assert "No space left" in file.problem
    assert len(log.rows) == 2
    file.close()


def test_lines_are_chosen_by_level_and_pattern(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    file = LogFile(path)
    log = keeper(file=file, level="DEBUG")
    for level, message in (("DEBUG", "tick"), ("WARNING", "late"), ("ERROR", "Broken")):
        log.say(level, "sma", message)
    file.close()
    rows = list(read_log(path))
    assert [row.message for row in rows if Wanted("WARNING").takes(row)] == ["late", "Broken"]
    wanted = Wanted(pattern=re.compile("SMA bro", re.IGNORECASE))
    assert [row.message for row in rows if wanted.takes(row)] == ["Broken"]


def test_a_line_a_crash_has_cut_is_shown_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_bytes(b'{"number":1,"ts\nnonsense \xff')
    assert [row.message for row in read_log(path)] == ['{"number":1,"ts', "nonsense \ufffd"]


def test_a_run_without_a_log_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no log"):
        list(read_log(tmp_path / "run.log"))


async def test_following_goes_on_in_the_next_file(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    file = LogFile(path, most_bytes=400)
    log = keeper(file=file)
    log.say("INFO", "sma", "before")
    lines = follow_log(path, SystemClock())
    seen: list[str] = []
    async with asyncio.timeout(10):
        first = asyncio.ensure_future(anext(lines))
        await asyncio.sleep(0)
        for number in range(8):
            log.say("INFO", "sma", str(number))
        seen.append((await first).message)
        while len(seen) < 8:
            seen.append((await anext(lines)).message)
    await lines.aclose()
    file.close()
    assert seen == [str(number) for number in range(8)]

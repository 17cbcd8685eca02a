"""Strategies changed while they run: an error in a file or a value leaves the running one alone."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest

from alphaforge.engine.build import simulate
from alphaforge.model.commands import RestartStrategy
from alphaforge.model.settings import EngineSettings
from alphaforge.services.control import loading
from alphaforge.services.rebuilding import maker_of
from alphaforge.services.strategy_files import load_strategy
from alphaforge.store.records import RunRecord, StrategySource
from tests.engine.driving import SPOT, SYMBOL
from tests.services.control.api_rig import RUN, START, Run, Served, served

SOURCE = '''
from decimal import Decimal
from alphaforge import Strategy, Trade

class Steps(Strategy):
    """Buys a little on every trade."""

    symbol: str = "BTC/USDT"
    size: Decimal = Decimal("0.1")
    every: int = 1

    def on_start(self) -> None:
        self.seen = 0
        self.subscribe_trades(self.symbol)

    def on_trade(self, trade: Trade) -> None:
        self.seen += 1
        if self.seen % self.every == 0:
            self.buy(self.symbol, self.size, limit=50)
'''


class Changeable:
    """A served engine with one strategy from a file."""

    def __init__(self, engine: Served, path: Path) -> None:
        self.engine = engine
        self.path = path

    @property
    def strategy(self) -> Any:
        return self.engine.run.strategy("steps")

    def write(self, text: str) -> None:
        self.path.write_text(text)

    async def patch(self, **parameters: str) -> tuple[int, Any]:
        return await self.engine.client.patch("/api/strategies/steps", parameters=parameters)

    async def reload(self) -> tuple[int, Any]:
        return await self.engine.client.post("/api/strategies/steps/reload", who="tui")


@asynccontextmanager
async def changeable(tmp_path: Path) -> AsyncGenerator[Changeable]:
    path = tmp_path / "steps.py"
    path.write_text(SOURCE)
    loaded = load_strategy(str(path))
    values: dict[str, object] = {"symbol": SYMBOL, "size": "0.2", "every": 1}
    record = RunRecord(
        run_id=RUN,
        mode="paper",
        venue="sim",
        account="paper",
        strategies=(StrategySource("steps", str(path), loaded.source, loaded.sha256),),
        parameters={"steps": values},
        settings={"classes": {"steps": "Steps"}},
        started=START,
    )
    engine = simulate(EngineSettings(), {SYMBOL: SPOT})
    engine.strategies.maker = maker_of(record)
    make = maker_of(record)("steps", msgspec.json.encode(values).decode(), "")
    run = Run(engine=engine, record=record, strategies={"steps": make})
    with TemporaryDirectory(prefix="af-") as short:  # a socket's path must be
        async with served(Path(short) / "run", run) as engine_served:
            run.tick(100.0)
            yield Changeable(engine_served, path)


async def test_a_parameter_is_changed_and_the_others_stay_as_they_were(tmp_path: Path) -> None:
    async with changeable(tmp_path) as rig:
        before = rig.strategy
        status, answer = await rig.patch(every="2")
        assert (status, answer["message"]) == (
            200,
            "steps was made anew and runs, 1 of its orders canceled",
        )
        assert rig.strategy is not before
        assert (rig.strategy.every, str(rig.strategy.size)) == (2, "0.2")
        _, again = await rig.patch(size="0.3")
        assert (rig.strategy.every, str(rig.strategy.size)) == (2, "0.3")
        assert again["orders"] == []
        _, rows = await rig.engine.client.get("/api/live/strategies")
    assert rows["rows"][0]["parameters"]["every"] == "2"
    commands = [each for each in rig.engine.run.commands if isinstance(each, RestartStrategy)]
    assert [msgspec.json.decode(each.parameters)["every"] for each in commands] == [2, 2]
    assert all(each.who.startswith("socket:") and not each.source for each in commands)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"every": "often"}, "every"),
        ({"evry": "2"}, "has no parameter evry"),
        ({"size": "nan"}, "size"),
        ({}, "no parameter was given"),
    ],
)
async def test_a_wrong_value_is_told_and_nothing_is_stopped(
    parameters: dict[str, str], says: str, tmp_path: Path
) -> None:
    async with changeable(tmp_path) as rig:
        before = rig.strategy
        status, problem = await rig.patch(**parameters)
        assert (status, problem["exit_code"]) == (400, 2)
        assert says in problem["message"]
        assert rig.strategy is before
    assert not rig.engine.run.commands


async def test_a_file_is_read_anew_with_the_parameters_it_still_has(tmp_path: Path) -> None:
    async with changeable(tmp_path) as rig:
        rig.write(SOURCE.replace("every: int = 1", "wait: int = 3").replace("self.every", "1"))
        status, _ = await rig.reload()
        assert status == 200
        assert (rig.strategy.wait, str(rig.strategy.size)) == (3, "0.2")
        (command,) = rig.engine.run.commands
        assert isinstance(command, RestartStrategy)
        assert "wait: int = 3" in command.source
        assert command.who.endswith(" tui")
        assert (await rig.patch(wait="4"))[0] == 200
        assert rig.strategy.wait == 4


@pytest.mark.parametrize(
    ("broken", "line", "says"),
    [
        (SOURCE.replace("def on_trade(", "def on_trade("[:-1]), 16, "SyntaxError"),
        (SOURCE.replace("from decimal import Decimal", "import no_such_module"), 2, "no_such"),
        (SOURCE.replace("class Steps(Strategy)", "class Stairs(Strategy)"), None, "no class Steps"),
        (SOURCE.replace("every: int = 1", 'every: int = "x"'), 10, "default of parameter every"),
    ],
)
async def test_a_broken_file_is_told_with_its_line_and_the_running_one_goes_on(
    broken: str, line: int | None, says: str, tmp_path: Path
) -> None:
    async with changeable(tmp_path) as rig:
        before, orders = rig.strategy, rig.engine.run.engine.execution.counts.submitted
        rig.write(broken)
        status, problem = await rig.reload()
        assert (status, problem["code"]) == (422, "AF-S000")
        assert says in problem["message"]
        place = f"steps.py, line {line}: " if line is not None else "steps.py: "
        assert place in problem["message"]
        rig.engine.run.tick(101.0)
        assert rig.strategy is before
        assert rig.engine.run.engine.execution.counts.submitted == orders + 1
    assert not rig.engine.run.commands


async def test_a_file_that_is_gone_is_not_found_and_the_running_one_goes_on(
    tmp_path: Path,
) -> None:
    async with changeable(tmp_path) as rig:
        before = rig.strategy
        rig.path.unlink()
        status, problem = await rig.reload()
        assert (status, problem["exit_code"]) == (404, 7)
        assert rig.strategy is before


async def test_a_start_that_fails_is_told_with_the_users_own_line(tmp_path: Path) -> None:
    async with changeable(tmp_path) as rig:
        rig.write(SOURCE.replace("self.seen = 0", "self.seen = 1 // 0"))
        status, problem = await rig.reload()
        _, rows = await rig.engine.client.get("/api/live/strategies")
    assert (status, problem["code"]) == (422, "AF-S000")
    assert "ZeroDivisionError" in problem["message"]
    assert "steps.py, line 13" in problem["message"]
    assert rows["rows"][0]["state"] == "FAILED"


async def test_no_strategy_starts_after_a_kill_until_somebody_arms_the_engine(
    tmp_path: Path,
) -> None:
    async with changeable(tmp_path) as rig:
        post = rig.engine.client.post
        await post("/api/kill")
        for path in ("strategies/steps/start", "strategies/steps/reload", "resume"):
            status, problem = await post(f"/api/{path}")
            assert (status, problem["exit_code"]) == (422, 6)
            assert problem["remedy"] == "first type: alphaforge risk arm"
        assert (await rig.patch(every="2"))[0] == 422
        assert (await post("/api/risk/arm"))[0] == 200
        assert (await post("/api/resume"))[0] == 200
        assert (await post("/api/strategies/steps/start"))[0] == 200


@pytest.mark.parametrize(
    "hangs",
    [
        SOURCE + "\nwhile True:\n    pass\n",
        SOURCE
        + "\nwhile True:\n    try:\n        sum(range(99))\n    except Exception:\n        pass\n",
        SOURCE + "\n    def __init__(self) -> None:\n        while True:\n            pass\n",
    ],
)
async def test_a_file_that_never_ends_loading_does_not_hold_the_engine(
    hangs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LOAD_SECONDS", 0.2)
    async with changeable(tmp_path) as rig:
        rig.write(hangs)
        status, problem = await rig.reload()
        assert rig.strategy.every == 1
        rig.write(SOURCE)
        again, _ = await rig.reload()
    assert (status, again) == (422, 200)
    assert "was not loaded within 0.2 s" in problem["message"]
    assert not any(isinstance(each, RestartStrategy) for each in rig.engine.run.commands[:-1])

"""A killed run is gone on with after a reload, and a kill is not forgotten with it."""

from pathlib import Path

import msgspec
import pytest

from alphaforge.errors import RiskRefusedError
from alphaforge.model.commands import RestartStrategy, SetRiskState
from alphaforge.model.enums import RiskState
from alphaforge.services.recovering import _refuse_to_forget_a_kill, _reloaded
from alphaforge.store.records import RunRecord, StrategySource
from alphaforge.store.writer import Writer

START = 1_700_000_000_000_000_000


def run_of(*names: str) -> RunRecord:
    sources = tuple(StrategySource(name, f"{name}.py", "old = 1\n", "x") for name in names)
    return RunRecord(
        run_id="r1", mode="sandbox", venue="local", account="main", strategies=sources,
        parameters={}, settings={}, instruments=(), seed=1, started=START,
    )  # fmt: skip


def test_the_last_words_of_operators_are_read_from_the_journal(tmp_path: Path) -> None:
    writer = Writer(f"sqlite:///{tmp_path / 'x.db'}")
    writer.begin_run(run_of("one", "two"))
    said = (
        RestartStrategy("one", "{}", "first = 1\n", START + 1),
        SetRiskState(RiskState.REDUCING, START + 2, "kill: asked", "somebody"),
        RestartStrategy("one", "{}", "second = 2\n", START + 3),
        RestartStrategy("two", '{"fast": 5}', "", START + 4),
    )
    for number, event in enumerate(said, 1):
        writer.append_input("r1", number, event)
    writer.flush()
    words = writer.last_words("r1")
    writer.close()
    assert words.sources == {"one": "second = 2\n"}, "other parameters are no other source"
    assert words.risk_reason == "kill: asked"


def test_a_run_is_the_same_with_the_sources_it_had_at_last() -> None:
    run = run_of("one", "two")
    now = _reloaded(run, {"one": "second = 2\n"})
    one, two = now.strategies
    assert one.source == "second = 2\n"
    assert one.sha256 != run.strategies[0].sha256
    assert two == run.strategies[1]
    assert msgspec.structs.replace(now, strategies=run.strategies) == run


def test_a_run_of_other_strategies_does_not_forget_a_kill() -> None:
    with pytest.raises(RiskRefusedError, match="was killed") as caught:
        _refuse_to_forget_a_kill(run_of("one"), "kill and close: asked")
    assert "runs close r1" in (caught.value.remedy or "")
    _refuse_to_forget_a_kill(run_of("one"), "by somebody: a pause")

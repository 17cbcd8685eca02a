"""Where no engine or several run: what to type, or a list to choose from."""

from pathlib import Path

import pytest

from alphaforge.client.records import EngineRecord
from alphaforge.tui import welcome
from alphaforge.tui.options import AppOptions
from alphaforge.tui.welcome import Welcome
from tests.tui.conftest import ENVIRON
from tests.tui.pictures import text_of
from tests.tui.scene import record


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> list[EngineRecord]:
    """What `engines.running` finds: a test changes it."""
    found: list[EngineRecord] = []
    monkeypatch.setattr(welcome.engines, "running", lambda environ: list(found))
    return found


def another(run_id: str) -> EngineRecord:
    made = record("live")
    made.run_id = run_id
    return made


async def test_without_an_engine_it_says_what_to_type_and_takes_the_first(
    running: list[EngineRecord], tmp_path: Path
) -> None:
    app = Welcome(AppOptions(), ENVIRON | {"ALPHAFORGE_RUNTIME_DIR": str(tmp_path)})
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "alphaforge run strategies/sma_cross.py" in text_of(app)
        running.append(record())
        app.look()
        await pilot.pause()
        assert app.return_value == record()


async def test_of_several_one_is_chosen(running: list[EngineRecord]) -> None:
    running += [record(), another("20261120-100000-zzz")]
    app = Welcome(AppOptions(), ENVIRON)
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.pause()
        text = text_of(app)
        assert "2 engines run" in text
        assert "LIVE" in text
        await pilot.press("j", "enter")
        await pilot.pause()
        assert app.return_value == running[1]


async def test_leaving_chooses_none(running: list[EngineRecord]) -> None:
    app = Welcome(AppOptions(), ENVIRON)
    async with app.run_test(size=(60, 15)) as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert app.return_value is None
        assert app.return_code == 0

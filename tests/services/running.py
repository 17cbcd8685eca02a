"""What tests of whole runs share: a clock moved by waiting, a quiet watcher, files to trade on."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alphaforge.model.events import Alert
from alphaforge.services.assembly import RunOptions
from alphaforge.services.config import load_configuration
from alphaforge.services.paper import plan_paper_run
from alphaforge.services.session import Outcome, RunPlan, run_session
from alphaforge.services.stopping import StopRequest
from alphaforge.services.summary import Status
from alphaforge.store.records import RunRecord

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND

SMA_CROSS = Path(__file__).resolve().parents[2] / "strategies" / "sma_cross.py"


class FakeClock:
    """Time that passes only while somebody waits, straight to whoever wakes first."""

    def __init__(self) -> None:
        self.now = START
        self.waited = 0
        self._wakes: list[int] = []

    def wall_ns(self) -> int:
        return self.now

    def steady_ns(self) -> int:
        return self.now

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        wake = self.now + int(seconds * SECOND)
        self._wakes.append(wake)
        try:
            while self.now < wake and not event.is_set():
                await asyncio.sleep(0)
                if wake == min(self._wakes):
                    self.now = max(self.now, wake)
        finally:
            self._wakes.remove(wake)


class Notes:
    """A watcher that remembers, and may ask for the end when it has seen enough."""

    def __init__(self) -> None:
        self.run: RunRecord | None = None
        self.statuses: list[Status] = []
        self.alerts: list[Alert] = []

    def began(self, run: RunRecord) -> None:
        self.run = run

    def status(self, status: Status) -> None:
        self.statuses.append(status)

    def alert(self, alert: Alert) -> None:
        self.alerts.append(alert)


def settings_in(folder: Path, text: str = "") -> Path:
    """A settings file whose database lies beside it."""
    path = folder / "alphaforge.toml"
    path.write_text(f'[store]\nurl = "sqlite:///runs.db"\n{text}')
    return path


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'runs.db'}"


def plan_in(
    folder: Path,
    targets: Sequence[Path | str],
    data: Sequence[Path | str] = (),
    *,
    sets: Sequence[str] = (),
    symbols: Sequence[str] = (),
    timeframe: str | None = None,
    settings: str = "",
    clock: FakeClock | None = None,
    **overrides: object,
) -> RunPlan:
    """What `alphaforge run` would start in a folder; `overrides` are keys of [paper]."""
    configuration = load_configuration(
        file=settings_in(folder, settings),
        environ={},
        overrides={
            "paper.speed": "max",
            **{f"paper.{name}": value for name, value in overrides.items()},
        },
    )
    options = RunOptions("paper", tuple(symbols), timeframe, tuple(sets))
    return plan_paper_run(
        [str(target) for target in targets], options, data, configuration, clock or FakeClock()
    )


async def play(
    plan: RunPlan,
    clock: FakeClock | None = None,
    stop: StopRequest | None = None,
    notes: Notes | None = None,
) -> Outcome:
    """Run a plan to its end."""
    return await run_session(plan, clock or FakeClock(), stop or StopRequest(), notes or Notes())


def trades_csv(folder: Path, rows: Sequence[tuple[float, float, float]]) -> Path:
    """A CSV of trades: (seconds after the start, price, size)."""
    lines = [f"{START + round(at * SECOND)},{price},{size}" for at, price, size in rows]
    path = folder / "trades.csv"
    path.write_text("timestamp,price,size\n" + "\n".join(lines) + "\n")
    return path


def strategy_file(folder: Path, body: str, name: str = "bot") -> Path:
    """A strategy file from the body of its class."""
    lines = "\n".join(f"    {line}" if line else "" for line in body.strip("\n").split("\n"))
    path = folder / f"{name}.py"
    path.write_text(f"from alphaforge import Strategy\n\n\nclass Bot(Strategy):\n{lines}\n")
    return path


def read_json(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found

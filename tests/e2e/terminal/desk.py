"""An engine that runs by itself in a folder of its own, for the tests that look at it.

Ends every engine that was started in the folder, also when the test fails. Nothing here may judge.
"""

import asyncio
import json
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from alphaforge.client.connection import Connection
from alphaforge.client.engines import running
from alphaforge.client.mirror import Mirror
from alphaforge.client.records import EngineRecord
from tests.e2e.rig import PATIENCE_S, Folder, is_alive, until

STILL = '''
"""Trades nothing by itself: what happens is what the person does."""

from alphaforge import Strategy


class Still(Strategy):
    symbol: str = "BTC/USDT"

    def on_start(self) -> None:
        self.subscribe_quotes(self.symbol)
'''

BUSY = ("busy.py", "--set", "quantity=0.0002", "--set", "every=0.4")
"""Small and slow enough that its money lasts for all tests."""

SHORTENED = {"XDG_RUNTIME_DIR", "TMUX", "TMUX_PANE", "SSH_CONNECTION", "NO_COLOR", "COLORTERM"}
SHORTENED |= {"COLUMNS", "LINES", "FORCE_COLOR"}


class Desk:
    """A folder with settings, and the engines that run in it."""

    def __init__(self, path: Path, runtime: Path) -> None:
        self.folder = Folder(path)
        self.environ = {
            **{key: text for key, text in self.folder.environ.items() if key not in SHORTENED},
            "ALPHAFORGE_RUNTIME_DIR": str(runtime),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
        }
        self.folder.environ = self.environ
        (path / "still.py").write_text(STILL)

    def start(self, *arguments: str) -> EngineRecord:
        """Start a run in the background, as a person does; it answers when this returns."""
        started = self.folder.run("run", *arguments, "--detach")
        assert started.code == 0, started.err
        return self.engine()

    def engine(self) -> EngineRecord:
        """The one that runs."""
        (record,) = running(self.environ)
        return record

    def ask(self, *arguments: str) -> Any:
        """What a verb answers, as JSON."""
        ended = self.folder.here("--json", *arguments)
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send the engine a signal and wait until it is gone."""
        pid = self.engine().pid
        os.kill(pid, number)
        until(lambda: not is_alive(pid), "the end of the engine")

    def close(self) -> None:
        """Leave no engine behind."""
        for record in running(self.environ):
            os.kill(record.pid, signal.SIGKILL)
            until(lambda pid=record.pid: not is_alive(pid), "the end of an engine")


@contextmanager
def desk(path: Path) -> Iterator[Desk]:
    """A desk for as long as the block lasts; a socket's path must be short."""
    with tempfile.TemporaryDirectory(prefix="af-rt-") as runtime:
        opened = Desk(path, Path(runtime))
        try:
            yield opened
        finally:
            opened.close()


class Witness:
    """A client that follows an engine from the moment it is made, beside the test."""

    def __init__(self, record: EngineRecord) -> None:
        self.mirror = Mirror()
        self._record = record
        self._loop = asyncio.new_event_loop()
        self._changed = threading.Condition()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        self.until(lambda mirror: mirror.is_whole, "a whole picture")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(PATIENCE_S)

    def until(self, holds: Callable[[Mirror], bool], what: str) -> None:
        """Wait until the picture it has shows something."""
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self.mirror), PATIENCE_S), what

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._whole())
        finally:
            self._loop.close()

    async def _whole(self) -> None:
        self._task = asyncio.ensure_future(self._follow())
        await asyncio.wait([self._task])

    async def _follow(self) -> None:
        async with Connection(self._record) as engine:
            stream = engine.stream("all")
            async for message in stream:
                with self._changed:
                    wanted = self.mirror.apply(message)
                    self._changed.notify_all()
                if wanted is not None:
                    await stream.resend(wanted)

"""One life of the process under test, from outside: start it, hear it, end it. Decides nothing."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tests.killtest.points import VARIABLE

REPOSITORY = Path(__file__).resolve().parents[2]

Line = dict[str, Any]


class Life:
    """A process from its start to its death.

    Attributes:
        run_id: Of the run it took up; empty before it said so.
        certain_after: Seconds from the start of the process, imports included; 0 = not yet.
        of_own: Of these, seconds after the imports.
        killed_at: The point where it killed itself; empty if it did not.
        heard: Every line it said.
    """

    def __init__(self, arguments: list[str], errors: Path, armed: str = "") -> None:
        self.run_id = ""
        self.certain_after = 0.0
        self.of_own = 0.0
        self.killed_at = ""
        self.heard: list[Line] = []
        self.began = time.monotonic()
        self._errors = errors
        self._lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        environment = {**os.environ, VARIABLE: armed}
        with errors.open("wb") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.killtest.engine", *arguments],
                cwd=REPOSITORY,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=sink,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def errors(self) -> str:
        """The end of what it wrote to stderr."""
        return self._errors.read_text(errors="replace")[-3000:]

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def hear(self, enough: Callable[[Line], bool], seconds: float) -> bool:
        """Listen until a line is enough; False once it is dead, or after so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                return False
            if line is None:
                self._lines.put(None)
                return False
            self._note(line)
            if enough(line):
                return True
        return False

    def is_certain(self, seconds: float) -> bool:
        return self.hear(lambda line: "certain" in line, seconds)

    def is_dead(self, seconds: float) -> bool:
        """Whether it ends within so long; everything it said is heard then."""
        self.hear(lambda line: False, seconds)
        try:
            self._process.wait(0 if self._reader.is_alive() else 10)
        except subprocess.TimeoutExpired:
            return False
        return True

    def bury(self) -> int:
        """Kill it if it lives; how it ended."""
        self.send(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        self.hear(lambda line: False, 1)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return self._process.returncode

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            line: Line = msgspec.json.decode(text)
            if "certain" in line:
                self.certain_after = time.monotonic() - self.began
                self.of_own = line["after_imports"]
            self._lines.put(line)
        self._lines.put(None)

    def _note(self, line: Line) -> None:
        self.heard.append(line)
        self.run_id = line.get("began", self.run_id)
        self.killed_at = line.get("killed", self.killed_at)

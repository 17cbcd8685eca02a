"""Ctrl-C during a plain loop: seen between two batches, so that nothing is torn in the middle.

The first signal asks. A callback that does not come back is interrupted after a short patience;
a second signal interrupts at once. What must not be torn (a transaction) is held and waited for.
Must never end the process itself.
"""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from alphaforge.services.stopping import PATIENCE_SECONDS

_AGAIN_SECONDS: Final = 0.05
_HAS_TIMER: Final = hasattr(signal, "setitimer")


class Interruption:
    """Whether the loop shall end.

    Attributes:
        asked: Set by the first Ctrl-C or SIGTERM.
    """

    def __init__(self) -> None:
        self.asked = False
        self._held = False

    @contextmanager
    def held(self) -> Generator[None]:
        """Nothing inside is interrupted: for work that is short and must be whole."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def heard(self) -> None:
        """Say that the wish was seen: nobody insists any more."""
        _insist_after(0)

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Take a signal of the user."""
        if self.asked:
            self.insist(number, frame)
            return
        self.asked = True
        _insist_after(PATIENCE_SECONDS)

    def insist(self, number: int, frame: FrameType | None) -> None:
        """Interrupt what is running, or as soon as it is not held any more."""
        del number, frame
        if not self._held:
            raise KeyboardInterrupt
        _insist_after(_AGAIN_SECONDS)


@contextmanager
def interruptible() -> Generator[Interruption]:
    """Turn Ctrl-C and SIGTERM into a wish until the block ends; only in the main thread.

    Code that does not look at it in time gets a `KeyboardInterrupt`.
    """
    wish = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return

    handlers = {signal.SIGINT: wish.ask, signal.SIGTERM: wish.ask}
    if _HAS_TIMER:
        handlers[signal.SIGALRM] = wish.insist
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield wish
    finally:
        _insist_after(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _insist_after(seconds: float) -> None:
    """Have `insist` called then; 0 = never. Where there is no such timer, nobody insists."""
    if _HAS_TIMER:
        signal.setitimer(signal.ITIMER_REAL, seconds)

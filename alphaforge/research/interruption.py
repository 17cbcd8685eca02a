"""Ctrl-C during a plain loop: seen between two batches, so that nothing is torn in the middle.

The first signal asks. A callback that does not come back is interrupted after a short patience;
a second signal interrupts at once. Must never end the process itself.
"""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from alphaforge.services.stopping import PATIENCE_SECONDS


class Interruption:
    """Whether the loop shall end.

    Attributes:
        asked: Set by the first Ctrl-C or SIGTERM.
    """

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def interruptible() -> Generator[Interruption]:
    """Turn Ctrl-C and SIGTERM into a wish until the block ends; only in the main thread.

    Code that does not look at it in time gets a `KeyboardInterrupt`.
    """
    wish = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        if wish.asked:
            raise KeyboardInterrupt
        wish.asked = True
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)

    def insist(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    handlers = {signal.SIGINT: ask, signal.SIGTERM: ask}
    if hasattr(signal, "setitimer"):
        handlers[signal.SIGALRM] = insist
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield wish
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)

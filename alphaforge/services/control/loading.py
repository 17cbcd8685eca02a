"""Runs a strategy's file for an engine that trades meanwhile: with an end, however it is written.

While a file is loaded the engine's loop stands still. One that does not come to its end is
interrupted and told. Must never be used inside an event of the engine.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from alphaforge.engine.interruption import HungCallbackError
from alphaforge.errors import StrategyError
from alphaforge.services import alarm

LOAD_SECONDS: Final = 5.0


@contextmanager
def ended_after(name: str, seconds: float) -> Generator[None]:
    """Raise `StrategyError` out of code of a strategy that takes longer than so many seconds.

    In another thread than the main one nothing is watched: signals are handled there alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(frame: FrameType | None) -> None:
        del frame
        raise HungCallbackError(seconds)

    alarm.start(late, seconds)
    try:
        yield
    except HungCallbackError as error:
        raise StrategyError(
            f"{name} was not loaded within {seconds:g} s, and the engine stood still meanwhile",
            remedy="look for a loop or a download at the top of its file or in its constructor",
        ) from error
    finally:
        alarm.end(late)

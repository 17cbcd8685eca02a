"""Asks a running engine to compare its books with the venue now, and waits for what it found.

By a signal that does nothing to a process that does not listen for it, and by the report that the
engine keeps in its store. Must never touch a venue itself: one engine talks to one account.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Final

from alphaforge.errors import NoEngineError
from alphaforge.services.lease_file import Holder
from alphaforge.store.reads import Reader
from alphaforge.store.records import ReconciliationRecord

ASKED: Final = signal.SIGURG
"""Ignored by default: a process that is only starting is not harmed by it."""

_POLL_SECONDS: Final = 0.05


@contextmanager
def listening(check: Callable[[], None]) -> Generator[None]:
    """Call `check` whenever somebody asks, until the block ends; inside the running loop.

    Where the loop takes no signals (not the main thread, a simulation) nobody can ask.
    """
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(ASKED, check)
    try:
        yield
    finally:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(ASKED)


async def ask_to_reconcile(
    reader: Reader, run_id: str, holder: Holder, seconds: float
) -> ReconciliationRecord:
    """Have the holder of a lease reconcile; the report of it.

    Raises `NoEngineError` if it is gone, or says nothing for so long.
    """
    before = await _newest(reader, run_id)
    try:
        os.kill(holder.pid, ASKED)
    except ProcessLookupError:
        raise NoEngineError(
            f"the engine of {holder.venue}/{holder.account} (pid {holder.pid}) is gone",
            remedy="start it again: alphaforge run",
        ) from None
    waited = 0.0
    while waited < seconds:
        await asyncio.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
        found = await _newest(reader, run_id)
        if found is not None and found != before:
            return found
    raise NoEngineError(
        f"the engine of {holder.venue}/{holder.account} (pid {holder.pid}) did not finish a "
        f"reconciliation within {seconds:g} s: its venue may be out of reach",
        remedy="see what it found last: alphaforge reconcile --explain --last",
    )


async def _newest(reader: Reader, run_id: str) -> ReconciliationRecord | None:
    found = await reader.reconciliations(run_id, limit=1)
    return found[0] if found else None

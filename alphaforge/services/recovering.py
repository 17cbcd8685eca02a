"""Takes a killed run up again: the last snapshot, then the journal's tail, folded.

Decisions are folded as the journal has them; no strategy decides anything anew. Nothing is sent.
Must never skip a damaged row: what is damaged is named, and where the account can be rebuilt from
the venue instead, the error says so.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from msgspec.structs import replace

from alphaforge.engine.recovery import recover
from alphaforge.engine.snapshot import SnapshotError, restore
from alphaforge.errors import RiskRefusedError
from alphaforge.model.commands import StopSession
from alphaforge.model.enums import AlertLevel
from alphaforge.model.events import Alert
from alphaforge.services.journal_writer import JournalWriter
from alphaforge.services.opening import Opening
from alphaforge.services.watchdog import watch
from alphaforge.services.wire_plan import Ports, WirePlan
from alphaforge.store.records import RunRecord, RunStatus
from alphaforge.store.tail import TailEvent
from alphaforge.store.writer import Writer

KILLED: Final = "kill"
"""How the reason of a risk state begins that the kill switch set."""

MOST_NOTES = 10
"""Unexplained events that are told; more say the same."""


async def come_back(plan: WirePlan, ports: Ports) -> Opening | None:
    """The run of this account that was killed, as it stood; None if there is none to go on with.

    One of other strategies or parameters is marked as ended: its orders are adopted as they are
    found. Raises `JournalCorruptError` for a damaged journal.
    """
    journal, venue, account = ports.journal, ports.venues[0].name, ports.venues[0].account
    run = await journal.ask(lambda writer: writer.find_resumable(plan.mode, venue, account))
    if run is None:
        return None
    words = await journal.ask(lambda writer: writer.last_words(run.run_id))
    if not plan.continues(run) and not plan.continues(_reloaded(run, words.sources)):
        _refuse_to_forget_a_kill(run, words.risk_reason)
        await _end(journal, run, "killed; the run after it was of other strategies")
        return None
    await journal.ask(lambda writer: writer.resume_run(run.run_id))
    opening = await _fold(plan, ports, run)
    claims = opening.engine.execution.claims
    names = {each.name for each in ports.venues}
    if claims is None or not names <= claims.state.since.keys():
        await _end(journal, run, "killed before it had begun")
    elif opening.is_over:
        await _end(journal, run, "killed while it stopped")
    else:
        return opening
    return None


def _reloaded(run: RunRecord, sources: Mapping[str, str]) -> RunRecord:
    """The run with the sources it had at last: what a reload changed is in its journal only."""
    return replace(
        run,
        strategies=tuple(
            replace(each, source=text, sha256=sha256(text.encode()).hexdigest())
            if (text := sources.get(each.name))
            else each
            for each in run.strategies
        ),
    )


def _refuse_to_forget_a_kill(run: RunRecord, reason: str) -> None:
    """A run of other strategies would trade where somebody said that nothing shall."""
    if reason.startswith(KILLED):
        raise RiskRefusedError(
            f"run {run.run_id} of this account was killed, and its process ended since",
            remedy="go on with its strategies and type: alphaforge risk arm; or give it up: "
            f"alphaforge runs close {run.run_id}",
        )


async def _end(journal: JournalWriter, run: RunRecord, text: str) -> None:
    """Nothing goes on with this run."""
    await journal.ask(
        lambda writer: writer.finish_run(run.run_id, RunStatus.FAILED, None, run.started, text)
    )


async def _fold(plan: WirePlan, ports: Ports, run: RunRecord) -> Opening:
    journal = ports.journal
    snapshot = await journal.ask(lambda writer: writer.latest_snapshot(run.run_id))
    engine, after = plan.build(run), 0
    notes: list[str] = []
    if snapshot is not None:
        notes += [f"the snapshot of event {each} is damaged" for each in snapshot.damaged]
        try:
            restore(engine, snapshot.payload)
            after = snapshot.sequence
        except SnapshotError as error:  # the journal holds everything that it held
            notes.append(f"the snapshot of event {snapshot.sequence} was not used: {error}")
            engine = plan.build(run)
    rows = await journal.ask(lambda writer: _tail(writer, run.run_id, after))
    with watch(engine, ports.callback_seconds):
        recovered = recover(engine, rows)
    notes += [
        f"event {each} of run {run.run_id} now leads to something else; the journal was followed"
        for each in recovered.unexplained[:MOST_NOTES]
    ]
    claims, now = engine.execution.claims, engine.timers.now
    told = tuple(Alert(AlertLevel.ERROR, "recovery", note, now) for note in notes)
    return Opening(
        run,
        engine,
        claims.state.epoch if claims is not None else 0,
        stopped=tuple(each.strategy for each in recovered.differences),
        alerts=(*recovered.alerts, *told),
        is_over=any(isinstance(event, StopSession) for _, event, _ in rows),
    )


def _tail(writer: Writer, run_id: str, after: int) -> list[TailEvent]:
    return list(writer.read_tail(run_id, after))

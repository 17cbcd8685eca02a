"""One order's whole life in words, from the journal: the same for a running and a stored run.

What led to it, each check with its numbers, each message with its times, doubts and how they
ended, fills, and what it did to position and profit. Must conclude nothing that the journal does
not say: what cannot be known any more is said to be so.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from alphaforge.client.records import FillRow, OrderRow
from alphaforge.client.requests import LifeLine, WhyRecord
from alphaforge.engine.portfolio import Portfolio
from alphaforge.errors import NotFoundError
from alphaforge.model import commands, market, reports
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import PositionSide
from alphaforge.model.events import (
    CancelRequested,
    HeldModified,
    ModifyRequested,
    OrderAdopted,
    OrderDenied,
    OrderHeld,
    OrderReleased,
    OrderSubmitted,
    RequestDenied,
)
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import MarketEvent
from alphaforge.model.numbers import EXACT, ZERO, plain
from alphaforge.services.control.row_texts import money_text, time_text
from alphaforge.services.order_words import event_words, terms_words
from alphaforge.services.stored_rows import execution_of, fill_row, order_row
from alphaforge.services.suggestions import did_you_mean
from alphaforge.services.why_checks import check_lines, fold_case
from alphaforge.store import records
from alphaforge.store.export import iso_time
from alphaforge.store.journal import InputEvent
from alphaforge.store.order_reads import Moment, OrderReader, SignalRow, open_order_reader

_MS: Final = 1_000_000
_TERMS = OrderSubmitted | OrderAdopted | OrderDenied | OrderHeld | OrderReleased
_DECISIONS = OrderSubmitted | OrderDenied | OrderHeld | OrderAdopted
_DOUBTS = reports.OutcomeUnknown | reports.StateUnknown | reports.DoubtResolved
_OURS = (
    OrderSubmitted
    | OrderHeld
    | OrderReleased
    | OrderDenied
    | RequestDenied
    | CancelRequested
    | ModifyRequested
    | HeldModified
)
_ASKED = (
    commands.PlaceOrder
    | commands.OperatorCancel
    | commands.OperatorModify
    | commands.CancelAll
    | commands.Flatten
    | commands.StopStrategy
)


class _Line(NamedTuple):
    ts: int
    what: str
    text: str


class _Found(NamedTuple):
    """Everything the store says about one order.

    Attributes:
        causes: Number of an event → what entered with it.
    """

    order: records.OrderRow
    life: list[Moment]
    fills: list[records.FillRow]
    before: list[records.FillRow]
    signal: SignalRow | None
    causes: dict[int, InputEvent | MarketEvent]


async def why(url: str, run_id: str, order_id: str) -> WhyRecord:
    """One order's life; `order_id` is ours, the client's or the venue's, `7` is `o-000007`.

    Raises `NotFoundError` for a run or an order that is not there, `StoreError` if the store
    cannot be read, `JournalCorruptError` if a row is not what was written.
    """
    async with open_order_reader(url, run_id) as reader:
        found = await _find(reader, order_id)
        first = found.life[0] if found.life else None
        checks: list[str] = []
        if first is not None and isinstance(first.event, OrderSubmitted | OrderDenied | OrderHeld):
            cause = found.causes.get(first.sequence)
            case = await fold_case(reader, first.sequence, first.event, found.before, cause)
            checks = check_lines(reader.run, first.event, case)
        return _record(reader.run, found, checks)


async def _find(reader: OrderReader, given: str) -> _Found:
    digits = given.lower().removeprefix("o-")
    order_id = f"o-{int(digits):06d}" if digits.isascii() and digits.isdigit() else given
    order = await reader.order(order_id) or await reader.order(given)
    if order is None:
        near = did_you_mean(given, await reader.ids())
        raise NotFoundError(
            f"there is no order {given[:64]!r} in run {reader.run.run_id}",
            remedy=near or f"see them: alphaforge orders --all --run {reader.run.run_id}",
        )
    life = await reader.life(order.order_id)
    causes: dict[int, InputEvent | MarketEvent] = {}
    for sequence in dict.fromkeys(each.sequence for each in life):
        cause = await reader.input(sequence) or await reader.market_event(sequence)
        if cause is not None:
            causes[sequence] = cause
    start = life[0].sequence if life else 0
    return _Found(
        order,
        life,
        await reader.fills(order.order_id),
        await reader.fills_before(start, order.symbol),
        await reader.signal(order.order_id),
        causes,
    )


def _record(run: records.RunRecord, found: _Found, checks: Sequence[str]) -> WhyRecord:
    lines = sorted(_lines(run, found, checks), key=lambda line: line.ts)
    start = lines[0].ts if lines else found.order.ts
    row = _row(found)
    realized = ZERO
    for fill in found.fills:
        realized = EXACT.add(realized, fill.realized_pnl)
    shown = tuple(
        LifeLine(
            ts=iso_time(line.ts),
            after_ms=(line.ts - start) / _MS,
            what=line.what,
            text=line.text,
        )
        for line in lines
    )
    fills = tuple(_fill_rows(found.fills))
    return WhyRecord(
        run_id=run.run_id,
        order=row,
        summary=_summary(row, fills, realized, _settle(run, found.order.symbol)),
        lines=shown,
        fills=fills,
        realized_pnl=plain(realized),
    )


def _fill_rows(fills: Sequence[records.FillRow]) -> Iterator[FillRow]:
    for number, each in enumerate(fills, start=1):
        yield fill_row(number, each)


def _settle(run: records.RunRecord, symbol: str) -> str:
    return next((each.settle for each in run.instruments if each.symbol == symbol), "")


def _row(found: _Found) -> OrderRow:
    """The stored row, with what only its terms say."""
    terms = next((each.event.terms for each in found.life if isinstance(each.event, _TERMS)), None)
    row = order_row(found.order)
    if terms is None:
        return row
    percent = terms.trail_pct
    return msgspec.structs.replace(
        row,
        trail=f"{plain(percent)}%" if percent is not None else money_text(terms.trail),
        expires=time_text(terms.expires),
        post_only=terms.post_only,
        reduce_only=terms.reduce_only,
        emulated=any(isinstance(each.event, OrderHeld) for each in found.life),
        signal_id=found.signal.signal_id if found.signal is not None else "",
    )


def _summary(row: OrderRow, fills: Sequence[FillRow], realized: Decimal, currency: str) -> str:
    """One sentence for someone in a hurry."""
    doubt = ", and whether that is so is in doubt" if row.in_doubt else ""
    reason = f" ({row.reason})" if row.reason else ""
    done = f"{row.filled} of {row.quantity} filled"
    price = f" at {row.average_price} on average" if row.average_price is not None else ""
    gain = f", realized {plain(realized)} {currency}".rstrip() if realized else ""
    count = f" in {len(fills)} executions" if len(fills) > 1 else ""
    return (
        f"{row.strategy}'s {row.side} of {row.quantity} {row.symbol} is {row.status}{reason}"
        f"{doubt}: {done}{price}{count}{gain}"
    )


def _lines(run: records.RunRecord, found: _Found, checks: Sequence[str]) -> Iterator[_Line]:
    if found.signal is not None:
        yield _signal_line(found.signal)
    asked: set[int] = set()
    for moment in found.life:
        ts = moment.event.ts_local
        cause = found.causes.get(moment.sequence)
        if isinstance(moment.event, _OURS) and moment.sequence not in asked:
            asked.add(moment.sequence)
            yield from _cause_lines(ts, moment, cause)
        if isinstance(moment.event, _DECISIONS):
            yield _Line(ts, "decision", _decision(moment.event))
            yield from (_Line(ts, "check", text) for text in checks)
            checks = ()
        if not isinstance(moment.event, OrderHeld | OrderAdopted):
            yield _Line(ts, _kind(moment), _text(moment, found.life))
    yield from _fill_lines(run, found)
    if not found.life:
        yield _Line(found.order.ts, "status", "its events are not in the store: it is a backtest's")
        yield _Line(found.order.ts_last, "status", _end(found.order))
    elif found.order.status not in {"DENIED", "FILLED"}:
        yield _Line(max(each.event.ts_local for each in found.life), "status", _end(found.order))


def _signal_line(signal: SignalRow) -> _Line:
    why_it = f": {signal.reason}" if signal.reason else ""
    text = f"{signal.strategy} saw {signal.direction} {signal.symbol}, {signal.confidence:.2f} sure"
    return _Line(signal.ts, "signal", f"{text}{why_it} ({signal.signal_id})")


def _cause_lines(
    ts: int, moment: Moment, cause: InputEvent | MarketEvent | None
) -> Iterator[_Line]:
    """What entered the engine and led to a decision of ours."""
    if isinstance(cause, _ASKED):
        who = f" by {cause.who}" if cause.who else ""
        yield _Line(ts, "operator", f"{type(cause).__name__} asked for{who}")
    elif cause is not None:
        yield _Line(ts, "signal", f"it came of event {moment.sequence}: {_seen(cause)}")
    elif isinstance(moment.event, _DECISIONS):
        yield _Line(ts, "signal", f"it came of event {moment.sequence}, which a data file holds")


def _seen(cause: InputEvent | MarketEvent) -> str:
    """What the strategy had before it."""
    if isinstance(cause, market.Trade):
        side = f" ({cause.side.value.lower()} side took)" if cause.side is not None else ""
        return f"a trade in {cause.symbol}, {cause.size!r} at {cause.price!r}{side}"
    if isinstance(cause, market.Quote):
        return f"a quote of {cause.symbol}, bid {cause.bid!r}, ask {cause.ask!r}"
    if isinstance(cause, market.Bar):
        return f"a {cause.kind} bar of {cause.symbol} that closed at {cause.close!r}"
    if isinstance(cause, market.VenueTime):
        return f"the time of {cause.venue}: a bar or a timer was due"
    if isinstance(cause, market.BookSnapshot | market.BookDelta):
        return f"a change of the book of {cause.symbol}"
    return str(cause.__struct_config__.tag).replace("_", " ")


def _decision(event: OrderSubmitted | OrderDenied | OrderHeld | OrderAdopted) -> str:
    if isinstance(event, OrderAdopted):
        return event_words(event)
    terms: SubmitOrder = event.terms
    return f"{terms.strategy or 'nobody'} decided: {terms_words(terms)}"


def _kind(moment: Moment) -> str:
    """Which word of `LifeLine.what` an event is told under."""
    event = moment.event
    if isinstance(event, OrderDenied | RequestDenied):
        return "check"
    if isinstance(event, _OURS):
        return "sent"
    return "doubt" if isinstance(event, _DOUBTS | reports.AbsenceProved) else "venue"


def _text(moment: Moment, life: Sequence[Moment]) -> str:
    event = moment.event
    if isinstance(event, OrderSubmitted):
        names = f" as {event.terms.client_order_id}" if event.terms.client_order_id else ""
        return f"sent to the venue{names}"
    words = event_words(event)
    if isinstance(event, _OURS | OrderAdopted):
        return words
    asked = _last_request(moment, life)
    after = f", {(event.ts_local - asked) / _MS:.1f} ms after it was asked" if asked else ""
    lag = (event.ts_local - event.ts) / _MS
    there = f", {lag:.1f} ms after the venue's own time" if event.ts and lag else ""
    return f"{words}{after}{there}"


def _last_request(moment: Moment, life: Sequence[Moment]) -> int:
    """When what this answers was asked; 0 where it answers nothing of ours."""
    waited: dict[type[object], tuple[type[object], ...]] = {
        reports.OrderAccepted: (OrderSubmitted, OrderReleased),
        reports.OrderRejected: (OrderSubmitted, OrderReleased),
        reports.OrderCanceled: (CancelRequested,),
        reports.CancelRejected: (CancelRequested,),
        reports.OrderModified: (ModifyRequested,),
        reports.ModifyRejected: (ModifyRequested,),
    }
    kinds = waited.get(type(moment.event), ())
    asked = [
        each.event.ts_local
        for each in life
        if isinstance(each.event, kinds) and each.sequence <= moment.sequence
    ]
    return asked[-1] if asked else 0


def _fill_lines(run: records.RunRecord, found: _Found) -> Iterator[_Line]:
    """Each fill as booked, and the position of its strategy before and after."""
    instrument = next((each for each in run.instruments if each.symbol == found.order.symbol), None)
    if instrument is None:
        return
    held = Portfolio()
    for row in found.before:
        if row.strategy == found.order.strategy:
            held.book(row.strategy, instrument, row.side, execution_of(row))
    for row in found.fills:
        before = _held(held, row.strategy, instrument)
        held.book(row.strategy, instrument, row.side, execution_of(row))
        position = held.position(row.strategy, instrument)
        pnl = f", realized {plain(row.realized_pnl)}" if row.realized_pnl else ""
        average = money_text(position.average_price)
        at = f" at {average}" if position.side is not PositionSide.FLAT and average else ""
        yield _Line(
            row.ts,
            "fill",
            f"booked {row.side} {plain(row.quantity)} at {plain(row.price)}, value "
            f"{plain(row.value)}, fee {plain(row.fee)} {row.fee_currency}, "
            f"{row.liquidity.value.lower()}{pnl}; position {before} → {plain(position.quantity)}"
            f"{at}",
        )


def _held(portfolio: Portfolio, strategy: str, instrument: Instrument) -> str:
    return plain(portfolio.position(strategy, instrument).quantity)


def _end(order: records.OrderRow) -> str:
    reason = f": {order.reason}" if order.reason else ""
    doubt = ", in doubt" if order.in_doubt else ""
    return f"{order.status.value}{doubt}{reason}, {plain(order.filled)} filled"

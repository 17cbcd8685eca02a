"""What an answer, or its absence, proves about a request: the one table, for every venue.

Only three things end a request: the venue's word that it took it, a code on the venue's own
allow-list, or proof that no byte ever left. Everything else leaves the outcome unknown, and only
the venue, asked, can say (`services/reconcile.py`). Must never read anything into silence.
"""

from typing import TypeAlias

from alphaforge.errors import VenueUnavailableError
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import PendingRequest
from alphaforge.model.reports import (
    AbsenceProved,
    CancelRejected,
    ModifyRejected,
    OrderAccepted,
    OrderRejected,
    OrderReport,
    OutcomeUnknown,
    StateUnknown,
)
from alphaforge.venues.base import Capabilities, ReplyError

Command: TypeAlias = SubmitOrder | ModifyOrder | CancelOrder


def never_sent(command: Command, reason: str, now: int) -> tuple[OrderReport, ...]:
    """No byte of the request left: it is certain that nothing came of it."""
    return _refused(command, f"never sent: {reason}", now, is_absent=True)


def outcome_of(
    command: Command, error: BaseException, capabilities: Capabilities, now: int
) -> tuple[OrderReport, ...]:
    """What an answer that is not a yes proves."""
    if isinstance(error, VenueUnavailableError):
        return never_sent(command, str(error), now)
    reason = f"{type(error).__name__}: {error}"
    if not isinstance(error, ReplyError):
        return (_unknown(command, reason, now),)
    code = error.reply
    if isinstance(command, SubmitOrder):
        return _answered_submit(command, code, f"{code}: {error}", capabilities, now)
    reason = f"{code}: {error}"
    if code in capabilities.throttled:
        return _refused(command, reason, now)
    if code in capabilities.request_refusals or code in capabilities.unknown_order:
        doubt = StateUnknown(command.order_id, f"the venue answered {reason}", now, now)
        return (*_refused(command, reason, now), doubt)
    return (_unknown(command, reason, now),)


def _answered_submit(
    command: SubmitOrder, code: str, reason: str, capabilities: Capabilities, now: int
) -> tuple[OrderReport, ...]:
    """A no to a new order; a duplicate's proves that the venue has it, however it stands."""
    if code in capabilities.duplicates:
        known = OrderAccepted(command.order_id, "", now, now)
        return known, StateUnknown(command.order_id, f"the venue answered {reason}", now, now)
    if code in capabilities.refusals:
        return _refused(command, reason, now)
    return (_unknown(command, reason, now),)


def _refused(
    command: Command, reason: str, now: int, *, is_absent: bool = False
) -> tuple[OrderReport, ...]:
    order_id = command.order_id
    if isinstance(command, CancelOrder):
        return (CancelRejected(order_id, reason, now, now),)
    if isinstance(command, ModifyOrder):
        return (ModifyRejected(order_id, command.version, reason, now, now),)
    if is_absent:
        return (AbsenceProved(order_id, reason, now, now),)
    return (OrderRejected(order_id, reason, now, now),)


def _unknown(command: Command, reason: str, now: int) -> OutcomeUnknown:
    request = PendingRequest.NONE
    if isinstance(command, CancelOrder):
        request = PendingRequest.CANCEL
    elif isinstance(command, ModifyOrder):
        request = PendingRequest.MODIFY
    return OutcomeUnknown(command.order_id, reason, now, now, request)

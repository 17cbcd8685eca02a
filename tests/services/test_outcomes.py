"""What an answer proves: the whole table of requests and answers, for every code of a venue."""

import pytest

from alphaforge.errors import OutcomeUnknownError, VenueUnavailableError
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType, PendingRequest
from alphaforge.model.numbers import ZERO
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
from alphaforge.services.outcomes import Command, never_sent, outcome_of
from alphaforge.venues.base import Capabilities, ReplyError
from tests.fake_venue.terms import REFUSALS

NOW = 7_000
SUBMIT = SubmitOrder("o-1", "BTC/USDT", "bot", OrderSide.BUY, OrderType.LIMIT, ZERO)
MODIFY = ModifyOrder("o-1", 3)
CANCEL = CancelOrder("o-1")

VENUE = Capabilities(
    refusals=frozenset({"poor", "slow"}),
    request_refusals=frozenset({"ended", "slow"}),
    unknown_order=frozenset({"unknown"}),
    duplicates=frozenset({"twice"}),
    throttled=frozenset({"slow"}),
)

SUBMIT_TABLE = {
    "poor": [OrderRejected],
    "slow": [OrderRejected],
    "twice": [OrderAccepted, StateUnknown],
    "ended": [OutcomeUnknown],
    "unknown": [OutcomeUnknown],
    "whatever": [OutcomeUnknown],
    "": [OutcomeUnknown],
}
CANCEL_TABLE = {
    "ended": [CancelRejected, StateUnknown],
    "unknown": [CancelRejected, StateUnknown],
    "slow": [CancelRejected],
    "poor": [OutcomeUnknown],
    "twice": [OutcomeUnknown],
    "whatever": [OutcomeUnknown],
    "": [OutcomeUnknown],
}


def kinds(reports: tuple[OrderReport, ...]) -> list[type]:
    return [type(report) for report in reports]


def of(command: Command, code: str, venue: Capabilities = VENUE) -> tuple[OrderReport, ...]:
    return outcome_of(command, ReplyError(code, "words"), venue, NOW)


@pytest.mark.parametrize("code", SUBMIT_TABLE)
def test_a_reply_to_a_new_order(code: str):
    assert kinds(of(SUBMIT, code)) == SUBMIT_TABLE[code]


@pytest.mark.parametrize("code", CANCEL_TABLE)
def test_a_reply_to_a_cancel(code: str):
    assert kinds(of(CANCEL, code)) == CANCEL_TABLE[code]


@pytest.mark.parametrize("code", CANCEL_TABLE)
def test_a_reply_to_a_modification(code: str):
    expected = [ModifyRejected if kind is CancelRejected else kind for kind in CANCEL_TABLE[code]]
    assert kinds(of(MODIFY, code)) == expected


def test_a_venue_that_lists_no_codes_proves_nothing_by_any():
    nothing = Capabilities()
    for command in (SUBMIT, MODIFY, CANCEL):
        for code in (*SUBMIT_TABLE, *REFUSALS):
            assert kinds(of(command, code, nothing)) == [OutcomeUnknown]


def test_a_code_that_is_a_refusal_and_a_duplicate_is_no_refusal():
    venue = Capabilities(refusals=frozenset({"x"}), duplicates=frozenset({"x"}))
    assert kinds(of(SUBMIT, "x", venue)) == [OrderAccepted, StateUnknown]


@pytest.mark.parametrize(
    "error",
    [OutcomeUnknownError("cut"), TimeoutError(), ValueError("not JSON"), OSError(), RuntimeError()],
)
@pytest.mark.parametrize(
    ("command", "request_"),
    [
        (SUBMIT, PendingRequest.NONE),
        (CANCEL, PendingRequest.CANCEL),
        (MODIFY, PendingRequest.MODIFY),
    ],
)
def test_any_other_error_leaves_exactly_that_request_in_doubt(
    command: Command, request_: PendingRequest, error: Exception
):
    (report,) = outcome_of(command, error, VENUE, NOW)
    assert isinstance(report, OutcomeUnknown)
    assert report.request is request_
    assert type(error).__name__ in report.reason


@pytest.mark.parametrize(
    ("command", "kind"),
    [(SUBMIT, AbsenceProved), (CANCEL, CancelRejected), (MODIFY, ModifyRejected)],
)
def test_no_byte_left_is_certain(command: Command, kind: type):
    (report,) = outcome_of(command, VenueUnavailableError("no route"), VENUE, NOW)
    assert type(report) is kind
    assert "never sent: no route" in str(report)
    assert never_sent(command, "no route", NOW) == (report,)


def test_every_report_names_the_order_the_time_and_the_venues_words():
    for command in (SUBMIT, MODIFY, CANCEL):
        for code in SUBMIT_TABLE:
            reports = of(command, code)
            assert all(each.order_id == "o-1" for each in reports)
            assert all((each.ts, each.ts_local) == (NOW, NOW) for each in reports)
            assert any("words" in str(each) for each in reports)


def test_a_refused_modification_is_the_one_that_was_asked_for():
    assert [each.version for each in of(MODIFY, "slow") if isinstance(each, ModifyRejected)] == [3]

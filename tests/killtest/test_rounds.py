"""A few rounds of the kill loop, and that what it looks for would be found."""

import asyncio
import importlib
import inspect
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from alphaforge.engine.client_ids import client_order_id
from tests.fake_venue.admin import serving
from tests.fake_venue.terms import Books
from tests.killtest.audit import Auditor
from tests.killtest.books import differences
from tests.killtest.points import POINTS, Point, Trap, after
from tests.killtest.report import Tally
from tests.killtest.rounds import KillTest

ROUNDS = 6


class Played(NamedTuple):
    tally: Tally
    store: Path
    books: Books


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """One run, killed six times, at rest."""
    folder = tmp_path_factory.mktemp("kill")
    with serving(folder / "venue.sock", "--seed", "5") as admin:
        tally = KillTest(admin, folder, seed=5).run(ROUNDS, rounds_per_run=ROUNDS)
        books = admin.books("account-1")
    return Played(tally, folder / "account-1" / "copy.db", books)


def test_a_run_that_is_killed_again_and_again_loses_doubles_and_forgets_nothing(
    played: Played,
) -> None:
    assert played.tally.found == []
    assert played.tally.rounds >= ROUNDS
    assert played.tally.compared == played.tally.runs == 1
    assert played.tally.orders >= len(played.books.orders) > 0
    assert played.tally.trades > 0
    assert sum(played.tally.hit.values()) > 0


def test_a_trade_that_was_not_booked_is_found(played: Played) -> None:
    trade = played.books.trades[-1]
    more = replace(trade, trade_id="t-lost")
    found = differences(played.store, replace(played.books, trades=[*played.books.trades, more]))
    assert f"lost: trade t-lost of {trade.client_order_id} is not booked" in found


def test_a_trade_that_was_booked_and_never_happened_is_found(played: Played) -> None:
    (found,) = [
        each
        for each in differences(played.store, replace(played.books, trades=played.books.trades[1:]))
        if "never happened" in each
    ]
    assert found.startswith("doubled: trade ")


def test_a_trade_with_other_numbers_is_found(played: Played) -> None:
    first, *others = played.books.trades
    other = replace(first, price=first.price + 1)
    found = differences(played.store, replace(played.books, trades=[other, *others]))
    assert any(each.startswith(f"lost: trade {first.trade_id} is ") for each in found)


def test_an_order_that_the_store_does_not_know_is_found(played: Played) -> None:
    order = replace(played.books.orders[0], client_order_id="somebody", venue_order_id="v0")
    found = differences(played.store, replace(played.books, orders=[*played.books.orders, order]))
    assert found == ["lost: somebody is at the venue and not in the store"]


def test_an_order_that_the_venue_never_had_is_found(played: Played) -> None:
    filled = max(played.books.orders, key=attrgetter("filled"))
    orders = [each for each in played.books.orders if each is not filled]
    found = differences(played.store, replace(played.books, orders=orders))
    assert any(each.startswith(f"unknown: {filled.client_order_id} is ") for each in found)


def test_money_that_differs_in_the_last_digit_is_found(played: Played) -> None:
    usdt = played.books.balances["USDT"]
    balances = {**played.books.balances, "USDT": usdt.next_plus()}
    assert any(
        each.startswith("lost: ")
        and each.endswith("USDT here, " + f"{usdt.next_plus()} at the venue")
        for each in differences(played.store, replace(played.books, balances=balances))
    )


def test_an_order_without_an_intent_and_one_sent_twice_are_found(
    played: Played, tmp_path: Path
) -> None:
    auditor = Auditor(played.store, tmp_path)
    assert auditor.read_on() == []
    assert auditor.check_intents(played.books) == []
    stranger = replace(
        played.books.orders[0], client_order_id=client_order_id("f" * 14, 1, 1, "o-000001")
    )
    (lost,) = auditor.check_intents(replace(played.books, orders=[stranger]))
    assert lost.startswith(f"lost: the venue has {stranger.client_order_id}")
    sent = played.books.orders[0].client_order_id
    again = f"{sent[:16]}ffffff{sent[22:]}"
    auditor.journal.intents[again] = auditor.journal.intents[sent]
    twice = [played.books.orders[0], replace(played.books.orders[0], client_order_id=again)]
    assert f"doubled: {sent} and {again} are one order" in auditor.check_intents(
        replace(played.books, orders=twice)
    )


def test_a_journal_row_that_was_changed_or_is_gone_is_found(played: Played, tmp_path: Path) -> None:
    auditor = Auditor(played.store, tmp_path)
    assert auditor.read_on() == []
    for head in auditor.journal.heads.values():
        head.rows += 1
    assert all("now " in each for each in auditor.read_on())
    assert len(auditor.journal.found) == len(auditor.journal.heads) > 0


@pytest.mark.parametrize("point", POINTS.values(), ids=attrgetter("name"))
def test_a_point_names_something_that_is_there(point: Point) -> None:
    module, _, path = point.target.partition(":")
    assert callable(attrgetter(path)(importlib.import_module(module)))


def test_points_are_many_and_each_is_named_once() -> None:
    assert len(POINTS) >= 40
    places = {(point.target, point.edge, point.only, point.phase) for point in POINTS.values()}
    assert len(places) == len(POINTS)


def test_after_a_coroutine_means_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> str:
        return "done"

    trap = Trap(POINTS["intent committed, not sent"], at=2)
    passes: list[str] = []
    monkeypatch.setattr(trap, "passes", lambda: passes.append("passed"))
    waiting = after(trap, work)()
    assert passes == []
    assert asyncio.run(waiting) == "done"
    assert passes == ["passed"]


def test_points_after_what_is_waited_for_are_on_coroutines() -> None:
    for point in POINTS.values():
        module, _, path = point.target.partition(":")
        function = attrgetter(path)(importlib.import_module(module))
        returns = str(inspect.signature(function).return_annotation)
        assert point.edge != "after" or "Awaitable" not in returns, point.name

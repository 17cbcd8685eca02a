"""One venue of a session: what it pushes reaches the engine, and its end is no silence."""

from pathlib import Path
from typing import Any

import pytest

from alphaforge.errors import InternalError
from alphaforge.model.market import Trade
from alphaforge.services.venue_link import VenueLink
from alphaforge.venues.base import Watch
from tests.engine.driving import SYMBOL
from tests.services.wire_rig import RUN, WireRig, played


def linked(rig: WireRig) -> VenueLink:
    return VenueLink(rig.venue, rig.engine, rig.door, rig.run_journal, RUN)


def pushes(rig: WireRig, *messages: Any) -> None:
    """Have the venue stream these, and then end."""

    async def stream() -> Any:
        for each in messages:
            yield each

    rig.venue.stream = stream  # type: ignore[method-assign]  # as a venue would


def trade(rig: WireRig, price: float) -> Trade:
    return Trade(SYMBOL, rig.clock.wall_ns(), price, 1.0)


def last(rig: WireRig) -> float:
    return rig.engine.markets.states[SYMBOL].last


def test_a_stream_that_ends_while_the_run_goes_on_ends_the_run(tmp_path: Path) -> None:
    async def scenario(rig: WireRig) -> None:
        pushes(rig, trade(rig, 60_001.0))
        with pytest.raises(InternalError, match="stream of fake ended"):
            await linked(rig).run_stream(lambda: None)
        assert last(rig) == 60_001.0

    played(tmp_path, scenario)


def test_the_market_waits_while_bars_from_before_are_asked_for_and_keeps_its_order(
    tmp_path: Path,
) -> None:
    async def scenario(rig: WireRig) -> None:
        link, seen = linked(rig), []
        link.hold_market()
        pushes(rig, trade(rig, 60_001.0), trade(rig, 60_002.0))
        with pytest.raises(InternalError):
            await link.run_stream(lambda: seen.append(last(rig)))
        assert seen == [0.0, 0.0]
        link.release_market()
        assert last(rig) == 60_002.0
        link.release_market()
        assert last(rig) == 60_002.0

    played(tmp_path, scenario)


def test_only_books_that_a_strategy_listens_to_are_had_and_each_once(tmp_path: Path) -> None:
    async def scenario(rig: WireRig) -> None:
        link, asked = linked(rig), []
        rig.venue.watch = lambda symbol, what: asked.append((symbol, what))  # type: ignore[method-assign]
        link.watch_books()
        assert asked == []
        state = rig.engine.markets.states[SYMBOL]
        state.book_listeners = state.trade_listeners
        link.watch_books()
        link.watch_books()
        assert asked == [(SYMBOL, Watch.BOOK)]

    played(tmp_path, scenario)

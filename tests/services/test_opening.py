"""How long a start asks: what will not go away is said at once, what may pass is waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from alphaforge.errors import (
    CredentialsError,
    NotFoundError,
    OutcomeUnknownError,
    VenueError,
    VenueUnavailableError,
)
from alphaforge.services.engine_time import EngineTime
from alphaforge.services.opening import PATIENCE_SECONDS, connect, connect_beside, patiently
from alphaforge.venues.base import ReplyError
from tests.services.wire_rig import SECOND, ScriptedVenue
from tests.simulation.clock import START_NS, SimulatedClock
from tests.simulation.loop import VirtualLoop

REFUSED = ReplyError("-2015", "Invalid API-key")


def asked(*answers: Any, refusals: tuple[str, ...] = ("-2015",)) -> tuple[Any, int, float]:
    """What comes of asking, how often it was asked, and after how many virtual seconds.

    The last answer is given for ever; exceptions are raised.
    """
    loop, left, count = VirtualLoop(1), list(answers), 0

    async def ask() -> Any:
        nonlocal count
        count += 1
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def main() -> Any:
        try:
            return await patiently(ask, frozenset(refusals), "mine")
        except Exception as error:  # noqa: BLE001 - what was raised is what is looked at
            return error

    try:
        return loop.run_until_complete(main()), count, loop.time()
    finally:
        loop.close()


@pytest.mark.parametrize(
    "error",
    [
        NotFoundError("no market X", remedy="did you mean Y?"),
        CredentialsError("no key"),
        VenueError("it has halted X"),
    ],
)
def test_what_will_not_go_away_is_raised_at_once_and_as_it_is(error: Exception) -> None:
    assert asked(error) == (error, 1, 0.0)


def test_a_refused_key_is_asked_with_three_times_within_a_second() -> None:
    answer, count, seconds = asked(REFUSED)
    assert answer is REFUSED
    assert count == 3
    assert seconds < 1


@pytest.mark.parametrize(
    "error",
    [
        VenueUnavailableError("not reached"),
        OutcomeUnknownError("no answer"),
        ReplyError("HTTP-429", "too fast"),
        TimeoutError(),
        ValueError("an answer nobody can read"),
    ],
)
def test_what_may_pass_is_waited_for(error: Exception) -> None:
    answer, count, seconds = asked(error, error, error, error, "there")
    assert (answer, count) == ("there", 5)
    assert seconds < 10


def test_silence_for_long_is_raised_in_the_end_with_the_venues_name() -> None:
    answer, count, seconds = asked(TimeoutError())
    assert isinstance(answer, VenueUnavailableError)
    assert "mine" in answer.message
    assert count > 10
    assert PATIENCE_SECONDS - 10 < seconds <= PATIENCE_SECONDS


def test_a_broken_way_keeps_its_own_words() -> None:
    error = VenueUnavailableError("not reached: no such host")
    assert asked(error)[0] is error


def in_virtual_time(scenario: Callable[[ScriptedVenue, EngineTime], Awaitable[None]]) -> None:
    loop = VirtualLoop(1)

    async def main() -> None:
        clock = SimulatedClock(loop)
        await scenario(ScriptedVenue(loop, clock), EngineTime(clock))

    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def test_a_venue_that_is_connected_is_not_connected_again_for_its_clock() -> None:
    connects = 0

    async def scenario(venue: ScriptedVenue, time: EngineTime) -> None:
        real = venue.connect

        async def counted() -> None:
            nonlocal connects
            connects += 1
            await real()

        venue.connect = counted  # type: ignore[method-assign]  # as the venue's own
        venue.then("time", VenueUnavailableError("not reached"), OutcomeUnknownError("lost"))
        assert await connect(venue, time) == 0
        assert len(venue.called("time")) == 3

    in_virtual_time(scenario)
    assert connects == 1


def test_a_clock_that_is_off_follows_the_venues() -> None:
    async def scenario(venue: ScriptedVenue, time: EngineTime) -> None:
        async def later(do: Callable[[], Awaitable[int]]) -> int:
            return await do() + 10 * SECOND

        venue.always("time", later)
        assert await connect(venue, time) == -10 * SECOND
        assert time.now() == START_NS + 10 * SECOND
        await asyncio.sleep(0)

    in_virtual_time(scenario)


def test_a_second_venue_with_another_clock_is_refused_and_moves_no_time() -> None:
    async def scenario(venue: ScriptedVenue, time: EngineTime) -> None:
        await connect_beside(venue, time)

        async def later(do: Callable[[], Awaitable[int]]) -> int:
            return await do() + 10 * SECOND

        venue.always("time", later)
        before = time.now()
        with pytest.raises(VenueError, match=r"\+10\.0 s from that of the first venue"):
            await connect_beside(venue, time)
        assert time.now() == before

    in_virtual_time(scenario)

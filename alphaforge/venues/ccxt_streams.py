"""Keeps a venue's streams up: one task for each, which subscribes again whenever it is lost.

A stream is up when its socket is, it waits for data, and the venue has said something since it was
asked for. When one that was lost is up again, a gap is told: what it would have brought meanwhile
is gone. Must never be silent about a loss, nor put a time-out around a `watch_*` call (cancelling
one waiter cancels all).
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from alphaforge.venues.base import VenueHealth
from alphaforge.venues.ccxt_client import KEEP_ALIVE_MS, CcxtClient
from alphaforge.venues.ccxt_tap import STREAM, Kind, Raw, Stream, Tap

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 10.0

LASTING_SECONDS = 5.0
"""A stream that was up for so long is begun again without delay."""

SILENCE_SECONDS = 1.9 * KEEP_ALIVE_MS / 1000
"""A socket that brings nothing for so long, not even the answer to a heartbeat, is dead: that is
found out before the second heartbeat after its end. A mistake costs a new connection and a look
at the account."""

UNANSWERED_SECONDS = 5.0
"""A subscription that the venue does not acknowledge counts as made if the socket lives."""

PATIENCE_SECONDS = 20.0
"""A stream that is not up after so long is begun again on a new socket."""

EXPECTED_SECONDS = 5.0
"""When we know that something happened to our orders, the private stream must tell by then."""

_TICK_SECONDS = 0.5
_GOLDEN = 0.6180339887


class StreamKeeper:
    """The streams of one client of ccxt's."""

    def __init__(
        self,
        client: CcxtClient,
        take: Callable[[Kind, Raw], None],
        gap: Callable[[str], None],
        health: VenueHealth,
    ) -> None:
        """`take` gets every message as it comes, `gap` why something may be missing."""
        self.streams: list[Stream] = []
        self._client = client
        self._take = take
        self._gap = gap
        self._health = health
        self._loop = asyncio.get_running_loop()
        self._tasks: list[asyncio.Task[None]] = []
        self._tap = Tap(client, self._taken, self._lose, self._settle, self._unreadable)
        self._expected_by = 0.0
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None

    def open(self, stream: Stream) -> None:
        """Subscribe, and stay subscribed until `close`."""
        if not self._tasks:
            self._start(self._watch_over())
        self.streams.append(stream)
        self._health.streams_wanted += 1
        stream.since = self._loop.time()
        self._start(self._own(stream))

    async def until_up(self, streams: Iterable[Stream] = ()) -> None:
        """Wait until these are up, or all; whoever waits sets a time-out."""
        wanted = tuple(streams) or tuple(self.streams)
        while not all(each.is_up for each in wanted):
            self._changed.clear()
            await self._changed.wait()

    @property
    def is_up(self) -> bool:
        """Whether all are."""
        return all(each.is_up for each in self.streams)

    @property
    def is_whole(self) -> bool:
        """Whether none that was up once is down."""
        return not any(each.why for each in self.streams)

    def expect(self) -> None:
        """Something happened at the venue that a private stream must tell soon."""
        if not self._expected_by:
            self._expected_by = self._loop.time() + EXPECTED_SECONDS

    async def close(self) -> None:
        """End every stream; raises what a task of ours died of, if one did."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks.clear()
        self._health.streams -= sum(each.is_up for each in self.streams)
        self._health.streams_wanted -= len(self.streams)
        self.streams.clear()
        if self._failure is not None:
            raise self._failure

    # Tasks --------------------------------------------------------------------------------------

    def _start(self, work: Any) -> None:
        task = self._loop.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._gap(f"a stream's task ended: {self._failure}")

    async def _own(self, stream: Stream) -> None:
        STREAM.set(stream)
        pause, count = FIRST_PAUSE_SECONDS, 0
        while True:
            stream.lost.clear()
            begun = self._loop.time()
            await self._attend(stream)
            if self._loop.time() - begun > LASTING_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            count += 1
            # Spread, so that streams lost together do not come back together.
            await asyncio.sleep(pause * (0.5 + (count * _GOLDEN + hash(stream.name) % 97 / 97) % 1))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _attend(self, stream: Stream) -> None:
        """Subscribe, and return when that is lost."""
        watch = getattr(self._client.raw, stream.method)
        try:
            while not stream.lost.is_set():
                await watch(*stream.args)
                self._up(stream)
                if not stream.is_private:
                    # The tap takes everything: there is nothing to be woken for but a loss.
                    await stream.lost.wait()
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            self._lose("the connection was closed", lambda each: each is stream)
        except Exception as error:  # noqa: BLE001 - told as a gap, and begun again
            stream.trouble = _text(error)
            self._lose(_text(error), lambda each: each is stream)

    async def _watch_over(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = self._loop.time()
            for socket in list(self._tap.sockets.values()):
                silent = now - socket.heard_at
                if socket.is_open and silent > SILENCE_SECONDS:
                    self._tap.drop(socket, f"nothing came for {silent:.0f} s, no heartbeat either")
            for stream in self.streams:
                self._begin_again(stream, now)
            if self._expected_by and now > self._expected_by:
                self._expected_by = 0.0
                self._drop_private("our orders changed and the private stream did not tell")
            self._settle()

    def _begin_again(self, stream: Stream, now: float) -> None:
        socket = stream.socket
        if stream.is_up or now - stream.since < PATIENCE_SECONDS:
            return
        stream.since = now
        if socket is not None and not socket.is_dead:
            self._tap.drop(socket, f"{stream.name}: no answer in {PATIENCE_SECONDS:.0f} s")

    def _drop_private(self, reason: str) -> None:
        sockets = [each.socket for each in self.streams if each.is_private and each.is_up]
        for socket in dict.fromkeys(each for each in sockets if each is not None):
            if not socket.is_dead:
                self._tap.drop(socket, reason)

    # What the tap tells ---------------------------------------------------------------------------

    def _taken(self, kind: Kind, raw: Raw) -> None:
        self._expected_by = 0.0
        self._take(kind, raw)

    def _unreadable(self, reason: str) -> None:
        self._gap(f"the venue sent what can not be read: {reason}")

    def _lose(self, reason: str, is_lost: Callable[[Stream], bool]) -> None:
        was_up = False
        for stream in self.streams:
            if not is_lost(stream):
                continue
            stream.lost.set()
            waiting, stream.future = stream.future, None
            if waiting is not None and not waiting.done():
                self._free(stream, reason)
            if stream.is_up:
                was_up = True
                stream.is_up = False
                stream.why = reason or "the connection was lost"
                stream.since = self._loop.time()
                self._health.streams -= 1
        if was_up:
            self._health.reconnects += 1
            self._changed.set()

    def _free(self, stream: Stream, reason: str) -> None:
        """End the wait for what ccxt has given up and told nobody: it would be for ever."""
        socket = stream.socket
        if socket is None or socket.is_dead:
            return
        if stream.is_private:
            # What ccxt still believes of its log-in can not be put right: a new socket can.
            self._loop.call_soon(self._tap.drop, socket, reason)
        else:
            socket.fail(stream.hashes, reason)

    def _settle(self) -> None:
        """See which streams are subscribed by now, and tell of those that had been lost."""
        if all(each.is_up for each in self.streams):
            return
        back = [each for each in self.streams if not each.is_up and self._is_subscribed(each)]
        self._mark(back)

    def _up(self, stream: Stream) -> None:
        """Data came: there is no better sign."""
        socket = stream.socket
        if not stream.is_up and socket is not None and not socket.is_dead:
            self._mark([stream])

    def _mark(self, back: list[Stream]) -> None:
        reasons = dict.fromkeys(each.why for each in back if each.why)
        for stream in back:
            stream.is_up, stream.why = True, ""
            self._health.streams += 1
        if back:
            self._changed.set()
        if reasons:
            self._gap("; ".join(reasons))

    def _is_subscribed(self, stream: Stream) -> bool:
        socket, future = stream.socket, stream.future
        if socket is None or future is None or future.done() or not socket.is_open:
            return False
        if not (socket.unsent or socket.unanswered):
            return True
        asked = socket.asked_at
        return socket.heard_at > asked and self._loop.time() > asked + UNANSWERED_SECONDS


def _is_cancelled() -> bool:
    """Whether we are to end; ccxt cancels a waiter's future, too, when a socket closes."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _text(error: BaseException) -> str:
    found = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return found[:300]

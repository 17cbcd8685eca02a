"""One client's view of the hub: what waits for it, and what happens when it does not keep up.

A queue of messages shared with every other client; a client that leaves too much of it gets none
of that, but a fresh snapshot of each channel once it reads again. Must never make anybody wait.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from alphaforge.client.messages import Watch
from alphaforge.errors import NotFoundError

MOST_WAITING: Final = 256
"""Messages that wait for a client: some two seconds of a lively market."""

MOST_BYTES: Final = 4_000_000


WATCHED: Final = "watched"
"""In place of a channel: book, tape and candles."""


class Source(Protocol):
    """What a subscription needs of the hub."""

    @property
    def is_warm(self) -> bool:
        """Whether the tables show the engine as it is."""
        ...

    def snapshot(self, channel: str) -> bytes:
        """The encoded snapshot of a channel."""
        ...

    def check_watch(self, watch: Watch) -> None:
        """Raise for a symbol or kind that is not here; have its data come."""
        ...


class Watching:
    """What a client watches, and whether it must be told all of it anew.

    Attributes:
        watch: As asked.
        is_fresh: Book and candles must be sent whole.
        has_tape: It was told the newest of the tape, and gets what follows.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.is_fresh = True
        self.has_tape = False


class Subscription:
    """Payloads for one client, in order: `async for payload in subscription`.

    Attributes:
        channels: Those it asked for.
        resyncs: How often it did not keep up.
        last_sent: Steady time (ns) at which something was last put into its queue.
        watching: None where it watches nothing.
    """

    def __init__(
        self, source: Source, channels: tuple[str, ...], leave: Callable[["Subscription"], None]
    ) -> None:
        self.channels = channels
        self.resyncs = 0
        self.last_sent = 0
        self.watching: Watching | None = None
        self._source = source
        self._leave = leave
        self._stale = dict.fromkeys(channels)
        self._queue: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._event = asyncio.Event()
        self._is_closed = False

    # What a client asks -----------------------------------------------------------------------

    def watch(self, watch: Watch) -> None:
        """From now on also a symbol's book, tape and candles; an empty symbol ends it.

        Raises `NotFoundError` for a symbol that is not here, `UsageError` for a kind of candle
        that does not exist or a number out of range.
        """
        if not watch.symbol:
            self.watching = None
            return
        self._source.check_watch(watch)
        self.watching = Watching(watch)

    def resend(self, channel: str) -> None:
        """Send a channel's snapshot again; raises `NotFoundError` for one it did not ask for."""
        if channel not in self.channels:
            raise NotFoundError(
                f"this stream does not carry {channel[:40]!r}",
                remedy=f"it carries: {', '.join(self.channels)}",
            )
        kept = [each for each in self._queue if each[0] != channel]
        self._queue = deque(kept)
        self._bytes = sum(len(payload) for _, payload in kept)
        self._stale[channel] = None
        self._event.set()

    def close(self) -> None:
        """End it: whoever reads it comes to its end."""
        self._is_closed = True
        self._queue.clear()
        self._event.set()
        self._leave(self)

    # What the hub gives -----------------------------------------------------------------------

    def wants(self, channel: str) -> bool:
        """Whether it takes differences of a channel: not while it waits for its snapshot."""
        return channel in self.channels and channel not in self._stale

    def offer(self, channel: str, payload: bytes, now: int) -> bool:
        """Put a message into the queue; a channel that waits for its snapshot needs none.

        What is watched waits until no snapshot does; False if it was not taken.
        """
        if channel in self._stale or (channel == WATCHED and self._stale):
            return False
        self._queue.append((channel, payload))
        self._bytes += len(payload)
        self.last_sent = now
        if len(self._queue) > MOST_WAITING or self._bytes > MOST_BYTES:
            self._resync()
        self._event.set()
        return True

    def beat(self, payload: bytes, now: int, silence: int) -> None:
        """Say that the engine lives, if nothing was said for so long and nothing waits."""
        if now - self.last_sent >= silence and not self._queue and not self._stale:
            self.offer("", payload, now)

    def wake(self) -> None:
        """Look again: the hub may have become warm."""
        self._event.set()

    def _resync(self) -> None:
        """It does not keep up: forget what waits, begin anew when it reads again."""
        self.resyncs += 1
        self._queue.clear()
        self._bytes = 0
        self._stale = dict.fromkeys(self.channels)
        if self.watching is not None:
            self.watching.is_fresh = True

    @property
    def has_waiting(self) -> bool:
        """Whether the next message is there already."""
        return bool(self._stale and self._source.is_warm) or bool(self._queue and not self._stale)

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> bytes:
        """The next message; snapshots go first."""
        while not self._is_closed:
            if self._stale and self._source.is_warm:
                channel = next(iter(self._stale))
                del self._stale[channel]
                return self._source.snapshot(channel)
            if self._queue and not self._stale:
                payload = self._queue.popleft()[1]
                self._bytes -= len(payload)
                return payload
            self._event.clear()
            await self._event.wait()
        raise StopAsyncIteration

"""The way to the engine: one task that keeps a mirror fed, and comes back by itself.

A socket that closes is told at once, one that falls silent within a second; rows stay as they
were and are shown as old. Must never send a request twice, and must never ask for anything a
person did not do.
"""

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec

from alphaforge.client import engines
from alphaforge.client.connection import Connection, Parameter, Stream
from alphaforge.client.errors import ControlError, EngineLostError
from alphaforge.client.messages import ServerMessage, Watch
from alphaforge.client.mirror import Mirror
from alphaforge.client.records import EngineRecord
from alphaforge.errors import AlphaForgeError

SILENT_AFTER: Final = 0.9
"""Seconds without a word after which the engine counts as lost; it beats twice a second."""

_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 5.0
_NS: Final = 1_000_000_000

Answer = TypeVar("Answer")


class LinkState(StrEnum):
    """How the app stands to its engine."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"


class LinkStatus(NamedTuple):
    """The same with its figures.

    Attributes:
        attempt: To come back, counted from 1; 0 while there is no need.
        retry_in: Seconds until the next attempt.
        silent_for: Seconds since the last word.
        reason: Why it was lost, in one line.
    """

    state: LinkState
    attempt: int = 0
    retry_in: float = 0.0
    silent_for: float = 0.0
    reason: str = ""

    @property
    def is_live(self) -> bool:
        """Whether what is shown is what is."""
        return self.state is LinkState.LIVE


class Asker(Protocol):
    """A way to ask an engine."""

    async def get_as(self, path: str, kind: type[Answer], **params: Parameter) -> Answer:
        """Ask; raises `AlphaForgeError`."""
        ...

    async def post(
        self, path: str, body: msgspec.Struct | None, kind: type[Answer], **params: Parameter
    ) -> Answer:
        """Have something done; raises `AlphaForgeError`."""
        ...

    async def patch(self, path: str, body: msgspec.Struct, kind: type[Answer]) -> Answer:
        """Change something; raises `AlphaForgeError`."""
        ...


class Feed(Asker, Protocol):
    """What the app stands on: an engine's mirror, and a way to ask.

    Attributes:
        mirror: Replaced by a new one when another run is followed.
        record: The engine that is followed.
        bytes_read: Of its stream so far.
        gaps: Snapshots that had to be asked for.
    """

    mirror: Mirror
    record: EngineRecord
    bytes_read: int
    gaps: int

    def status(self) -> LinkStatus:
        """As of now."""
        ...

    async def run(self) -> None:
        """Keep the mirror fed until canceled."""
        ...

    async def watch(self, watch: Watch) -> None:
        """Also this symbol's book, tape and candles."""
        ...


class OneRun:
    """An `Asker` of the run that a person looked at when they chose: never of the one after it.

    Order numbers begin anew with every run: `o-000001` of one is another's, too.
    """

    def __init__(self, feed: Feed, run_id: str) -> None:
        self._feed = feed
        self._run_id = run_id

    async def get_as(self, path: str, kind: type[Answer], **params: Parameter) -> Answer:
        """See `Asker`; raises `EngineLostError` once another run is followed."""
        self._check()
        return await self._feed.get_as(path, kind, **params)

    async def post(
        self, path: str, body: msgspec.Struct | None, kind: type[Answer], **params: Parameter
    ) -> Answer:
        """See `get_as`."""
        self._check()
        return await self._feed.post(path, body, kind, **params)

    async def patch(self, path: str, body: msgspec.Struct, kind: type[Answer]) -> Answer:
        """See `get_as`."""
        self._check()
        return await self._feed.patch(path, body, kind)

    def _check(self) -> None:
        now = self._feed.record.run_id
        if now != self._run_id:
            raise EngineLostError(
                f"this was chosen in run {self._run_id}, which is gone; shown now is run {now}: "
                "nothing was sent",
                remedy="close this, look at the new run, and choose there",
            )


class Link:
    """A `Feed` over the engine's socket; the app runs `run` as its one task."""

    def __init__(self, record: EngineRecord, environ: Mapping[str, str] | None = None) -> None:
        """`environ` says where engines leave their records; None = this process's."""
        self.record = record
        self.mirror = Mirror()
        self.bytes_read = 0
        self.gaps = 0
        self._environ = environ
        self._watch: Watch | None = None
        self._connection: Connection | None = None
        self._stream: Stream | None = None
        self._state = LinkState.CONNECTING
        self._reason = ""
        self._attempt = 0
        self._retry_at = 0.0
        self._heard = 0.0
        self._others: frozenset[str] = frozenset()

    def status(self) -> LinkStatus:
        """As of now; silence counts before the socket closes."""
        now = asyncio.get_running_loop().time()
        silent = now - self._heard if self._heard else 0.0
        if self._state is LinkState.LIVE and silent > SILENT_AFTER:
            reason = f"no word for {silent:.1f} s"
            return LinkStatus(LinkState.LOST, 1, 0.0, silent, reason)
        wait = max(0.0, self._retry_at - now) if self._state is LinkState.LOST else 0.0
        return LinkStatus(self._state, self._attempt, wait, silent, self._reason)

    async def run(self) -> None:
        """Follow the engine, and the next run of its project after its end, until canceled."""
        while True:
            try:
                await self._follow()
            except AlphaForgeError as error:
                self._lose(error.message)
            except ValueError as error:
                self._lose(f"it says what this version cannot read: {error}")
            await asyncio.sleep(self._wait())
            self._look_again()

    async def watch(self, watch: Watch) -> None:
        """Also this symbol's book, tape and candles; remembered over a loss."""
        self._watch = watch
        self.mirror.watching(watch)
        if self._stream is not None:
            try:
                await self._stream.watch(watch)
            except EngineLostError as error:
                self._lose(error.message)

    async def get_as(self, path: str, kind: type[Answer], **params: Parameter) -> Answer:
        """Ask; raises `AlphaForgeError`."""
        return await self._open().get_as(path, kind, **params)

    async def post(
        self, path: str, body: msgspec.Struct | None, kind: type[Answer], **params: Parameter
    ) -> Answer:
        """Have something done; raises `AlphaForgeError`."""
        return await self._open().post(path, body, kind, **params)

    async def patch(self, path: str, body: msgspec.Struct, kind: type[Answer]) -> Answer:
        """Change something; raises `AlphaForgeError`."""
        return await self._open().patch(path, body, kind)

    def _open(self) -> Connection:
        if self._connection is None or not self.status().is_live:
            raise EngineLostError(
                "the engine is lost: nothing was sent", remedy="wait until the header says live"
            )
        return self._connection

    async def _follow(self) -> None:
        """One connection, from its first word to its end."""
        loop = asyncio.get_running_loop()
        async with Connection(self.record) as connection:
            stream = connection.stream("all", self._watch)
            read_before = self.bytes_read
            try:
                async for message in stream:
                    self._heard = loop.time()
                    self.mirror.last_heard = int(self._heard * _NS)
                    self.bytes_read = read_before + stream.bytes_read
                    self._arrive(connection, stream)
                    await self._take(message, stream)
            finally:
                self._connection = self._stream = None
                await stream.close()

    async def _take(self, message: ServerMessage, stream: Stream) -> None:
        missing = self.mirror.apply(message)
        if missing is not None:
            self.gaps += 1
            await stream.resend(missing)

    def _arrive(self, connection: Connection, stream: Stream) -> None:
        if self._stream is stream:
            return
        self._connection, self._stream = connection, stream
        self._state, self._reason, self._attempt = LinkState.LIVE, "", 0

    def _lose(self, reason: str) -> None:
        if self._state is LinkState.LIVE:
            self._others = self._beside()
        self._connection = self._stream = None
        self._state, self._reason = LinkState.LOST, reason
        self.mirror.lost()

    def _beside(self) -> frozenset[str]:
        """Runs that went on beside the lost one: none of them is what comes after it."""
        try:
            running = engines.running(self._environ)
        except AlphaForgeError:  # the folder cannot be read: `_look_again` tells of it
            return frozenset()
        return frozenset(each.run_id for each in running) - {self.record.run_id}

    def _wait(self) -> float:
        """Seconds until the next attempt: twice the last wait, at most five."""
        self._attempt += 1
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self._attempt - 1, 8))
        self._retry_at = asyncio.get_running_loop().time() + wait
        return wait

    def _look_again(self) -> None:
        """The same run under a new process, else a new one of the same project and account."""
        try:
            records = engines.running(self._environ)
        except AlphaForgeError as error:
            self._reason = error.message
            return
        same = [each for each in records if each.run_id == self.record.run_id]
        project = [
            each
            for each in records
            if _place_of(each) == _place_of(self.record) and each.run_id not in self._others
        ]
        for found in (*same, *project):
            self.take(found)
            return

    def take(self, record: EngineRecord) -> None:
        """Follow this engine from the next attempt on; another run begins with an empty mirror."""
        if record.run_id != self.record.run_id:
            self.mirror = Mirror()
            if self._watch is not None:
                self.mirror.watching(self._watch)
        self.record = record


def _place_of(record: EngineRecord) -> tuple[str, str, str, str]:
    """What must be the same of a run that is followed after another: whose money, and where."""
    return record.project, record.mode, record.venue, record.account


def problem_of(error: AlphaForgeError) -> str:
    """What is told of a request that failed: whether anything happened, and what to do."""
    words = f"{error.message}. {error.remedy}" if error.remedy else error.message
    if isinstance(error, EngineLostError) and error.may_have_happened:
        return f"NOT KNOWN whether it happened: {words}"
    return words if isinstance(error, ControlError) else f"not done: {words}"

"""A `Venue` over the fake venue's socket: what a real adapter must do, on the smallest wire.

It connects again by itself, tells every gap, and never concludes: an answer that is missing or can
not be read is an unknown outcome. A value that no exchange can mean never gets through.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from alphaforge.errors import OutcomeUnknownError, VenueUnavailableError
from alphaforge.model.claims import BalanceReport, FillReport, OrderStatusReport, PositionReport
from alphaforge.model.commands import Approved
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar
from alphaforge.venues.base import (
    Capabilities,
    ReplyError,
    StreamGap,
    VenueHealth,
    VenueMessage,
    Watch,
)
from tests.fake_venue.terms import CAPABILITIES
from tests.fake_venue.wire import FRAME_LIMIT, Frame, Push, Reply, Request, Told, line, sane

T = TypeVar("T")

FIRST_BACKOFF_S = 0.02
LAST_BACKOFF_S = 1.0

_frames: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError)


class SocketVenue:
    """One account of the exchange that listens at `path`.

    An answer is waited for `timeout_s`; a connection silent for `silence_s` is given up.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        account: str = "main",
        *,
        name: str = "fake",
        timeout_s: float = 2.0,
        silence_s: float = 5.0,
        capabilities: Capabilities = CAPABILITIES,
    ) -> None:
        self.name = name
        self.account = account
        self.capabilities = capabilities
        self.health = VenueHealth()
        self._path = os.fspath(path)
        self._timeout_s = timeout_s
        self._silence_s = silence_s
        self._writer: asyncio.StreamWriter | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[Reply]] = {}
        self._arrived: asyncio.Queue[VenueMessage | None] = asyncio.Queue()
        self._numbered = 0
        self._sequence = self._subscription = 0
        self._up = asyncio.Event()
        self._taken = False
        self._lost = ""
        self._backoff_s = FIRST_BACKOFF_S

    async def connect(self) -> None:
        """See `Venue`; from here on the connection is kept up."""
        reader = await self._dial()
        self._up.clear()
        self._taken = False
        self._keeper = asyncio.create_task(self._keep_up(reader))
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._up.wait()
        except TimeoutError:
            await self._stop("it does not answer")
        if not self._taken:
            await self._stop("it hung up")
            raise VenueUnavailableError(f"{self._path} took the connection and nothing more")

    async def stream(self) -> AsyncIterator[VenueMessage]:
        """See `Venue`."""
        while (message := await self._arrived.get()) is not None:
            yield message

    def watch(self, symbol: str, what: Watch) -> None:
        """See `Venue`: everything is streamed unasked."""

    async def bars(self, symbol: str, kind: str, count: int) -> Sequence[Bar]:
        """See `Venue`: it keeps none."""
        return []

    async def time(self) -> int:
        """See `Venue`."""
        return self._read(await self._ask(self._request("time")), int)

    async def instruments(self) -> Sequence[Instrument]:
        """See `Venue`."""
        return self._read(await self._ask(self._request("instruments")), list[Instrument])

    async def submit(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        return await self._trade("submit", approved, expires_at)

    async def modify(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        return await self._trade("modify", approved, expires_at)

    async def cancel(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        return await self._trade("cancel", approved, expires_at)

    async def order(
        self, symbol: str, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport:
        """See `Venue`."""
        request = self._request(
            "order", symbol=symbol, client_order_id=client_order_id, venue_order_id=venue_order_id
        )
        report = self._owned(self._read(await self._ask(request), OrderStatusReport))
        return self._about(report, symbol, client_order_id, venue_order_id)

    async def open_orders(self) -> Sequence[OrderStatusReport]:
        """See `Venue`."""
        answer = await self._ask(self._request("open_orders"))
        return [self._owned(one) for one in self._read(answer, list[OrderStatusReport])]

    async def trades(self, since: int) -> Sequence[FillReport]:
        """See `Venue`."""
        answer = await self._ask(self._request("trades", since=since))
        return [self._owned(one) for one in self._read(answer, list[FillReport])]

    async def balances(self) -> Sequence[BalanceReport]:
        """See `Venue`."""
        return self._read(await self._ask(self._request("balances")), list[BalanceReport])

    async def positions(self) -> Sequence[PositionReport]:
        """See `Venue`."""
        return self._read(await self._ask(self._request("positions")), list[PositionReport])

    async def close(self) -> None:
        """See `Venue`."""
        await self._stop("closed")
        self._arrived.put_nowait(None)

    async def _stop(self, reason: str) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None
        self._hang_up(reason)

    async def _dial(self) -> asyncio.StreamReader:
        try:
            opening = asyncio.open_unix_connection(self._path, limit=FRAME_LIMIT)
            reader, self._writer = await opening
        except OSError as error:
            raise VenueUnavailableError(f"can not connect to {self._path}: {error}") from error
        return reader

    async def _keep_up(self, reader: asyncio.StreamReader | None) -> None:
        """Read, and after each loss connect and subscribe again, until cancelled."""
        self._backoff_s = FIRST_BACKOFF_S
        while True:
            if reader is not None:
                self._lost = await self._attend(reader)
                self._hang_up(self._lost)
                self._up.set()
            await asyncio.sleep(self._backoff_s)
            self._backoff_s = min(2 * self._backoff_s, LAST_BACKOFF_S)
            try:
                reader = await self._dial()
            except VenueUnavailableError:
                reader = None

    async def _attend(self, reader: asyncio.StreamReader) -> str:
        """Subscribe and take in frames until the connection is no good; says why."""
        request = self._request("subscribe")
        self._subscription, self._sequence = request.id, 0
        try:
            self._write(request)
            while True:
                async with asyncio.timeout(self._silence_s):
                    text = await reader.readline()
                if not text.endswith(b"\n"):
                    return "the venue closed the connection"
                if unfit := self._take(_frames.decode(text)):
                    return unfit
        except TimeoutError:
            return f"nothing came for {self._silence_s} s"
        except (OSError, VenueUnavailableError) as error:
            return f"connection lost: {error}"
        except _UNREADABLE as error:
            return f"the venue sent what can not be read: {error}"

    def _take(self, frame: Frame) -> str:
        """Take one frame in; says what is wrong with it."""
        if isinstance(frame, Push):
            return self._unfit(frame.message) or self._take_push(frame)
        if frame.id == self._subscription:
            return self._subscribed(frame)
        future = self._answers.pop(frame.id, None)
        if future is not None and not future.done():
            future.set_result(frame)
        return ""

    def _subscribed(self, answer: Reply) -> str:
        if answer.refusal is not None:
            return f"no subscription: {answer.refusal.message}"
        self._backoff_s = FIRST_BACKOFF_S
        if self._lost:
            self._arrived.put_nowait(StreamGap(self._lost))
        self._taken = True
        self._up.set()
        return ""

    def _unfit(self, message: Told) -> str:
        if not sane(message):
            return f"the venue sent numbers that can not be: {message}"
        if getattr(message, "account", "") not in {"", self.account}:
            return "the venue sent what belongs to another account"
        return ""

    def _take_push(self, push: Push) -> str:
        if push.sequence > self._sequence + 1:
            missing = push.sequence - self._sequence - 1
            self._arrived.put_nowait(StreamGap(f"{missing} messages are missing"))
        self._sequence = max(self._sequence, push.sequence)
        self._arrived.put_nowait(push.message)
        return ""

    def _hang_up(self, reason: str) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        waiting, self._answers = self._answers, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(OutcomeUnknownError(f"no answer from {self.name}: {reason}"))
                future.exception()

    def _request(self, method: str, **terms: object) -> Request:
        self._numbered += 1
        return replace(Request(id=self._numbered, method=method, account=self.account), **terms)

    def _awaited(self, request: Request) -> asyncio.Future[Reply]:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._answers[request.id] = future
        return future

    def _write(self, request: Request) -> None:
        if self._writer is None or self._writer.is_closing():
            raise VenueUnavailableError(f"{self.name} is not connected, so nothing was sent")
        self._writer.write(line(request))

    async def _trade(
        self, method: str, approved: Approved, expires_at: int
    ) -> OrderStatusReport | None:
        request = self._request(method, approved=approved, expires_at=expires_at)
        report = self._read(await self._ask(request), OrderStatusReport)
        command = approved.command
        ids = (command.client_order_id, getattr(command, "venue_order_id", ""))
        return self._owned(self._about(report, command.symbol, *ids))

    def _about(
        self, report: OrderStatusReport, symbol: str, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport:
        ours = client_order_id in {"", report.client_order_id}
        theirs = venue_order_id in {"", report.venue_order_id}
        if report.symbol != symbol or not (ours and theirs):
            raise OutcomeUnknownError(f"{self.name} answered about another order")
        return report

    async def _ask(self, request: Request) -> Reply:
        self._write(request)
        future = self._awaited(request)
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await future
        except TimeoutError as error:
            message = f"{self.name} did not answer {request.method} in {self._timeout_s} s"
            raise OutcomeUnknownError(message) from error
        finally:
            self._answers.pop(request.id, None)
        if reply.refusal is not None:
            no = reply.refusal
            if not sane(no):
                raise OutcomeUnknownError(f"{self.name} sent numbers that can not be: {no}")
            raise ReplyError(no.reply, no.message, retry_after_ns=no.retry_after_ns)
        return reply

    def _read(self, reply: Reply, kind: type[T]) -> T:
        try:
            value = msgspec.json.decode(reply.result, type=kind)
        except _UNREADABLE as error:
            raise OutcomeUnknownError(f"{self.name} sent what can not be read: {error}") from error
        if not sane(value):
            raise OutcomeUnknownError(f"{self.name} sent numbers that can not be: {value}")
        return value

    def _owned(self, report: T) -> T:
        if getattr(report, "account", "") not in {"", self.account}:
            raise OutcomeUnknownError(f"{self.name} sent what belongs to another account")
        return report

"""The way between one process and the exchange, with everything that can go wrong on it.

Hostile, but it keeps what `Capabilities` promises: a request that arrives after its expiry is
refused, an answer is never older than the read lag, and once the proof horizon has passed a look-up
tells the truth. A request under way arrives whether its sender still lives or not. Must never
change the exchange's books but by the requests that reach it.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from alphaforge.errors import OutcomeUnknownError, VenueUnavailableError
from alphaforge.model.claims import BustReport, FillReport, OrderStatusReport
from alphaforge.model.commands import ModifyOrder, SubmitOrder
from alphaforge.model.market import Quote, Trade
from alphaforge.venues.base import ReplyError, StreamGap
from tests.fake_venue.exchange import Exchange
from tests.fake_venue.terms import DUPLICATE, SERVER, THROTTLED, UNKNOWN_ORDER
from tests.simulation.clock import SECOND, START_NS
from tests.simulation.faults import Faults
from tests.simulation.loop import PROCESS, VirtualLoop

Answer = TypeVar("Answer")

GARBAGE: Final[tuple[Callable[[], Exception], ...]] = (
    lambda: ValueError("Expecting value: line 1 column 1 (char 0)"),
    lambda: KeyError("orderId"),
    lambda: TypeError("'NoneType' object is not subscriptable"),
    lambda: RecursionError("maximum recursion depth exceeded while decoding"),
    lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    lambda: OutcomeUnknownError("502 Bad Gateway: <html>"),
    lambda: ReplyError("", "an answer without a code"),
    lambda: ReplyError("-99999", "a code nobody ever saw"),
)
"""What an answer that can not be read looks like to whoever awaits it."""

FOREIGN: Final = "somebody-else"


class Network:
    """Carries requests, answers and pushes; belongs to the world, not to a process.

    Attributes:
        skew_ns: How far the venue's clock is from the truth; constant within a seed.
        horizon: Per client order id, the venue's time until which a look-up may not see it.
        frozen: The market stands still, so that both sides can be compared.
        receiver: Takes what is pushed now; None while nobody is connected.
        on_leave: Told when a request leaves a process, with its kind and command.
        on_moment: Told what happens to a request: `leave`, `take`, `answer`.
        on_silence: Told of a new order whose answer proves nothing.
        on_gap: Told before (False) and after (True) a process takes word of a gap in the stream.
    """

    def __init__(
        self, loop: VirtualLoop, exchange: Exchange, account: str, faults: Faults, seed: int
    ) -> None:
        self.loop = loop
        self.exchange = exchange
        self.account = account
        self.faults = faults
        self.random = random.Random(f"network-{seed}")
        bound, self.lag_ns = SECOND, 2 * SECOND
        self.skew_ns = int(bound * self.random.uniform(-0.9, 0.9))
        self.time_out = self.random.uniform(0.5, 6.0)
        self.round_trip = self.random.uniform(0.005, 0.15)
        self.horizon: dict[str, int] = {}
        self.receiver: asyncio.Queue[Any] | None = None
        self.cut_until = 0.0
        self.deaf_until = 0.0
        self.frozen = False
        self._told = 0
        self._printed = 0
        self._last_push = 0.0
        self._busts: list[BustReport] = []
        self._amended: dict[str, ModifyOrder] = {}
        self.on_leave: Callable[[str, Any], None] = _nothing
        self.on_moment: Callable[[str], None] = lambda moment: None
        self.on_gap: Callable[[bool], None] = lambda is_told: None
        self.on_silence: Callable[[SubmitOrder], None] = lambda command: None

    # Time and connections ---------------------------------------------------------------------

    def venue_now(self) -> int:
        """The venue's clock."""
        return START_NS + self.loop.now_ns() + self.skew_ns

    @property
    def is_cut(self) -> bool:
        """Nothing passes, in either direction."""
        return self.loop.time() < self.cut_until

    @property
    def is_deaf(self) -> bool:
        """The stream is not connected; requests may pass."""
        return self.loop.time() < self.deaf_until

    def cut(self, seconds: float) -> None:
        """A partition; the adapter subscribes again some time after it."""
        self.cut_until = max(self.cut_until, self.loop.time() + seconds)
        self.lose_stream(seconds)

    def lose_stream(self, seconds: float) -> None:
        """The stream breaks for so long, then says that it did."""
        back = seconds + 0.05 + self.random.random()
        self.deaf_until = max(self.deaf_until, self.loop.time() + back)
        self.loop.outside(back + 0.001, self._reconnected, self.receiver)

    def _reconnected(self, receiver: "asyncio.Queue[Any] | None") -> None:
        if self.is_deaf or receiver is None or receiver is not self.receiver:
            return
        receiver.put_nowait(StreamGap("the stream was cut and is subscribed again"))
        self._repeat_busts(receiver)

    def _repeat_busts(self, receiver: "asyncio.Queue[Any]") -> None:
        """No read shows a bust: the venue tells them again to whoever subscribes."""
        for bust in self._busts:
            receiver.put_nowait(bust)

    def connect(self) -> "asyncio.Queue[Any]":
        """A new subscription: it hears what happens from now on."""
        self.tick()
        self.receiver = asyncio.Queue()
        self.deaf_until = 0.0
        self._repeat_busts(self.receiver)
        return self.receiver

    def disconnect(self, receiver: "asyncio.Queue[Any] | None") -> None:
        """Nobody listens any more."""
        if receiver is self.receiver:
            self.receiver = None

    # Requests ---------------------------------------------------------------------------------

    async def request(self, kind: str, command: Any, act: Callable[[int], Answer]) -> Answer:
        """Carry one request there and its answer back, if the way lets them."""
        await self._unless_dead()
        self.on_moment("leave")
        await self._unless_dead()
        self.on_leave(kind, command)
        loop, faults, at = self.loop, self.faults, self.loop.time()
        if self.is_cut:
            if self.random.random() < 0.5:
                raise VenueUnavailableError("connection refused: no byte left")
            await asyncio.sleep(self.time_out)
            raise OutcomeUnknownError("no answer in time")
        future: asyncio.Future[Answer] = loop.create_future()
        if not faults.hits("drop_request", at, kind):
            delay = self._way("delay_request", kind)
            if faults.hits("late_request", at, kind):
                # Around the time-out and the end of its life: where conclusions come too early.
                delay += self._late(command)
            loop.outside(delay, self._arrive, kind, command, act, future)
        loop.outside(self.time_out, self._give_up, future)
        return await future

    async def _unless_dead(self) -> None:
        """The rest of a step in which its process was killed does not happen."""
        process = PROCESS.get()
        if process is not None and not process.alive:
            await self.loop.create_future()

    def _way(self, fault: str, note: str) -> float:
        """Seconds one direction takes."""
        usual = self.round_trip * (0.3 + 0.4 * self.random.random())
        if self.faults.hits(fault, self.loop.time(), note):
            usual += self.faults.seconds(fault, 0.2, 20.0)
        return usual

    def _late(self, command: Any) -> float:
        """Seconds: anything up to more than a request lives, or just within it."""
        expires = self.horizon.get(getattr(command, "client_order_id", ""), 0)
        edge = (expires - self.venue_now()) / SECOND - 0.3
        if edge > 0 and self.faults.pick("late_request", 3) == 0:
            return edge
        return self.faults.seconds("late_request", 1.0, 7.0)

    def _give_up(self, future: "asyncio.Future[Any]") -> None:
        if not future.done():
            future.set_exception(OutcomeUnknownError("no answer in time"))

    def _arrive(
        self, kind: str, command: Any, act: Callable[[int], Any], future: "asyncio.Future[Any]"
    ) -> None:
        faults, at = self.faults, self.loop.time()
        if self.is_cut:
            return
        answer: Any = None
        if faults.hits("throttled", at, kind):
            answer = ReplyError(THROTTLED, "too many requests", retry_after_ns=SECOND // 2)
        elif faults.hits("server_before", at, kind):
            answer = ReplyError(SERVER, "503 Service Unavailable")
        elif kind == "cancel" and faults.hits("false_unknown_cancel", at):
            answer = self._false_unknown(kind, command, act)
        else:
            answer = self._effect(kind, command, act)
            # A copy of what was refused is refused too, or the venue's no would prove nothing.
            refused = isinstance(answer, ReplyError)
            if not refused and faults.hits("duplicate_request", at, kind):
                late = faults.seconds("duplicate_request", 0.001, 8.0)
                self.loop.outside(late, self._again, kind, command, act, future)
        self._reply(kind, answer, future)

    def _reply(self, kind: str, answer: Any, future: "asyncio.Future[Any]") -> None:
        """Send an answer back."""
        faults, at = self.faults, self.loop.time()
        if faults.hits("drop_reply", at, kind):
            return
        if faults.hits("server_after", at, kind):
            answer = ReplyError(SERVER, "504 Gateway Timeout")
        elif faults.hits("garbage", at, kind):
            answer = GARBAGE[faults.pick("garbage", len(GARBAGE))]()
        self.loop.outside(self._way("delay_reply", kind), self._answered, future, answer)

    def _effect(self, kind: str, command: Any, act: Callable[[int], Any]) -> Any:
        """The request reaches the exchange: its answer, or the no it says."""
        if isinstance(command, ModifyOrder):
            self._amended[command.order_id] = command
        try:
            answer = act(self.venue_now())
        except ReplyError as error:
            answer = error
        self.tick()
        self.on_moment("take")
        return answer

    def _false_unknown(self, kind: str, command: Any, act: Callable[[int], Any]) -> ReplyError:
        """A lie about a cancel, which may have worked all the same."""
        if self.faults.pick("false_unknown_cancel", 2):
            self._effect(kind, command, act)
        return ReplyError(UNKNOWN_ORDER, "Unknown order sent.")

    def _again(
        self, kind: str, command: Any, act: Callable[[int], Any], future: "asyncio.Future[Any]"
    ) -> None:
        """The same request arrives once more; its answer may be the one that gets through.

        No to the second copy says nothing about the first: of these only "duplicate" is passed on,
        or the venue's codes would not prove what it says they do. A copy of new terms that came
        after newer ones is dropped: no proof by time could hold against it, nor does any venue
        that numbers its amendments take it.
        """
        if isinstance(command, ModifyOrder) and command is not self._amended[command.order_id]:
            return
        answer = self._effect(kind, command, act)
        if isinstance(answer, ReplyError):
            if kind != "submit":
                return
            answer = ReplyError(DUPLICATE, f"{command.client_order_id} exists")
        self._answered(future, answer)

    def _answered(self, future: "asyncio.Future[Any]", answer: Any) -> None:
        if future.done() or self.is_cut:
            return
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        self.on_moment("answer")

    # Reads ------------------------------------------------------------------------------------

    async def read(self, kind: str, look: Callable[[int], Answer]) -> Answer:
        """Ask something; `look(as_of)` is answered from a picture that may be old."""
        loop, faults, at = self.loop, self.faults, self.loop.time()
        if self.is_cut:
            await asyncio.sleep(0.001 + 0.1 * self.random.random())
            raise VenueUnavailableError("connection refused: no byte left")
        future: asyncio.Future[Answer] = loop.create_future()
        asked = self.venue_now()
        if not faults.hits("drop_request", at, kind):
            delay = self._way("delay_request", kind)
            loop.outside(delay, self._look, kind, look, asked, future)
        loop.outside(self.time_out, self._give_up, future)
        return await future

    def _look(
        self, kind: str, look: Callable[[int], Any], asked: int, future: "asyncio.Future[Any]"
    ) -> None:
        faults, at = self.faults, self.loop.time()
        if self.is_cut:
            return
        self.tick()
        as_of = now = self.venue_now()
        if faults.hits("stale_read", at, kind):
            oldest = asked - self.lag_ns
            # Often as old as it may be: that is what the horizon of a proof has to stand.
            as_of = oldest + int((now - oldest) * max(0.0, 1.5 * self.random.random() - 0.5))
        answer: Any
        if faults.hits("read_fails", at, kind):
            answer = ReplyError(SERVER, "500 Internal Server Error")
        elif faults.hits("throttled", at, kind):
            answer = ReplyError(THROTTLED, "too many requests", retry_after_ns=SECOND // 2)
        else:
            try:
                answer = look(as_of)
            except ReplyError as error:
                answer = error
        self._reply(kind, answer, future)

    def may_hide(self, client_order_id: str) -> bool:
        """Whether the venue may still say that it does not know this order, though it does."""
        horizon = self.horizon.get(client_order_id)
        return horizon is not None and self.venue_now() < horizon + self.lag_ns

    # Pushes -----------------------------------------------------------------------------------

    def tick(self) -> None:
        """Bring the exchange up to now and send out what happened."""
        if self.frozen:
            return
        self.exchange.advance(self.venue_now())
        private = self.exchange.pushes(self.account, self._told)
        public = self.exchange.prints(self._printed)
        if not private and not public:
            return
        self._told += len(private)
        self._printed += len(public)
        self._busts += [claim for claim in private if isinstance(claim, BustReport)]
        receiver = self.receiver
        if receiver is None or self.is_deaf:
            return
        way = self.loop.time() + self.round_trip * (0.3 + 0.4 * self.random.random())
        self._last_push = way = max(way, self._last_push)
        batch: list[Any] = list(public)
        for claim in private:
            batch += self._pushed(receiver, claim)
        self.loop.outside(way - self.loop.time(), self._deliver, receiver, batch)

    def _pushed(self, receiver: "asyncio.Queue[Any]", claim: Any) -> Sequence[Any]:
        """What of a private message goes the usual way."""
        faults, at = self.faults, self.loop.time()
        note = type(claim).__name__
        if isinstance(claim, BustReport):
            return (claim,)
        if faults.hits("lost_push", at, note):
            if faults.pick("lost_push", 10) < 6:
                later = faults.seconds("lost_push", 0.05, 5.0)
                gap = StreamGap("a sequence number is missing")
                self.loop.outside(later, self._deliver, receiver, [gap])
            return ()
        if faults.hits("duplicate_push", at, note):
            later = faults.seconds("duplicate_push", 0.001, 15.0)
            self.loop.outside(later, self._deliver, receiver, [self._other_channel(claim)])
        if faults.hits("delay_push", at, note):
            later = faults.seconds("delay_push", 0.05, 20.0)
            self.loop.outside(later, self._deliver, receiver, [claim])
            return ()
        return (claim,)

    def _other_channel(self, claim: Any) -> Any:
        """The same again, as a second channel tells it: perhaps without our id."""
        if isinstance(claim, OrderStatusReport | FillReport) and self.random.random() < 0.5:
            fields = {name: getattr(claim, name) for name in claim.__struct_fields__}
            return type(claim)(**{**fields, "client_order_id": ""})
        return claim

    def _deliver(self, receiver: "asyncio.Queue[Any]", batch: Sequence[Any]) -> None:
        """Frames under way when the stream broke are lost; those of an old connection may come."""
        if receiver is not self.receiver or self.is_deaf:
            return
        for message in batch:
            receiver.put_nowait(message)

    def inject(self, message: Any) -> None:
        """Something that did not come from the exchange's log."""
        if self.receiver is not None and not self.is_deaf:
            self.receiver.put_nowait(message)


def is_market(message: Any) -> bool:
    """Public, not about the account."""
    return isinstance(message, Quote | Trade)


def _nothing(kind: str, command: Any) -> None:
    del kind, command

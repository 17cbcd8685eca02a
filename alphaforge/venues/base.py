"""What a venue over a wire is to us: the protocol that every adapter speaks.

An adapter carries requests out and repeats what the venue said; it never decides, retries a
request, or concludes anything from silence. `tests/venues/conformance.py` holds what it promises.
"""

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Protocol, TypeAlias

import msgspec

from alphaforge.errors import VenueError
from alphaforge.model.claims import (
    BalanceReport,
    BustReport,
    FillReport,
    OrderStatusReport,
    PositionReport,
)
from alphaforge.model.commands import Approved
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar, MarketEvent

NS_PER_SECOND = 1_000_000_000


class StreamGap(msgspec.Struct, frozen=True):
    """Something was lost: a sequence gap or a new connection. All that follows is whole again."""

    reason: str


VenueMessage: TypeAlias = MarketEvent | OrderStatusReport | FillReport | BustReport | StreamGap
"""What `Venue.stream` yields, in the order it arrived."""


class Watch(StrEnum):
    """A public stream of a symbol."""

    TRADES = "trades"
    QUOTES = "quotes"
    BOOK = "book"


class VenueHealth(msgspec.Struct, kw_only=True):
    """How the way to a venue is doing; the adapter keeps it, everyone else reads.

    Attributes:
        latency_ns: Round trip of the last answered request; 0 before the first.
        clock_ahead_ns: How far the venue's clock was ahead of this machine's when last compared.
        used_weight: Of the venue's request budget, in its own units, as it last said.
        weight_limit: What the budget is; 0 where it is not known.
        streams: Public and private streams that are up.
        streams_wanted: Those that should be.
        reconnects: Since the start.
        conflated: Quotes and book changes that were overtaken before anybody took them in.
        paused_until: Engine-independent steady time (ns) until which the venue asked to be left
            alone; 0 = it did not.
    """

    latency_ns: int = 0
    clock_ahead_ns: int = 0
    used_weight: int = 0
    weight_limit: int = 0
    streams: int = 0
    streams_wanted: int = 0
    reconnects: int = 0
    conflated: int = 0
    paused_until: int = 0


class ReplyError(VenueError):
    """The venue answered a request with no, in its own code.

    Whether that proves that nothing happened is not the adapter's to say: `Capabilities` lists the
    codes that do, and everything else leaves the outcome unknown.
    """

    default_code = "AF-V400"

    def __init__(self, reply: str, message: str, *, retry_after_ns: int = 0) -> None:
        super().__init__(message)
        self.reply = reply
        self.retry_after_ns = retry_after_ns


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue really does. What is not promised here is never relied upon.

    Attributes:
        request_life_ns: The venue refuses a request that reaches it later than this after its
            decision (a receive window); 0 = it has no such expiry, so absence can not be proved.
        clock_bound_ns: How far the venue's clock and ours may be apart.
        read_lag_ns: How old an answer to a question may be at most.
        history_ns: How long closed orders and trades can be asked for.
        refusals: Reply codes that prove that the order does not exist: THE allow-list.
        request_refusals: The same for cancel and modify: they prove that nothing changed.
        unknown_order: Reply codes of a look-up that say "no such order", definitely.
        duplicates: Reply codes that prove that the client order id exists already.
        throttled: Reply codes that say "too fast, nothing done"; part of `refusals` too.
    """

    request_life_ns: int = 5 * NS_PER_SECOND
    clock_bound_ns: int = NS_PER_SECOND
    read_lag_ns: int = 2 * NS_PER_SECOND
    history_ns: int = 7 * 86_400 * NS_PER_SECOND
    refusals: frozenset[str] = frozenset()
    request_refusals: frozenset[str] = frozenset()
    unknown_order: frozenset[str] = frozenset()
    duplicates: frozenset[str] = frozenset()
    throttled: frozenset[str] = frozenset()

    @property
    def proof_ns(self) -> int:
        """After a decision, a question asked this much later sees whatever became of it."""
        return self.request_life_ns + self.clock_bound_ns + self.read_lag_ns


class Venue(Protocol):
    """One account at one exchange.

    Requests raise `VenueUnavailableError` if no byte left, `ReplyError` for a no in the venue's
    words, `OutcomeUnknownError` for anything else (time-out, cut connection, an answer that can
    not be read); any other exception counts as the last. Reads raise the same, and may be tried
    again.

    Attributes:
        name: As in `[venues.NAME]`; the `venue` of its instruments.
        account: Which account it trades.
        capabilities: What it does.
        health: How the way to it is doing.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - told above
    @property
    def account(self) -> str: ...  # noqa: D102 - told above
    @property
    def capabilities(self) -> Capabilities: ...  # noqa: D102 - told above
    @property
    def health(self) -> VenueHealth: ...  # noqa: D102 - told above

    async def connect(self) -> None:
        """Open the connections and subscribe; `stream` holds everything from here on."""
        ...

    def stream(self) -> AsyncIterator[VenueMessage]:
        """Market events and what becomes of orders, as pushed; may be asked for once.

        It survives lost connections, and tells of each by a `StreamGap` once it is subscribed
        again. `ts_local` of what it yields is 0: whoever takes it in stamps it.
        """
        ...

    def watch(self, symbol: str, what: Watch) -> None:
        """Have a public stream of a symbol too, from soon on; asking again changes nothing.

        Trades and quotes of every symbol of `instruments` that the run speaks of come unasked.
        """
        ...

    async def time(self) -> int:
        """The venue's clock, ns UTC."""
        ...

    async def bars(self, symbol: str, kind: str, count: int) -> Sequence[Bar]:
        """The last `count` finished time bars, oldest first, `historical`.

        Empty for a kind of bar that the venue does not keep (`100-tick`, `1m@quote`).
        """
        ...

    async def instruments(self) -> Sequence[Instrument]:
        """What this run may trade, with its rules, under the names its strategies use."""
        ...

    async def submit(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """Send a new order, which must not take effect after `expires_at` (venue time, ns).

        None: taken, and the stream will tell more.
        """
        ...

    async def modify(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """Ask for new terms; the same conditions."""
        ...

    async def cancel(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """Ask for an order's end, by our client id or the venue's id; the same conditions."""
        ...

    async def order(
        self, symbol: str, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport:
        """Look one order up, open or closed; either id may be empty.

        Raises `ReplyError` with a code of `unknown_order` where there is none.
        """
        ...

    async def open_orders(self) -> Sequence[OrderStatusReport]:
        """Every open order of the account. One that is not in it may still exist."""
        ...

    async def trades(self, since: int) -> Sequence[FillReport]:
        """Every trade of the account at or after `since` (venue time, ns), all pages of it."""
        ...

    async def balances(self) -> Sequence[BalanceReport]:
        """What the account has."""
        ...

    async def positions(self) -> Sequence[PositionReport]:
        """Derivative positions that are not flat."""
        ...

    async def close(self) -> None:
        """Close the connections; `stream` ends."""
        ...

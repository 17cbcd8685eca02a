"""Keeps the money of several venues apart in one engine.

A run over two venues has two wallets, and what lies in one cannot pay in the other: currencies get
their venue's name, `USDT@a`, in instruments, balances and fees, and with it everything the engine
counts by currency. A run of one venue has no need of it. Must never change an amount.
"""

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from msgspec.structs import replace

from alphaforge.model.claims import (
    BalanceReport,
    BustReport,
    FillReport,
    OrderStatusReport,
    PositionReport,
)
from alphaforge.model.commands import Approved
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar
from alphaforge.venues.base import Capabilities, Venue, VenueHealth, VenueMessage, Watch

Claimed = TypeVar("Claimed", bound=OrderStatusReport | FillReport | BustReport)


def apart(venues: Sequence[Venue]) -> tuple[Venue, ...]:
    """The venues of one run, each with a wallet of its own where there are several."""
    return tuple(venues) if len(venues) == 1 else tuple(WalletVenue(each) for each in venues)


class WalletVenue:
    """A venue whose currencies carry its name, `USDT@a`; everything else is the venue's."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    @property
    def name(self) -> str:
        """See `Venue`."""
        return self._venue.name

    @property
    def account(self) -> str:
        """See `Venue`."""
        return self._venue.account

    @property
    def capabilities(self) -> Capabilities:
        """See `Venue`."""
        return self._venue.capabilities

    @property
    def health(self) -> VenueHealth:
        """See `Venue`."""
        return self._venue.health

    async def connect(self) -> None:
        """See `Venue`."""
        await self._venue.connect()

    async def stream(self) -> AsyncIterator[VenueMessage]:
        """See `Venue`."""
        async for message in self._venue.stream():
            if isinstance(message, FillReport):
                yield self._fill(message)
            elif isinstance(message, OrderStatusReport | BustReport):
                yield self._own(message)
            else:
                yield message

    def watch(self, symbol: str, what: Watch) -> None:
        """See `Venue`."""
        self._venue.watch(symbol, what)

    async def time(self) -> int:
        """See `Venue`."""
        return await self._venue.time()

    async def bars(self, symbol: str, kind: str, count: int) -> Sequence[Bar]:
        """See `Venue`."""
        return await self._venue.bars(symbol, kind, count)

    async def instruments(self) -> Sequence[Instrument]:
        """See `Venue`."""
        return [
            replace(
                each,
                account=self.account,
                base=self._kept(each.base),
                quote=self._kept(each.quote),
                settle=self._kept(each.settle),
            )
            for each in await self._venue.instruments()
        ]

    async def submit(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        return self._answer(await self._venue.submit(approved, expires_at))

    async def modify(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        return self._answer(await self._venue.modify(approved, expires_at))

    async def cancel(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        return self._answer(await self._venue.cancel(approved, expires_at))

    async def order(
        self, symbol: str, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport:
        """See `Venue`."""
        return self._own(await self._venue.order(symbol, client_order_id, venue_order_id))

    async def open_orders(self) -> Sequence[OrderStatusReport]:
        """See `Venue`."""
        return [self._own(each) for each in await self._venue.open_orders()]

    async def trades(self, since: int) -> Sequence[FillReport]:
        """See `Venue`."""
        return [self._fill(each) for each in await self._venue.trades(since)]

    async def balances(self) -> Sequence[BalanceReport]:
        """See `Venue`."""
        balances = await self._venue.balances()
        return [BalanceReport(self._kept(each.currency), each.total) for each in balances]

    async def positions(self) -> Sequence[PositionReport]:
        """See `Venue`."""
        return await self._venue.positions()

    async def close(self) -> None:
        """See `Venue`."""
        await self._venue.close()

    def _kept(self, currency: str) -> str:
        return f"{currency}@{self.name}" if currency else ""

    def _fill(self, fill: FillReport) -> FillReport:
        return self._own(replace(fill, fee_currency=self._kept(fill.fee_currency)))

    def _answer(self, report: OrderStatusReport | None) -> OrderStatusReport | None:
        return None if report is None else self._own(report)

    def _own(self, claim: Claimed) -> Claimed:
        """The account's own name is the adapter's; the engine knows it by the instrument."""
        return replace(claim, account="") if claim.account == self.account else claim

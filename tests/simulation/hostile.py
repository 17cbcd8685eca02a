"""The `Venue` of one process, on the simulated network.

One object per process, as an adapter would be: what it is told dies with its process. Must never
look at the exchange but through the network.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from msgspec.structs import replace

from alphaforge.errors import VenueUnavailableError
from alphaforge.model.claims import (
    BalanceReport,
    FillReport,
    OrderStatusReport,
    PositionReport,
)
from alphaforge.model.commands import Approved, CancelOrder, ModifyOrder, SubmitOrder
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
from tests.fake_venue.terms import CAPABILITIES, UNKNOWN_ORDER
from tests.simulation.network import Network


class HostileVenue:
    """One account at the exchange, seen from one process."""

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self._name = name
        self._receiver: asyncio.Queue[Any] | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def account(self) -> str:
        return self._network.account

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def health(self) -> VenueHealth:
        return VenueHealth()

    def watch(self, symbol: str, what: Watch) -> None:
        pass

    async def bars(self, symbol: str, kind: str, count: int) -> Sequence[Bar]:
        return []

    async def connect(self) -> None:
        network = self._network
        await asyncio.sleep(network.round_trip)
        if network.is_cut:
            raise VenueUnavailableError("no route to host")
        self._receiver = network.connect()

    async def stream(self) -> AsyncIterator[VenueMessage]:
        receiver = self._receiver
        assert receiver is not None, "stream before connect"
        while True:
            message = await receiver.get()
            if message is None:
                return
            if isinstance(message, StreamGap):
                self._network.on_gap(False)
                yield message
                self._network.on_gap(True)
            else:
                yield message

    async def close(self) -> None:
        self._network.disconnect(self._receiver)
        if self._receiver is not None:
            self._receiver.put_nowait(None)

    # Requests ---------------------------------------------------------------------------------

    async def submit(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        command = approved.command
        assert isinstance(command, SubmitOrder)
        network = self._network
        network.horizon[command.client_order_id] = expires_at
        try:
            return await network.request(
                "submit",
                command,
                lambda now: network.exchange.submit(network.account, command, now, expires_at),
            )
        except Exception as error:
            if not isinstance(error, VenueUnavailableError) and not _is_answer(error):
                network.on_silence(command)
            raise

    async def modify(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        command = approved.command
        assert isinstance(command, ModifyOrder)
        network = self._network
        return await network.request(
            "modify",
            command,
            lambda now: network.exchange.modify(network.account, command, now, expires_at),
        )

    async def cancel(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        command = approved.command
        assert isinstance(command, CancelOrder)
        network = self._network
        return await network.request(
            "cancel",
            command,
            lambda now: network.exchange.cancel(network.account, command, now, expires_at),
        )

    # Reads ------------------------------------------------------------------------------------

    async def time(self) -> int:
        return await self._network.read("time", lambda as_of: self._network.venue_now())

    async def instruments(self) -> Sequence[Instrument]:
        return await self._network.read(
            "instruments", lambda as_of: self._network.exchange.instruments()
        )

    async def order(
        self, symbol: str, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport:
        network = self._network

        def look(as_of: int) -> OrderStatusReport:
            if network.may_hide(client_order_id) and network.faults.hits(
                "false_unknown_read", network.loop.time()
            ):
                raise ReplyError(UNKNOWN_ORDER, "Order does not exist.")
            return network.exchange.order(
                network.account, symbol, client_order_id, venue_order_id, as_of
            )

        return await network.read("order", look)

    async def open_orders(self) -> Sequence[OrderStatusReport]:
        network = self._network

        def look(as_of: int) -> Sequence[OrderStatusReport]:
            found = network.exchange.open_orders(network.account, as_of)
            if found and network.faults.hits("partial_listing", network.loop.time()):
                kept = network.faults.pick("partial_listing", len(found))
                found = found[:kept]
            return found

        return await network.read("open_orders", look)

    async def trades(self, since: int) -> Sequence[FillReport]:
        network = self._network
        return await network.read(
            "trades", lambda as_of: network.exchange.trades(network.account, since, as_of)
        )

    async def balances(self) -> Sequence[BalanceReport]:
        network = self._network

        def look(as_of: int) -> Sequence[BalanceReport]:
            totals = network.exchange.balances(network.account, as_of)
            return [BalanceReport(currency, total) for currency, total in totals.items()]

        return await network.read("balances", look)

    async def positions(self) -> Sequence[PositionReport]:
        return await self._network.read("positions", lambda as_of: [])


def _is_answer(error: Exception) -> bool:
    """Whether it says for certain what became of a new order."""
    answers = CAPABILITIES.refusals | CAPABILITIES.duplicates
    return isinstance(error, ReplyError) and error.reply in answers


def of_another_account(claim: Any, account: str) -> Any:
    """The same claim, about somebody else's account."""
    return replace(claim, account=account)

"""Any exchange of ccxt as a `Venue`: an account, its market data, and what becomes of orders.

START HERE for the live adapter: requests and questions go through `ccxt_account`, what is pushed
comes through `ccxt_feeds`; both end in `ccxt_client`, the one place that calls ccxt. It decides
nothing, retries no request and concludes nothing from silence.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, cast

from alphaforge.errors import InternalError, VenueError, VenueUnavailableError
from alphaforge.model.claims import BalanceReport, FillReport, OrderStatusReport, PositionReport
from alphaforge.model.commands import Approved, CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar
from alphaforge.venues.base import Capabilities, VenueHealth, VenueMessage, Watch
from alphaforge.venues.ccxt_access import Access
from alphaforge.venues.ccxt_account import CcxtAccount, no_key
from alphaforge.venues.ccxt_checks import Check, run_checks
from alphaforge.venues.ccxt_connecting import (
    Clients,
    check_key,
    find_symbols,
    keep_markets,
    open_clients,
)
from alphaforge.venues.ccxt_feeds import Feeds
from alphaforge.venues.ccxt_history import last_bars
from alphaforge.venues.ccxt_instruments import check_rules, read_instrument
from alphaforge.venues.ccxt_map import Names
from alphaforge.venues.ccxt_outbox import Outbox
from alphaforge.venues.ccxt_profile import Profile

CLOCK_SECONDS = 60.0
"""Between two looks at the venue's clock."""


class CcxtVenue:
    """One account at one exchange of ccxt; see `Venue` for each method.

    Attributes:
        name, account, capabilities, health: See `Venue`.
    """

    def __init__(
        self,
        access: Access,
        profile: Profile,
        *,
        name: str,
        account: str = "main",
        wanted: Sequence[str] = (),
    ) -> None:
        """`wanted`: the symbols that the run speaks of, as its strategies spell them."""
        self.name = name
        self.account = account
        self.capabilities: Capabilities = profile.capabilities
        self.health = VenueHealth()
        self._access = access
        self._profile = profile
        self._wanted = tuple(dict.fromkeys(wanted))
        self._outbox = Outbox(self.health)
        self._clients: Clients | None = None
        self._account: CcxtAccount | None = None
        self._feeds: Feeds | None = None
        self._names = Names(name, account, profile, {})
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: BaseException | None = None

    async def connect(self) -> None:
        """See `Venue`.

        Raises `NotFoundError` for a symbol that it does not list (with the nearest names),
        `VenueError` for one that it has halted, `CredentialsError` for a key that it refuses.
        """
        self._clients = clients = await open_clients(self._access, self._profile, self.health)
        try:
            unified = await find_symbols(clients, self._access, self._wanted, self._profile.title)
            self._names = names = Names(self.name, self.account, self._profile, unified)
            check_rules(clients, names, self._wanted)
            keep_markets(clients, self._access)
            await check_key(clients, self._profile)
            if clients.trade is not None:
                self._account = CcxtAccount(clients.trade, names, clients.clock)
            self._feeds = Feeds(clients, self._account, names, self._outbox, self.health)
            await self._feeds.open()
        except BaseException:
            await self.close()
            self._outbox = Outbox(self.health)  # to connect may be tried again
            raise
        self._start(self._compare_clocks())

    async def stream(self) -> AsyncIterator[VenueMessage]:
        """See `Venue`; raises what a task of the adapter's own died of, which is a fault of it."""
        async for message in self._outbox.read():
            yield message
        if self._failure is not None:
            raise self._failure

    def watch(self, symbol: str, what: Watch) -> None:
        """See `Venue`."""
        self._fed.watch(self._names.unified(symbol), what)

    async def time(self) -> int:
        """See `Venue`."""
        return await self._open.compare_clocks()

    async def bars(self, symbol: str, kind: str, count: int) -> Sequence[Bar]:
        """See `Venue`."""
        clients = self._open
        now = clients.clock.now()
        return await last_bars(clients.data, self._names, symbol, kind, count, now)

    async def instruments(self) -> Sequence[Instrument]:
        """See `Venue`; with the account's own fees where the venue tells them."""
        clients = self._open
        return [await read_instrument(clients, self._names, each) for each in self._wanted]

    async def submit(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        command = approved.command
        if not isinstance(command, SubmitOrder):
            raise InternalError(f"{type(command).__name__} is no new order")
        return self._told(await self._private.submit(command, expires_at))

    async def modify(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        command = approved.command
        if not isinstance(command, ModifyOrder):
            raise InternalError(f"{type(command).__name__} changes no order")
        return self._told(await self._private.modify(command, expires_at))

    async def cancel(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        """See `Venue`."""
        command = approved.command
        if not isinstance(command, CancelOrder):
            raise InternalError(f"{type(command).__name__} cancels no order")
        return self._told(await self._private.cancel(command, expires_at))

    async def order(
        self, symbol: str, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport:
        """See `Venue`."""
        return await self._private.order(symbol, client_order_id, venue_order_id)

    async def open_orders(self) -> Sequence[OrderStatusReport]:
        """See `Venue`."""
        return await self._private.open_orders()

    async def trades(self, since: int) -> Sequence[FillReport]:
        """See `Venue`."""
        return await self._private.trades(since)

    async def balances(self) -> Sequence[BalanceReport]:
        """See `Venue`."""
        return await self._private.balances()

    async def positions(self) -> Sequence[PositionReport]:
        """See `Venue`."""
        return await self._private.positions()

    async def checks(self) -> Sequence[Check]:
        """Everything that must hold before an account is traded, each with what was found.

        Connects for that, and closes again, unless it is connected already.
        """
        if self._clients is not None:
            return await run_checks(self._clients, self._access, self._profile, self._names)
        await self.connect()
        try:
            return await run_checks(self._open, self._access, self._profile, self._names)
        finally:
            await self.close()

    async def close(self) -> None:
        """See `Venue`."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        feeds, self._feeds = self._feeds, None
        clients, self._clients = self._clients, None
        self._account = None
        try:
            if feeds is not None:
                await feeds.close()
        finally:
            self._outbox.close()
            if clients is not None:
                await clients.close()

    # What there must be for it ----------------------------------------------------------------

    @property
    def _open(self) -> Clients:
        if self._clients is None:
            raise VenueUnavailableError(f"{self.name} is not connected, so nothing was sent")
        return self._clients

    @property
    def _fed(self) -> Feeds:
        if self._feeds is None:
            raise VenueUnavailableError(f"{self.name} is not connected, so nothing was sent")
        return self._feeds

    @property
    def _private(self) -> CcxtAccount:
        if self._open and self._account is None:
            raise no_key(self._profile.title)
        return cast("CcxtAccount", self._account)

    # Parts ------------------------------------------------------------------------------------

    def _told(self, report: OrderStatusReport | None) -> OrderStatusReport | None:
        """The venue took a request: its stream must tell of it too."""
        if self._feeds is not None:
            self._feeds.expect()
        return report

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._outbox.close()

    async def _compare_clocks(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            try:
                await self._open.compare_clocks()
            except VenueError:
                continue  # the venue is away: its clock goes on

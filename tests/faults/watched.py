"""The adapter as it is, with a record of what became of each call. Must never change an answer."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from alphaforge.model.claims import BalanceReport, FillReport, OrderStatusReport, PositionReport
from alphaforge.model.commands import Approved
from alphaforge.venues.ccxt_venue import CcxtVenue

Answer = TypeVar("Answer")


class WatchedVenue(CcxtVenue):
    """See `CcxtVenue`.

    Attributes:
        failures: The errors of each call, by their class, oldest first.
        answers: How many calls of each name were answered.
        under_way: Calls without an end yet.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.failures: defaultdict[str, list[Exception]] = defaultdict(list)
        self.answers: Counter[str] = Counter()
        self.under_way = 0

    async def _noted(self, call: str, do: Callable[[], Awaitable[Answer]]) -> Answer:
        self.under_way += 1
        try:
            answer = await do()
        except Exception as error:
            self.failures[call].append(error)
            raise
        else:
            self.answers[call] += 1
            return answer
        finally:
            self.under_way -= 1

    async def connect(self) -> None:
        await self._noted("markets", super().connect)

    async def submit(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        real = super().submit
        return await self._noted("create", lambda: real(approved, expires_at))

    async def modify(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        real = super().modify
        return await self._noted("replace", lambda: real(approved, expires_at))

    async def cancel(self, approved: Approved, expires_at: int) -> OrderStatusReport | None:
        real = super().cancel
        return await self._noted("cancel", lambda: real(approved, expires_at))

    async def order(
        self, symbol: str, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport:
        real = super().order
        return await self._noted("query", lambda: real(symbol, client_order_id, venue_order_id))

    async def open_orders(self) -> Sequence[OrderStatusReport]:
        return await self._noted("open_orders", super().open_orders)

    async def trades(self, since: int) -> Sequence[FillReport]:
        real = super().trades
        return await self._noted("trades", lambda: real(since))

    async def balances(self) -> Sequence[BalanceReport]:
        return await self._noted("balance", super().balances)

    async def positions(self) -> Sequence[PositionReport]:
        return await self._noted("positions", super().positions)

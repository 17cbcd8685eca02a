"""The account at the venue: what is asked of it and what it answers, by REST.

Every answer is read before it is believed, and one that is about something else is none. Must
never send a request twice.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import cast

from alphaforge.errors import OutcomeUnknownError, VenueUnavailableError
from alphaforge.model.claims import BalanceReport, FillReport, OrderStatusReport, PositionReport
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.venues.base import ReplyError
from alphaforge.venues.ccxt_client import CcxtClient
from alphaforge.venues.ccxt_history import TradeHistory
from alphaforge.venues.ccxt_limiter import Priority
from alphaforge.venues.ccxt_map import (
    LookUpCall,
    Names,
    answer,
    balances,
    cancel_call,
    create_call,
    kind_of,
    lookup_calls,
    modify_call,
    order_status,
    positions,
)
from alphaforge.venues.ccxt_profile import NOT_FOUND
from alphaforge.venues.ccxt_time import VenueClock
from alphaforge.venues.ccxt_values import MalformedError, mapping, rows

_NS_PER_DAY = 86_400_000_000_000
_POSITIONS_AT_ONCE = 10

_SEGMENTS: Mapping[InstrumentKind, Mapping[str, str]] = {
    InstrumentKind.SPOT: {"type": "spot"},
    InstrumentKind.LINEAR: {"type": "swap", "subType": "linear"},
    InstrumentKind.INVERSE: {"type": "swap", "subType": "inverse"},
}


class CcxtAccount:
    """One account, through its private client."""

    def __init__(self, client: CcxtClient, names: Names, clock: VenueClock) -> None:
        self._client = client
        self._names = names
        self._clock = clock
        self._trades = TradeHistory(client, names)

    @property
    def kinds(self) -> tuple[InstrumentKind, ...]:
        """Of the instruments that are traded here."""
        return tuple(dict.fromkeys(kind_of(each) for each in self._names.symbols))

    # Requests -----------------------------------------------------------------------------------

    async def submit(self, command: SubmitOrder, expires_at: int) -> OrderStatusReport | None:
        """See `Venue.submit`."""
        call = create_call(command, self._names)
        args = (call.symbol, call.type, call.side, call.amount, call.price, call.params)
        raw = await self._client.call(
            "create_order", *args, priority=Priority.ORDER, expires_at=expires_at
        )
        return answer(raw, self._names, command.client_order_id)

    async def modify(self, command: ModifyOrder, expires_at: int) -> OrderStatusReport | None:
        """See `Venue.modify`."""
        ids = command.client_order_id, command.venue_order_id
        needs = self._names.profile.amend_needs_terms
        now = await self.order(command.symbol, *ids) if needs else None
        call = modify_call(command, self._names, now)
        args = (call.id, call.symbol, call.type, call.side, call.amount, call.price, call.params)
        raw = await self._client.call(
            "edit_order", *args, priority=Priority.ORDER, expires_at=expires_at
        )
        return answer(raw, self._names, command.client_order_id)

    async def cancel(self, command: CancelOrder, expires_at: int) -> OrderStatusReport | None:
        """See `Venue.cancel`."""
        call = cancel_call(command, self._names)
        args = (call.id, call.symbol, call.params)
        raw = await self._client.call(
            "cancel_order", *args, priority=Priority.CANCEL, expires_at=expires_at
        )
        return answer(_of_order(raw), self._names, command.client_order_id)

    # Questions ----------------------------------------------------------------------------------

    async def order(
        self, symbol: str, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport:
        """See `Venue.order`."""
        profile = self._names.profile
        said: ReplyError | None = None
        for call in lookup_calls(self._names, symbol, client_order_id, venue_order_id):
            try:
                found = await self._look_up(call, client_order_id, venue_order_id)
            except ReplyError as error:
                if error.reply not in {NOT_FOUND, *profile.capabilities.unknown_order}:
                    raise
                said = error
                continue
            if found is not None:
                return found
        if profile.lookups.is_proof:
            raise said or ReplyError(NOT_FOUND, f"{profile.title} lists no such order")
        raise OutcomeUnknownError(f"{profile.title} was asked and did not show the order")

    async def _look_up(
        self, call: LookUpCall, client_order_id: str, venue_order_id: str
    ) -> OrderStatusReport | None:
        """The answer to one question; None where a list does not hold the order."""
        if call.is_list:
            args: tuple[object, ...] = (call.symbol, None, None, call.params)
        else:
            args = (call.id or None, call.symbol, call.params)
        raw = await self._client.call(call.method, *args)
        if not call.is_list:
            found = order_status(raw, self._names)
            if not _is_it(found, call.symbol, client_order_id, venue_order_id, self._names):
                raise OutcomeUnknownError("the venue answered about another order")
            return found
        for row in rows(raw, "orders"):
            found = order_status(row, self._names)
            if _is_it(found, call.symbol, client_order_id, venue_order_id, self._names):
                return found
        return None

    async def open_orders(self) -> list[OrderStatusReport]:
        """See `Venue.open_orders`."""
        profile = self._names.profile
        found: dict[tuple[str, str], OrderStatusReport] = {}
        store = profile.trigger_store
        shelves: list[Mapping[str, str | bool]] = [{}, store.params] if store else [{}]
        for params in shelves:
            for symbol, segment in self._open_questions():
                args = (symbol, None, None, {**segment, **params})
                raw = await self._client.call("fetch_open_orders", *args)
                for row in rows(raw, "orders"):
                    found |= self._standing(row)
        return list(found.values())

    def _standing(self, row: object) -> dict[tuple[str, str], OrderStatusReport]:
        """An open order by its name; nothing for one that can not be read and is not traded here.

        Those are not ours to understand, and must not keep ours from being looked at.
        """
        try:
            each = order_status(row, self._names)
        except MalformedError:
            if self._names.is_elsewhere(mapping(row, "order").get("symbol")):
                return {}
            raise
        return {(each.symbol, each.venue_order_id): each}

    def _open_questions(self) -> list[tuple[str | None, Mapping[str, str]]]:
        """Symbol by symbol where the venue wants that, else segment by segment."""
        if self._names.profile.open_orders_need_symbol or not self._names.profile.is_known:
            return [(symbol, {}) for symbol in self._names.symbols]
        return [(None, _SEGMENTS[kind]) for kind in self.kinds]

    async def trades(self, since: int) -> list[FillReport]:
        """See `Venue.trades`; of the symbols that are traded here."""
        profile, now = self._names.profile, self._clock.now()
        told = max(profile.capabilities.history_ns, profile.trade_history_days * _NS_PER_DAY)
        first = max(since, now - told)
        # A trade may be stamped by a clock that is ahead of the one we compared with.
        last = now + profile.capabilities.clock_bound_ns
        found: list[FillReport] = []
        for symbol in (None,) if profile.trades_of_all else self._names.symbols:
            found += await self._trades.since(symbol, first, last)
        kept = [each for each in found if each.ts >= since]
        return sorted(kept, key=lambda each: each.ts)

    async def balances(self) -> Sequence[BalanceReport]:
        """See `Venue.balances`."""
        profile, found = self._names.profile, dict[str, Decimal]()
        whole: dict[str, str] = {}
        asked = [profile.wallets.get(kind, whole) for kind in self.kinds]
        for params in asked if profile.wallets else [whole]:
            raw = await self._client.call("fetch_balance", params)
            for each in balances(raw, profile.wallet, self._client.currency_code):
                found[each.currency] = EXACT.add(found.get(each.currency, ZERO), each.total)
        return [BalanceReport(*each) for each in found.items()]

    async def positions(self) -> Sequence[PositionReport]:
        """See `Venue.positions`."""
        raw: list[object] = []
        for symbols in self._position_questions():
            raw += rows(await self._client.call("fetch_positions", symbols), "positions")
        return positions(raw, self._names)

    def _position_questions(self) -> list[list[str]]:
        """Together those that settle in one currency, of which ccxt often sees the first only.

        Some venues take so many at once and no more.
        """
        asked: dict[str, list[str]] = {}
        for each in self._names.symbols:
            if kind_of(each) is not InstrumentKind.SPOT:
                alone = self._names.profile.positions_need_symbol
                asked.setdefault(each if alone else each.partition(":")[2], []).append(each)
        return [
            each[begin : begin + _POSITIONS_AT_ONCE]
            for each in asked.values()
            for begin in range(0, len(each), _POSITIONS_AT_ONCE)
        ]


def _is_it(
    found: OrderStatusReport, unified: str, client_order_id: str, venue_order_id: str, names: Names
) -> bool:
    """Whether it is the order that was asked for; an id the venue does not repeat is no other."""
    if found.symbol != names.spelled(unified):
        return False
    if venue_order_id:
        return found.venue_order_id == venue_order_id
    return bool(client_order_id) and found.client_order_id == client_order_id


def _of_order(raw: object) -> object:
    """A cancel's answer under the order's id: Binance's bears the id of the cancel itself."""
    given = mapping(raw, "order")
    info = given.get("info")
    if not isinstance(info, Mapping):
        return given
    original = cast("Mapping[str, object]", info).get("origClientOrderId")
    return {**given, "clientOrderId": original} if original else given


def no_key(title: str) -> VenueUnavailableError:
    """What is raised where there is no key: nothing can have been sent."""
    return VenueUnavailableError(
        f"{title} was reached without a key: it shows its market and takes no orders",
        remedy="alphaforge keys set VENUE",
    )

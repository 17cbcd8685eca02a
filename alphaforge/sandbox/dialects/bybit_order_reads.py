"""Bybit's order and execution lists, page by page.

Must never change anything, nor show one account what is another's.
"""

from collections.abc import Sequence

from alphaforge.sandbox.dialects.bybit_asked import Asked, Gate, Json, listed, paged
from alphaforge.sandbox.dialects.bybit_errors import PARAMS, BybitError
from alphaforge.sandbox.dialects.bybit_ghosts import KEPT, Ghosts
from alphaforge.sandbox.dialects.bybit_names import EMPTY_CATEGORIES
from alphaforge.sandbox.dialects.bybit_orders import chosen, narrowed, read_ids
from alphaforge.sandbox.dialects.bybit_shapes import Shapes, status_of
from alphaforge.sandbox.floor import Call, Route
from alphaforge.sandbox.terms import Execution, Listing, Order, Refusal, RefusedError

_WEEK_NS = 7 * 24 * 3_600_000_000_000
_MOST_ORDERS, _USUAL_ORDERS = 50, 20
_MOST_EXECUTIONS, _USUAL_EXECUTIONS = 100, 50


class OrderReads:
    """Answers what stands and what was."""

    def __init__(self, shapes: Shapes, ghosts: Ghosts) -> None:
        self._shapes = shapes
        self._ghosts = ghosts

    def routes(self, gate: Gate) -> Sequence[Route]:
        """What is asked where."""
        asked = (
            ("/v5/order/realtime", self.realtime),
            ("/v5/order/history", self.history),
            ("/v5/execution/list", self.executions),
        )
        calls = {"/v5/execution/list": Call.TRADES, "/v5/order/history": Call.QUERY}
        return [
            Route(
                "GET",
                path,
                calls.get(path, Call.OPEN_ORDERS),
                gate.reading(answer),
                is_private=True,
            )
            for path, answer in asked
        ]

    def realtime(self, asked: Asked) -> Json:
        """Open orders; with `openOnly=1` the last 500 that ended; with an id either."""
        if asked.category in EMPTY_CATEGORIES:
            return listed(asked.category, [])
        if asked.text("orderId") or asked.text("orderLinkId"):
            found = self._named(asked)
        elif asked.text("openOnly") == "1":
            found = [each for each in self._all(asked) if not each.is_open][:KEPT]
        else:
            exchange = asked.floor.exchange
            found = [
                order
                for listing in narrowed(asked)
                for order in exchange.open_orders(asked.account, listing.symbol)
            ]
            found.sort(key=_newest)
        return self._page(asked, found)

    def history(self, asked: Asked) -> Json:
        """Orders that ended, newest first, by status and time; at most seven days at once."""
        if asked.category in EMPTY_CATEGORIES:
            return listed(asked.category, [])
        start, end = _window(asked)
        status = asked.text("orderStatus")
        is_named = asked.text("orderId") or asked.text("orderLinkId")
        found = self._named(asked) if is_named else self._all(asked)
        listings = asked.floor.exchange.listings
        wanted = [
            each
            for each in found
            if not each.is_open
            and (is_named or start <= each.created <= end)
            and status in {"", status_of(each, listings[each.symbol])}
        ]
        return self._page(asked, wanted)

    def _page(self, asked: Asked, orders: list[Order]) -> Json:
        store = asked.text("orderFilter")
        rows = [
            self._shapes.order(each)
            for each in orders
            if not store or self._shapes.filter_of(each) == store
        ]
        return paged(asked, asked.category, rows, _MOST_ORDERS, _USUAL_ORDERS)

    def _all(self, asked: Asked) -> list[Order]:
        exchange = asked.floor.exchange
        found = [
            order
            for listing in chosen(asked)
            for order in (
                *exchange.orders(asked.account, listing.symbol),
                *self._ghosts.of(asked.account, listing.symbol),
            )
        ]
        return sorted(found, key=_newest)

    def _named(self, asked: Asked) -> list[Order]:
        """The order of an id in any market of the category; none is an empty list, no error."""
        order_id, link_id = read_ids(asked)
        for listing in chosen(asked):
            found = self._find(asked, listing, order_id, link_id)
            if found is not None:
                return [found]
        return []

    def _find(self, asked: Asked, listing: Listing, order_id: int, link_id: str) -> Order | None:
        try:
            return asked.floor.exchange.order(
                asked.account, listing.symbol, order_id=order_id, client_order_id=link_id
            )
        except RefusedError as error:
            if error.refusal is not Refusal.UNKNOWN_ORDER:
                raise
            return self._ghosts.find(asked.account, listing.symbol, order_id, link_id)

    def executions(self, asked: Asked) -> Json:
        """Trades, newest first, of at most seven days at once."""
        if asked.category in EMPTY_CATEGORIES:
            return listed(asked.category, [])
        start, end = _window(asked)
        is_named = asked.text("orderId") or asked.text("orderLinkId")
        order_id, link_id = read_ids(asked) if is_named else (0, "")
        exchange = asked.floor.exchange
        found: list[Execution] = []
        for listing in chosen(asked):
            for each in exchange.executions(asked.account, listing.symbol):
                if not start <= each.ts <= end or asked.text("execType") not in {"", "Trade"}:
                    continue
                if order_id and each.order_id != order_id:
                    continue
                if link_id and each.client_order_id != link_id:
                    continue
                found.append(each)
        found.sort(key=lambda each: (each.ts, each.trade_id), reverse=True)
        start_at = int(asked.number("cursor") or 0)
        end_at = start_at + asked.count("limit", _USUAL_EXECUTIONS, _MOST_EXECUTIONS)
        rows = [
            self._shapes.execution(each, self._order_of(asked, each))
            for each in found[start_at:end_at]
        ]
        return listed(asked.category, rows, str(end_at) if end_at < len(found) else "")

    def _order_of(self, asked: Asked, execution: Execution) -> Order | None:
        exchange = asked.floor.exchange
        try:
            return exchange.order(execution.account, execution.symbol, order_id=execution.order_id)
        except RefusedError:  # the exchange remembers so many ended orders and no more
            return None


def _newest(order: Order) -> tuple[int, int]:
    return (-order.created, -order.order_id)


def _window(asked: Asked) -> tuple[int, int]:
    """From and until, ns: the last seven days, or seven from or up to the one that is given.

    Raises:
        BybitError: 10001, they are further apart.
    """
    start, end = asked.time("startTime"), asked.time("endTime")
    if end is None:
        end = asked.now if start is None else start + _WEEK_NS
    if start is None:
        start = end - _WEEK_NS
    if not 0 <= end - start <= _WEEK_NS:
        words = "The time range between startTime and endTime cannot exceed 7 days"
        raise BybitError(PARAMS, words)
    # The last millisecond is meant whole.
    return start, end + 999_999

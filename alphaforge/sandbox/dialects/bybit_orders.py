"""Bybit's order calls that act: create, amend, cancel, alone and in batches, over REST and socket.

The answer to each is an acknowledgement with the order's two ids; what became of it comes over the
private stream or is asked for. Must never report an order as it stands in an acknowledgement.
"""

from collections.abc import Callable, Sequence
from typing import cast

from alphaforge.model.enums import InstrumentKind
from alphaforge.sandbox.dialects.bybit_asked import (
    Answer,
    Asked,
    Extended,
    Gate,
    Json,
    run,
)
from alphaforge.sandbox.dialects.bybit_errors import PARAMS, BybitError, refused, refused_order
from alphaforge.sandbox.dialects.bybit_ghosts import Ghosts
from alphaforge.sandbox.dialects.bybit_names import (
    category_of,
    link_id,
    ms_text,
    order_number,
    order_text,
)
from alphaforge.sandbox.dialects.bybit_new_order import read_filter, read_link_id, read_order
from alphaforge.sandbox.dialects.bybit_shapes import (
    NOTHING_TO_FILL,
    PLAIN_ORDER,
    POST_ONLY_TAKES,
    TPSL_ORDER,
    Shapes,
)
from alphaforge.sandbox.floor import Call, Route
from alphaforge.sandbox.terms import Listing, NewOrder, Order, Refusal, RefusedError

_LATER = {Refusal.WOULD_TAKE: POST_ONLY_TAKES, Refusal.NO_LIQUIDITY: NOTHING_TO_FILL}
"""What an order is refused for only after it was acknowledged."""

_LARGEST_BATCH = {"spot": 10, "linear": 20, "inverse": 20}
_NO_ID = "params error: orderId and orderLinkId cannot both be empty"


class Orders:
    """Acts on the exchange for whoever asks."""

    def __init__(self, shapes: Shapes, ghosts: Ghosts, tell: Callable[[Order], None]) -> None:
        """`tell` sends an order that the exchange does not know of to its account's streams."""
        self._shapes = shapes
        self._ghosts = ghosts
        self._tell = tell

    def routes(self, gate: Gate) -> Sequence[Route]:
        """What is asked where."""
        asked = (
            ("/v5/order/create", Call.CREATE, self.create),
            ("/v5/order/amend", Call.REPLACE, self.amend),
            ("/v5/order/cancel", Call.CANCEL, self.cancel),
            ("/v5/order/cancel-all", Call.CANCEL, self.cancel_all),
            ("/v5/order/create-batch", Call.CREATE, self.batch(self.create)),
            ("/v5/order/amend-batch", Call.REPLACE, self.batch(self.amend)),
            ("/v5/order/cancel-batch", Call.CANCEL, self.batch(self.cancel)),
        )
        return [
            Route("POST", path, call, gate.acting(answer), is_private=True)
            for path, call, answer in asked
        ]

    def create(self, asked: Asked) -> Json:
        """A new order."""
        listing = asked.listing()
        exchange = asked.floor.exchange
        new = read_order(asked, listing, exchange.last(listing.symbol))
        store = read_filter(asked, listing, new.trigger_price)
        if new.client_order_id and self._is_spent(asked, listing, new.client_order_id):
            raise refused(RefusedError(Refusal.DUPLICATE_CLIENT_ID, "spent"), asked.category)
        self._shapes.coming = store if store == TPSL_ORDER else ""
        try:
            order = exchange.place(asked.account, new, asked.now)
        except RefusedError as error:
            order = self._refuse(asked, listing, new, error)
        finally:
            self._shapes.coming = ""
        return _ids(order, listing)

    def _is_spent(self, asked: Asked, listing: Listing, own_id: str) -> bool:
        """Whether a client id was ever used in the market: Bybit takes none twice."""
        if self._ghosts.find(asked.account, listing.symbol, 0, own_id) is not None:
            return True
        try:
            asked.floor.exchange.order(asked.account, listing.symbol, client_order_id=own_id)
        except RefusedError:  # nobody has used it
            return False
        return True

    def _refuse(self, asked: Asked, listing: Listing, new: NewOrder, error: RefusedError) -> Order:
        """An acknowledged order that has already failed; raises for what is refused at once."""
        reason = _LATER.get(error.refusal)
        if reason is None:
            raise refused_order(error, listing, new) from error
        ghost = self._ghosts.add(asked.account, new, reason, asked.now)
        self._tell(ghost)
        return ghost

    def amend(self, asked: Asked) -> Json:
        """Another quantity (all of it, filled part included), price or trigger; the id stays."""
        listing = asked.listing()
        order_id, own_id = read_ids(asked)
        order = asked.floor.exchange.amend(
            asked.account,
            listing.symbol,
            asked.now,
            order_id=order_id,
            client_order_id=own_id,
            quantity=asked.price("qty"),
            limit_price=asked.price("price"),
            trigger_price=asked.price("triggerPrice"),
        )
        return _ids(order, listing)

    def cancel(self, asked: Asked) -> Json:
        """End an order. A spot stop is found only in the store `orderFilter` names."""
        listing = asked.listing()
        order_id, own_id = read_ids(asked)
        exchange = asked.floor.exchange
        if listing.kind is InstrumentKind.SPOT:
            order = exchange.order(
                asked.account, listing.symbol, order_id=order_id, client_order_id=own_id
            )
            wanted = asked.text("orderFilter") or PLAIN_ORDER
            if order.is_open and self._shapes.filter_of(order) != wanted:
                raise RefusedError(Refusal.UNKNOWN_ORDER, f"not an order of {wanted}")
        canceled = exchange.cancel(
            asked.account,
            listing.symbol,
            asked.now,
            order_id=order_id,
            client_order_id=own_id,
        )
        return _ids(canceled, listing)

    def cancel_all(self, asked: Asked) -> Json:
        """End every order of a market, a settle coin, a base coin, or (spot) of the category.

        Spot stops only where `orderFilter` names their store; a contract's always.
        """
        exchange = asked.floor.exchange
        wanted = asked.text("orderFilter")
        rows: list[Json] = []
        for listing in narrowed(asked):
            is_spot = listing.kind is InstrumentKind.SPOT
            store = wanted or (PLAIN_ORDER if is_spot else "")
            for order in list(exchange.open_orders(asked.account, listing.symbol)):
                if (store and self._shapes.filter_of(order) != store) or not order.is_open:
                    continue
                exchange.cancel(asked.account, listing.symbol, asked.now, order_id=order.order_id)
                rows.append(_ids(order, listing))
        return {"list": rows, "success": "1"}

    def batch(self, answer: Answer) -> Answer:
        """Several of one kind, each for itself: one that fails stops no other."""

        def each_for_itself(asked: Asked) -> Extended:
            category = asked.category
            requests = asked.params.get("request")
            if not isinstance(requests, list) or not requests:
                raise BybitError(PARAMS, "params error: request is required")
            parts = cast("list[object]", requests)
            if len(parts) > _LARGEST_BATCH.get(category, 20):
                raise BybitError(PARAMS, "params error: too many orders in one request")
            rows: list[Json] = []
            codes: list[Json] = []
            for part in parts:
                row, code = _one(answer, asked, category, part)
                rows.append(row)
                codes.append(code)
            return Extended({"list": rows}, {"list": codes})

        return each_for_itself


def _one(answer: Answer, asked: Asked, category: str, part: object) -> tuple[Json, Json]:
    params = cast("dict[str, object]", part) if isinstance(part, dict) else {}
    row: Json = {
        "category": category,
        "symbol": str(params.get("symbol", "")),
        "orderId": "",
        "orderLinkId": str(params.get("orderLinkId", "")),
        "createAt": "",
    }
    try:
        ids = run(answer, asked.part({**params, "category": category}))
    except BybitError as error:
        return row, {"code": error.code, "msg": error.message}
    row |= cast("Json", ids) | {"createAt": ms_text(asked.now)}
    return row, {"code": 0, "msg": "OK"}


def read_ids(asked: Asked) -> tuple[int, str]:
    """The order asked about: its id, else (0 and) the client's; raises 10001 without either.

    An id that this exchange never wrote is -1, which no order has.
    """
    text, own_id = asked.text("orderId"), read_link_id(asked)
    if not text and not own_id:
        raise BybitError(PARAMS, _NO_ID)
    return (order_number(text) or -1, "") if text else (0, own_id)


def narrowed(asked: Asked) -> list[Listing]:
    """As `chosen`, for questions that linear contracts need to narrow.

    Raises:
        BybitError: 10001: none of symbol, baseCoin and settleCoin is given.
    """
    is_narrow = any(asked.text(name) for name in ("symbol", "baseCoin", "settleCoin"))
    if asked.category == "linear" and not is_narrow:
        words = "params error: missing some parameters that must be filled in, "
        raise BybitError(PARAMS, words + "symbol or settleCoin or baseCoin")
    return chosen(asked)


def chosen(asked: Asked) -> list[Listing]:
    """The markets of a private question: by symbol, or by base and settle coin, or all."""
    category = asked.category
    if asked.text("symbol"):
        return [asked.listing()]
    base, settle = asked.text("baseCoin"), asked.text("settleCoin")
    return [
        each
        for each in asked.floor.exchange.listings.values()
        if category_of(each) == category and base in {"", each.base} and settle in {"", each.settle}
    ]


def _ids(order: Order, listing: Listing) -> Json:
    return {
        "orderId": order_text(order.order_id, listing),
        "orderLinkId": link_id(order.order_id, order.client_order_id),
    }

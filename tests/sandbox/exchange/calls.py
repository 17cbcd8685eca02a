"""Random calls to an exchange, for laws: what they are, and how they are made."""

from decimal import Decimal
from typing import NamedTuple

from hypothesis import strategies as st
from msgspec.structs import replace

from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.terms import RefusedError, SelfTrade, Tif, Told
from tests.sandbox.exchange.desk import BUY, LISTING, PERP, PERPETUAL, SELL, SPOT, D, order

RECEIVED = "ETH/USDT"
LISTINGS = (
    replace(LISTING, taker_fee=D("0.00123457"), min_value=D(0)),
    replace(PERPETUAL, maker_fee=D("-0.00010003"), taker_fee=D("0.00057001"), min_value=D(0)),
    replace(LISTING, symbol=RECEIVED, base="ETH", fee_in_received=True, min_value=D(0)),
)
NAMES = ("ann", "bob", "@maker")
FUNDS = {"USDT": D(3_000), "BTC": D(10), "ETH": D(10)}

names = st.sampled_from(NAMES)
sides = st.sampled_from((BUY, SELL))
quantities = st.sampled_from([D(text) for text in ("0.333", "1", "2.5", "7", "7.001", "25")])
prices = st.sampled_from(
    [D(text) for text in ("97", "98", "99.01", "99.99", "100", "100.01", "101.37", "102", "103")]
)


class Call(NamedTuple):
    """One call; `pick` chooses among what is open then."""

    verb: str
    account: str
    symbol: str
    side: object = BUY
    quantity: Decimal = D(1)
    price: Decimal | None = None
    other: Decimal = D(100)
    more: tuple = ()
    pick: int = 0


options = st.one_of(
    st.just(()),
    st.sampled_from([(("tif", Tif.IOC),), (("tif", Tif.FOK),)]),
    st.sampled_from([(("self_trade", mode),) for mode in SelfTrade]),
    st.sampled_from([(("reduce_only", True),), (("post_only", True),)]),
)


def call_in(symbols: tuple[str, ...]) -> st.SearchStrategy[Call]:
    """Any call in these markets."""
    chosen = st.sampled_from(symbols)
    terms = (names, chosen, sides, quantities)

    def calling(verbs: tuple[str, ...], limits, more, pick) -> st.SearchStrategy[Call]:
        return st.builds(Call, st.sampled_from(verbs), *terms, limits, prices, more, pick)

    none, first = st.just(()), st.just(0)
    placing = calling(("place",), prices, options, first)
    taking = calling(("place",), st.none(), options, first)
    resting = calling(("iceberg", "oco"), prices, none, first)
    stopping = calling(("stop", "trail", "value"), prices, none, first)
    changing = calling(("cancel", "amend", "shrink", "reject"), prices, none, st.integers(0, 9))
    return placing | placing | placing | taking | resting | stopping | changing


one = call_in((SPOT, PERP))
calls = st.sampled_from([(SPOT,), (PERP,), (RECEIVED,), (SPOT, PERP)]).flatmap(
    lambda symbols: st.lists(call_in(symbols), min_size=10, max_size=35)
)


def make(exchange: Exchange, call: Call, now: int) -> str:
    """Make a call; what came of it."""
    try:
        return _VERBS[call.verb](exchange, call, now)
    except RefusedError as refused:
        return refused.refusal.value


def _place(exchange, call, now):
    new = order(call.side, call.quantity, call.price, **{"symbol": call.symbol, **dict(call.more)})
    return exchange.place(call.account, new, now).standing.value


def _stop(exchange, call, now):
    price = call.price if call.quantity < 2 else None
    new = order(call.side, call.quantity, price, symbol=call.symbol, trigger_price=call.other)
    return exchange.place(call.account, new, now).standing.value


def _trail(exchange, call, now):
    new = order(call.side, call.quantity, symbol=call.symbol, trail="0.01")
    return exchange.place(call.account, new, now).standing.value


def _oco(exchange, call, now):
    low, high = sorted((call.price, call.other))
    price, trigger = (high, low) if call.side is SELL else (low, high)
    limit = order(call.side, call.quantity, price, symbol=call.symbol)
    stop = order(call.side, call.quantity, symbol=call.symbol, trigger_price=trigger)
    return str(exchange.place_oco(call.account, limit, stop, "", now).list_id)


def _iceberg(exchange, call, now):
    new = order(call.side, call.quantity, call.price, symbol=call.symbol, visible="0.3")
    return exchange.place(call.account, new, now).standing.value


def _value(exchange, call, now):
    new = order(call.side, None, symbol=call.symbol, value=call.price * call.quantity)
    return exchange.place(call.account, new, now).standing.value


def _picked(exchange, call):
    found = exchange.open_orders(call.account)
    return found[call.pick % len(found)] if found else None


def _cancel(exchange, call, now):
    chosen = _picked(exchange, call)
    if chosen is None:
        return "nothing"
    return exchange.cancel(
        call.account, chosen.symbol, now, order_id=chosen.order_id
    ).standing.value


def _reject(exchange, call, now):
    chosen = _picked(exchange, call)
    if chosen is None:
        return "nothing"
    return exchange.reject_open(call.account, chosen.order_id, "late", now).standing.value


def _amend(exchange, call, now):
    chosen = _picked(exchange, call)
    if chosen is None:
        return "nothing"
    limit = call.price if chosen.limit_price is not None else None
    ids = {"order_id": chosen.order_id}
    return exchange.amend(
        call.account, chosen.symbol, now, **ids, quantity=call.quantity, limit_price=limit
    ).standing.value


def _shrink(exchange, call, now):
    chosen = _picked(exchange, call)
    if chosen is None or chosen.leaves <= D("0.001"):
        return "nothing"
    less = chosen.quantity - D("0.001")
    return exchange.amend(
        call.account, chosen.symbol, now, order_id=chosen.order_id, quantity=less
    ).standing.value


_VERBS = {
    "place": _place,
    "stop": _stop,
    "trail": _trail,
    "oco": _oco,
    "iceberg": _iceberg,
    "value": _value,
    "cancel": _cancel,
    "reject": _reject,
    "amend": _amend,
    "shrink": _shrink,
}


def start() -> tuple[Exchange, list[Told]]:
    """A new exchange and what it will tell."""
    exchange, told = Exchange(LISTINGS), []
    exchange.listeners.append(told.append)
    for name in NAMES:
        exchange.open_account(name, FUNDS)
    return exchange, told

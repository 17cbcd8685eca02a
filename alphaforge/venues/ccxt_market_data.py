"""What ccxt says of the market, as the model's values: rules, prints, quotes, books and bars.

Prices and sizes are floats here, as everywhere in market data; the rules of an instrument are
exact. Must never pass on a price of zero, a crossed quote or a bar that is not over.
"""

from collections.abc import Sequence
from decimal import Decimal
from operator import gt, lt

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar, BookDelta, BookSnapshot, Level, Quote, Trade
from alphaforge.model.numbers import ONE, ZERO
from alphaforge.venues.ccxt_names import Names
from alphaforge.venues.ccxt_values import (
    MalformedError,
    Raw,
    inner,
    mapping,
    market_float,
    market_price,
    plain_levels,
    required_some,
    required_text,
    rows,
    side,
    some,
    text,
    time_ns,
    time_of,
)

_LARGEST_ID = 2**63


# Rules ----------------------------------------------------------------------------------------


def instrument(
    market: object, *, venue: str, symbol: str, maker: Decimal, taker: Decimal
) -> Instrument:
    """The rules of one of ccxt's markets.

    Its precision must be in steps (ccxt's TICK_SIZE mode), and its fees the account's: those of
    a market are the class's defaults. Raises `MalformedError` for what we do not trade (options,
    contracts that settle in a third currency) and for missing steps.
    """
    given = mapping(market, "market")
    kind = _kind(given)
    precision, limits = inner(given, "precision"), inner(given, "limits")
    step = required_some(precision, "amount")
    base, quote = required_text(given, "base"), required_text(given, "quote")
    return Instrument(
        symbol=symbol,
        venue=venue,
        kind=kind,
        base=base,
        quote=quote,
        settle=_settle(given, kind, base, quote),
        price_step=required_some(precision, "price"),
        quantity_step=step,
        min_quantity=max(some(inner(limits, "amount"), "min") or step, step),
        min_value=some(inner(limits, "cost"), "min") or ZERO,
        multiplier=ONE if kind is InstrumentKind.SPOT else required_some(given, "contractSize"),
        maker_fee=maker,
        taker_fee=taker,
        source="venue",
    )


def _kind(market: Raw) -> InstrumentKind:
    if market.get("option") is True:
        raise MalformedError("type", market.get("type"), "options are not traded here")
    if market.get("contract") is True:
        if market.get("inverse") is True:
            return InstrumentKind.INVERSE
        if market.get("linear") is True:
            return InstrumentKind.LINEAR
    elif market.get("spot") is True:
        return InstrumentKind.SPOT
    raise MalformedError("type", market.get("type"), "neither spot, linear nor inverse")


def _settle(market: Raw, kind: InstrumentKind, base: str, quote: str) -> str:
    wanted = base if kind is InstrumentKind.INVERSE else quote
    settle = text(market, "settle") or (wanted if kind is InstrumentKind.SPOT else "")
    if settle != wanted:
        raise MalformedError("settle", settle, f"a {kind.lower()} contract that is not in {wanted}")
    return settle


# Prints and quotes ----------------------------------------------------------------------------


def trade(raw: object, names: Names) -> Trade:
    """A public print; its side is the aggressor's."""
    given = mapping(raw, "trade")
    size = market_price(given.get("amount"), "amount")
    ts = time_ns(given, "timestamp")
    if not ts:
        raise MalformedError("timestamp", given.get("timestamp"), "missing")
    return Trade(
        symbol=names.spelled(required_text(given, "symbol")),
        ts=ts,
        price=market_price(given.get("price"), "price"),
        size=size,
        side=_aggressor(given),
        trade_id=text(given, "id"),
    )


def _aggressor(raw: Raw) -> OrderSide | None:
    return None if raw.get("side") is None else side(raw)


def quote(raw: object, names: Names, now: int) -> Quote | None:
    """Best bid and ask, from a ticker; None where a side is empty.

    `now` is the venue's clock (ns), for tickers that tell no time.
    """
    given = mapping(raw, "ticker")
    bid, ask = _size(given, "bid"), _size(given, "ask")
    symbol, ts = names.spelled(required_text(given, "symbol")), time_ns(given, "timestamp") or now
    sizes = _size(given, "bidVolume"), _size(given, "askVolume")
    return _quote(symbol, ts, (bid, sizes[0]), (ask, sizes[1])) if bid and ask else None


def _size(raw: Raw, field: str) -> float:
    """A number that is not negative; 0 where it is missing."""
    value = raw.get(field)
    return 0.0 if value is None else market_float(value, field)


def _quote(symbol: str, ts: int, bid: Level, ask: Level) -> Quote:
    if bid[0] > ask[0]:
        raise MalformedError("bid", bid[0], f"above the ask, {ask[0]}")
    return Quote(symbol, ts, bid[0], ask[0], bid[1], ask[1])


# Books ----------------------------------------------------------------------------------------


def book_snapshot(raw: object, names: Names, symbol: str, now: int) -> BookSnapshot:
    """A whole book, levels best first; `symbol` is ccxt's, `now` as for `quote`."""
    given = mapping(raw, "book")
    bids, asks = _levels(given, "bids", -1), _levels(given, "asks", 1)
    if bids and asks and bids[0][0] >= asks[0][0]:
        raise MalformedError("bids", bids[0][0], f"the book is crossed: the ask is {asks[0][0]}")
    return BookSnapshot(
        symbol=names.spelled(symbol),
        ts=time_ns(given, "timestamp") or now,
        bids=bids,
        asks=asks,
        last_id=_update_id(given.get("nonce")),
    )


def _levels(raw: Raw, field: str, direction: int) -> tuple[Level, ...]:
    """The levels of one side that have a size, in their order."""
    window = rows(raw.get(field), field)
    plain = plain_levels(window, gt if direction < 0 else lt)
    if plain is not None:
        return plain
    levels: list[Level] = []
    for row in window:
        level = rows(row, field)
        if len(level) < 2:  # noqa: PLR2004 - a price and a size
            raise MalformedError(field, row, "not a price and a size")
        price, size = market_price(level[0], field), market_float(level[1], field)
        if levels and direction * price <= direction * levels[-1][0]:
            raise MalformedError(field, price, "levels are not in order")
        if size:
            levels.append((price, size))
    return tuple(levels)


def _update_id(value: object) -> int:
    """The venue's sequence number; 0 where it has none."""
    is_id = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST_ID
    return value if is_id and isinstance(value, int) else 0


def book_top(book: BookSnapshot) -> Quote | None:
    """Best bid and ask of a book; None where a side is empty."""
    if not book.bids or not book.asks:
        return None
    return _quote(book.symbol, book.ts, book.bids[0], book.asks[0])


def book_delta(before: BookSnapshot, after: BookSnapshot) -> BookDelta:
    """What changed from one state of a book to the next, with sizes of 0 for what is gone.

    Two states of the same number differ out of sequence. Raises `MalformedError` where the
    numbers go back: the book was begun anew, and is to be told as a whole.
    """
    if after.last_id < before.last_id:
        raise MalformedError("nonce", after.last_id, f"before the {before.last_id} that we have")
    is_numbered = after.last_id > before.last_id
    return BookDelta(
        symbol=after.symbol,
        ts=after.ts,
        bids=_changes(before.bids, after.bids),
        asks=_changes(before.asks, after.asks),
        first_id=before.last_id + 1 if is_numbered else 0,
        last_id=after.last_id if is_numbered else 0,
        previous_id=before.last_id if is_numbered else None,
    )


def _changes(before: tuple[Level, ...], after: tuple[Level, ...]) -> tuple[Level, ...]:
    if before == after:
        return ()
    was, now = dict(before), dict(after)
    before_of = was.get
    gone = [(price, 0.0) for price in was if price not in now]
    return (*gone, *[level for level in after if before_of(level[0]) != level[1]])


# Bars -----------------------------------------------------------------------------------------


def bars(
    raw: Sequence[object], symbol: str, kind: str, interval_ns: int, now: int
) -> tuple[Bar, ...]:
    """History, oldest first, without the bar that is not over at `now` (venue time, ns).

    `raw` is ccxt's rows of open time, open, high, low, close and volume; `symbol` is ours. Raises
    `MalformedError` for rows out of order or a bar whose high or low is not one.
    """
    found: list[Bar] = []
    for row in rows(raw, "bars"):
        each = _bar(rows(row, "bar"), symbol, kind, interval_ns)
        if found and each.ts_open <= found[-1].ts_open:
            raise MalformedError("bar", each.ts_open, "bars are not in order")
        if each.ts <= now:
            found.append(each)
    return tuple(found)


def _bar(row: Sequence[object], symbol: str, kind: str, interval_ns: int) -> Bar:
    if len(row) < 6:  # noqa: PLR2004 - time, open, high, low, close, volume
        raise MalformedError("bar", list(row), "not six values")
    ts_open = time_of(row[0], "bar")
    opened, high, low, close = (market_price(row[place], "bar") for place in (1, 2, 3, 4))
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise MalformedError("bar", list(row), "its high or low is not one")
    return Bar(
        symbol=symbol,
        kind=kind,
        ts=ts_open + interval_ns,
        ts_open=ts_open,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=0.0 if row[5] is None else market_float(row[5], "bar"),
        historical=True,
    )

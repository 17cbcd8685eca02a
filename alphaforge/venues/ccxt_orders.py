"""What ccxt says of the account, as claims: orders, fills, balances and positions.

ccxt's `closed` is not filled, its None is not zero, and what it has worked out by itself is not the
venue's word, so the venue's own words are read where a profile knows them. A message that can not
be is a `MalformedError`, which leaves things in doubt. Must never conclude an end from less than
the venue's word for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import cast

from alphaforge.model.claims import (
    BalanceReport,
    FillReport,
    OrderStatusReport,
    PositionReport,
    VenueStatus,
)
from alphaforge.model.enums import Liquidity, OrderType, TimeInForce
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.venues.ccxt_names import Names
from alphaforge.venues.ccxt_profile import Profile, Wallet
from alphaforge.venues.ccxt_values import (
    MalformedError,
    Raw,
    amount,
    flag,
    inner,
    mapping,
    number,
    number_of,
    required_some,
    required_text,
    rows,
    side,
    some,
    text,
    time_ns,
)

_STATUSES = {
    "open": VenueStatus.OPEN,
    "canceling": VenueStatus.OPEN,
    "canceled": VenueStatus.CANCELED,
    "expired": VenueStatus.EXPIRED,
    "rejected": VenueStatus.REJECTED,
    "closed": VenueStatus.FILLED,
}

_TIFS = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}

_WOKEN = "the stop woke and became an order of its own"

_LONGEST_CURRENCY = 64

_NO_REASON = frozenset({"", "NONE", "EC_NOERROR", "EC_NOERR", "UNKNOWN", "0"})


# Orders ---------------------------------------------------------------------------------------


def order_status(raw: object, names: Names) -> OrderStatusReport:
    """How an order stands, from an order of ccxt's.

    `filled` stays None where nobody says it. An order that was rejected after fills has been
    canceled, with the venue's reason. Raises `MalformedError` for what can not be understood: an
    unknown status, a `closed` order that is not filled, no side, no time, no id.
    """
    given = mapping(raw, "order")
    profile, info = names.profile, _info(given)
    quantity, filled = some(given, "amount"), amount(given, "filled")
    status = _status(given, info, profile)
    has_woken = _has_become_another(info, profile)
    if has_woken:
        filled = ZERO
    kind = _order_type(given)
    limit = some(given, "price") if kind in {OrderType.LIMIT, OrderType.STOP_LIMIT} else None
    return OrderStatusReport(
        symbol=names.spelled(required_text(given, "symbol")),
        venue_order_id=required_text(given, "id"),
        status=_consistent(status, quantity, filled, given),
        side=side(given),
        ts=_order_time(given),
        client_order_id=names.from_wire(_client_id(given, info, profile)),
        order_type=kind,
        quantity=quantity,
        filled=filled,
        limit_price=limit,
        trigger_price=some(given, "triggerPrice"),
        tif=_TIFS.get(text(given, "timeInForce").upper(), TimeInForce.GTC),
        reduce_only=flag(given, "reduceOnly"),
        triggered=_is_triggered(given, info, profile),
        reason=""
        if status is VenueStatus.OPEN
        else _WOKEN
        if has_woken
        else _reason(info, profile),
        account=names.account,
    )


def answer(raw: object, names: Names, client_order_id: str = "") -> OrderStatusReport | None:
    """What the answer to a request says; None where it holds ids only, or no state.

    Raises `MalformedError` where it is about another order than `client_order_id` (of ours).
    """
    given = mapping(raw, "order")
    told = names.from_wire(_client_id(given, _info(given), names.profile))
    if client_order_id and told and told != client_order_id:
        raise MalformedError(
            "clientOrderId", told, f"the answer to a request for {client_order_id}"
        )
    needed = ("id", "symbol", "side", "status")
    if any(given.get(name) is None for name in needed) or not _told_times(given):
        return None
    return order_status(given, names)


def _info(raw: Raw) -> Raw:
    """What the venue itself wrote; ccxt puts a list or a text there at times."""
    info = raw.get("info")
    return cast("Raw", info) if isinstance(info, Mapping) else {}


def _client_id(raw: Raw, info: Raw, profile: Profile) -> str:
    for key in profile.original_keys:
        if found := text(info, key):
            return found
    found = text(raw, "clientOrderId")
    for key in profile.client_keys:
        found = found or text(info, key)
    return found


def _status(raw: Raw, info: Raw, profile: Profile) -> VenueStatus:
    """By the venue's own word where its words are known, else by ccxt's."""
    for key in profile.status_keys if profile.statuses else ():
        word = text(info, key)
        if word:
            status = profile.statuses.get(word)
            if status is None:
                raise MalformedError(
                    "status", word, f"not a status of {profile.title} that we know"
                )
            return status
    word = text(raw, "status")
    found = _STATUSES.get(word)
    if found is None:
        raise MalformedError("status", raw.get("status"), "not a status that we know")
    return found


def _consistent(
    status: VenueStatus, quantity: Decimal | None, filled: Decimal | None, raw: Raw
) -> VenueStatus:
    """The status, if the quantities bear it out."""
    if status is VenueStatus.REJECTED and filled:
        return VenueStatus.CANCELED
    if status is VenueStatus.FILLED and not _is_whole(quantity, filled):
        raise MalformedError("filled", raw.get("filled"), f"of a filled order of {quantity}")
    return status


def _is_whole(quantity: Decimal | None, filled: Decimal | None) -> bool:
    """Whether so much can be all of it; an order by value has no quantity of its own."""
    return bool(filled) and (quantity is None or filled >= quantity)


def _order_type(raw: Raw) -> OrderType:
    """Waiting for a trigger or not, with a limit or not; the venue's word decides about both.

    A take-profit order, which only others can have placed, is told as the stop it resembles.
    """
    word = text(raw, "type").lower()
    has_limit = "limit" in word or (word != "market" and "market" not in word and _has_price(raw))
    if some(raw, "triggerPrice") is not None:
        return OrderType.STOP_LIMIT if has_limit else OrderType.STOP_MARKET
    return OrderType.LIMIT if has_limit else OrderType.MARKET


def _has_price(raw: Raw) -> bool:
    return some(raw, "price") is not None


_TIMES = ("lastUpdateTimestamp", "lastTradeTimestamp", "timestamp")


def _told_times(raw: Raw) -> tuple[int, ...]:
    return tuple(ts for name in _TIMES if (ts := time_ns(raw, name)))


def _order_time(raw: Raw) -> int:
    """When its state was what it says: the latest time it tells."""
    told = _told_times(raw)
    if not told:
        raise MalformedError("timestamp", raw.get("timestamp"), "missing")
    return max(told)


def _is_triggered(raw: Raw, info: Raw, profile: Profile) -> bool:
    """Whether a stop woke: by the venue's flag or word for it."""
    if some(raw, "triggerPrice") is None:
        return False
    for key in profile.working_keys:
        if key in info:
            return info[key] is True
    words = (text(info, key) for key in profile.status_keys)
    return bool(profile.waiting_words) and not any(word in profile.waiting_words for word in words)


def _has_become_another(info: Raw, profile: Profile) -> bool:
    """A stop of a separate store woke: what is filled now is another order's."""
    store = profile.trigger_store
    return store is not None and any(text(info, key) in store.woken for key in profile.status_keys)


def _reason(info: Raw, profile: Profile) -> str:
    for key in profile.reason_keys:
        found = text(info, key)
        if found not in _NO_REASON:
            return found
    return ""


# Fills ----------------------------------------------------------------------------------------


def fill(raw: object, names: Names) -> FillReport:
    """An execution, as the account's list of trades tells it.

    A fee that is not told is none. Of fees in several currencies the first that is not zero
    counts: what is left over shows when balances are compared.
    """
    return _fill(mapping(raw, "trade"), names, 1)


def pushed_fill(raw: object, names: Names) -> FillReport:
    """An execution, as pushed; its fee must be told, and its sign is put right where needed."""
    given = mapping(raw, "trade")
    told = [each for each in _fees(given) if number(each, "cost") is not None]
    if not told:
        raise MalformedError("fee", given.get("fee"), "missing in a pushed trade: ask for the list")
    is_spot = ":" not in text(given, "symbol")
    if is_spot and any(number(each, "cost") and not text(each, "currency") for each in told):
        # Of what was bought, sold or a third: only contracts leave no choice.
        raise MalformedError("fee", given.get("fee"), "in a currency that is not told")
    return _fill(given, names, names.profile.pushed_fee_sign)


def _fill(raw: Raw, names: Names, sign: int) -> FillReport:
    symbol, info = required_text(raw, "symbol"), _info(raw)
    fee, currency = _fee(raw, symbol)
    ids = (text(raw, "order"), names.from_wire(_client_id(raw, info, names.profile)))
    if not any(ids):
        raise MalformedError("order", raw.get("order"), "missing, and no client order id either")
    ts = time_ns(raw, "timestamp")
    if not ts:
        raise MalformedError("timestamp", raw.get("timestamp"), "missing")
    return FillReport(
        symbol=names.spelled(symbol),
        trade_id=required_text(raw, "id"),
        venue_order_id=ids[0],
        side=side(raw),
        quantity=required_some(raw, "amount"),
        price=required_some(raw, "price"),
        fee=sign * fee,
        fee_currency=currency,
        liquidity=Liquidity.MAKER if text(raw, "takerOrMaker") == "maker" else Liquidity.TAKER,
        ts=ts,
        client_order_id=ids[1],
        account=names.account,
    )


def _fees(raw: Raw) -> tuple[Raw, ...]:
    listed = raw.get("fees")
    several = rows(listed, "fees") if listed is not None else ()
    return (inner(raw, "fee"), *(mapping(each, "fees") for each in several))


def _fee(raw: Raw, symbol: str) -> tuple[Decimal, str]:
    """The first fee that is not zero, and its currency; the market's own where it is not told."""
    paid = _paid_in(symbol)
    for each in _fees(raw):
        cost = number(each, "cost")
        if cost:
            return cost, text(each, "currency") or paid
    told = next((text(each, "currency") for each in _fees(raw) if each), "")
    return ZERO, told or paid


def _paid_in(symbol: str) -> str:
    """The settle currency of a unified symbol, else its quote."""
    pair, _, settle = symbol.partition(":")
    return settle.partition("-")[0] or pair.partition("/")[2]


# Balances and positions -----------------------------------------------------------------------


def balances(
    raw: object, wallet: Wallet | None = None, code: Callable[[str], str] = str
) -> tuple[BalanceReport, ...]:
    """All the account has, free and locked together, without open profit; a debt is negative.

    `code` gives ccxt's name for the venue's name of a currency.
    """
    given = mapping(raw, "balance")
    total = {**mapping(given.get("total"), "total")}
    if wallet is not None:
        total |= {name: held for name, held in _held(given, wallet, code) if name in total}
    found: list[BalanceReport] = []
    for currency, value in total.items():
        if not currency or len(currency) > _LONGEST_CURRENCY or not currency.isprintable():
            raise MalformedError("currency", currency, "not the name of one")
        if value is not None:
            found.append(BalanceReport(currency, number_of(value, f"total of {currency}")))
        elif not _is_told(given, currency):
            raise MalformedError("balance", currency, "named without any amount")
    return tuple(found)


def _held(raw: Raw, wallet: Wallet, code: Callable[[str], str]) -> Iterator[tuple[str, Decimal]]:
    """What the venue itself says is held of each currency."""
    here = raw.get("info")
    for step in wallet.path:
        if isinstance(step, str):
            here = mapping(here, "info").get(step)
        else:
            listed = rows(here, "info")
            here = listed[step] if step < len(listed) else None
    for each in rows(here, "info") if here is not None else ():
        row = mapping(each, "info")
        name, amount_held = text(row, wallet.currency), row.get(wallet.amount)
        if name and amount_held not in {None, ""}:
            less = number(row, wallet.minus) if wallet.minus else ZERO
            yield code(name), EXACT.subtract(number_of(amount_held, wallet.amount), less or ZERO)


def _is_told(raw: Raw, currency: str) -> bool:
    """Whether anything is said of a currency that has no total."""
    return any(inner(raw, part).get(currency) is not None for part in ("free", "used"))


def positions(raw: Sequence[object], names: Names) -> tuple[PositionReport, ...]:
    """Signed quantities of the symbols that are not flat.

    Raises `MalformedError` for two sides of one symbol, or one that may get another: an account
    in hedge mode has no signed position.
    """
    found: dict[str, PositionReport] = {}
    for each in rows(raw, "positions"):
        given = mapping(each, "position")
        quantity = _signed(given)
        symbol = names.spelled(required_text(given, "symbol"))
        if not quantity:
            continue
        if symbol in found or given.get("hedged") is True:
            raise MalformedError("position", symbol, "long and short at once (hedge mode)")
        found[symbol] = PositionReport(symbol, quantity)
    return tuple(found.values())


def _signed(raw: Raw) -> Decimal:
    """Contracts with the sign of the side; ccxt leaves the sign to the side where it tells one."""
    contracts = number(raw, "contracts")
    if contracts is None:
        raise MalformedError("contracts", None, "missing")
    word = text(raw, "side")
    if word == "short":
        return -abs(contracts)
    if word == "long":
        return abs(contracts)
    if contracts and word not in {"", "net", "both"}:
        raise MalformedError("side", word, "neither long nor short")
    return contracts

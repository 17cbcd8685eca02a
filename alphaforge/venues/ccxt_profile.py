"""What we must know of a venue beyond what ccxt unifies: the shape of a profile.

ccxt gives a hundred venues one interface and not one behaviour: ids, look-ups, proofs, stops and
signs differ. A profile says what a venue really does; the tables are in `profiles/`. Values and
the few rules that read them; must never do I/O or import ccxt.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise

import msgspec

from alphaforge.model.claims import VenueStatus
from alphaforge.model.enums import InstrumentKind, OrderType, TimeInForce
from alphaforge.venues.base import Capabilities

UNSUPPORTED = "AF-UNSUPPORTED"
"""Reply code of our own: the venue can not do it, and nothing was sent."""

LOCAL = "AF-LOCAL"
"""Reply code of our own: ccxt itself refused the request before anything was sent."""

NOT_FOUND = "NOT-FOUND"
"""Reply code for "no such order" where the venue has no code of its own for it."""

NOTHING_SENT = frozenset({UNSUPPORTED, LOCAL})
"""Part of every venue's refusals."""

HTTP_THROTTLED = frozenset({"HTTP-429", "HTTP-418"})
"""Turned away at the door: part of `throttled` where the venue says that it does so."""

_OURS = re.compile(r"af[0-9a-f]{30}")
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE62_LENGTH = 22
"""Digits that 128 bits need."""


class WireId(StrEnum):
    """How our client order id, 32 hexadecimal digits, is written for a venue.

    PLAIN as it is; HEX_0X with `0x` before it; T_BASE62 as `t-` and 22 digits of base 62;
    UUID with its dashes.
    """

    PLAIN = "plain"
    HEX_0X = "0x"
    T_BASE62 = "t-base62"
    UUID = "uuid"


def to_wire(rule: WireId, client_order_id: str) -> str:
    """What the venue is told for an id of ours; an id of another form is left as it is."""
    if not is_ours(client_order_id):
        return client_order_id
    if rule is WireId.HEX_0X:
        return f"0x{client_order_id}"
    if rule is WireId.UUID:
        cuts = (0, 8, 12, 16, 20, 32)
        return "-".join(client_order_id[a:b] for a, b in pairwise(cuts))
    if rule is WireId.T_BASE62:
        return f"t-{_to_base62(int(client_order_id, 16))}"
    return client_order_id


def is_ours(client_order_id: str) -> bool:
    """Whether an id has the form of ours."""
    return _OURS.fullmatch(client_order_id) is not None


def from_wire(rule: WireId, text: str) -> str:
    """The id of ours that the venue repeats; what is not one of ours comes back unchanged."""
    found = text
    if rule is WireId.HEX_0X:
        found = text.removeprefix("0x")
    elif rule is WireId.UUID:
        found = text.replace("-", "")
    elif rule is WireId.T_BASE62:
        found = _from_base62(text.removeprefix("t-"))
    return found if is_ours(found) and to_wire(rule, found) == text else text


def _to_base62(number: int) -> str:
    digits = ""
    for _ in range(_BASE62_LENGTH):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits


def _from_base62(text: str) -> str:
    if len(text) != _BASE62_LENGTH or any(each not in _BASE62 for each in text):
        return ""
    number = 0
    for each in text:
        number = number * 62 + _BASE62.index(each)
    return f"{number:032x}"


class ExpiryWay(StrEnum):
    """How a request says until when the venue may act on it.

    NONE: it can not, so that no absence is ever proved. WINDOW_PARAM: a number of milliseconds
    after the request's own time stamp, in `params`. WINDOW_OPTION: the same, a ccxt option read
    when the request is signed. DEADLINE_HEADER: a Unix time in milliseconds, in a header.
    """

    NONE = "none"
    WINDOW_PARAM = "window-param"
    WINDOW_OPTION = "window-option"
    DEADLINE_HEADER = "deadline-header"


class Expiry(msgspec.Struct, frozen=True):
    """How long a request may live.

    Attributes:
        name: Of the param, option or header.
        longest_ms: The longest the venue takes.
        stamp_life_ms: How long after its own time stamp it takes any request, whatever a deadline
            says; 0 = not known.
    """

    way: ExpiryWay = ExpiryWay.NONE
    name: str = ""
    longest_ms: int = 60_000
    stamp_life_ms: int = 0


class LookUp(msgspec.Struct, frozen=True):
    """One question about one order.

    Attributes:
        method: Of ccxt: `fetch_order` and its like take an id, `fetch_open_orders` and its like
            give a list in which the order is to be found.
        client_param: The param that names our client order id; empty where the method can not
            be asked by it, and then a list is searched.
        venue_param: The param that names the venue's own id, of a method that gives a list.
        params: Sent besides.
        is_list: See `method`.
        is_foreign: Asked by the venue's id alone, and only about orders that are not ours.
    """

    method: str
    client_param: str = ""
    venue_param: str = ""
    params: Mapping[str, str | bool] = {}
    is_list: bool = False
    is_foreign: bool = False


class LookUps(msgspec.Struct, frozen=True):
    """How an order is found.

    Attributes:
        questions: Asked in this order until one finds it.
        is_proof: That none of them found it says for sure that there is none (asked after the
            request's expiry); else it says nothing.
    """

    questions: tuple[LookUp, ...]
    is_proof: bool = False


class Amend(StrEnum):
    """How the terms of a working order change.

    IN_PLACE: the order keeps its id and what it has filled. REPLACE: it is canceled and a new one
    is made, which may half fail; we do not use it. NONE: not at all.
    """

    IN_PLACE = "in-place"
    REPLACE = "replace"
    NONE = "none"


class TestNetwork(msgspec.Struct, frozen=True):
    """The venue's network for play money, and what proves that a client really talks to it.

    Attributes:
        way: `sandbox` (`set_sandbox_mode`), `demo` (`enable_demo_trading`), or empty: none.
        hosts: Every host a private request or stream may go to; ports do not count.
        headers: That every private request must carry besides (where the host is the live one).
        why_none: Where there is none.
    """

    way: str = ""
    hosts: frozenset[str] = frozenset()
    headers: Mapping[str, str] = {}
    why_none: str = ""

    __test__ = False


class Wallet(msgspec.Struct, frozen=True):
    """Where an answer of the venue tells its balances without the profit that is still open.

    ccxt's total holds that profit at some venues; what is booked here does not.

    Attributes:
        path: To the list of currencies, in `info`.
        currency, amount: The names of both in a row.
        minus: What has to be taken off, in a row; empty = nothing.
    """

    path: tuple[str | int, ...]
    currency: str
    amount: str
    minus: str = ""


class TriggerStore(msgspec.Struct, frozen=True):
    """Stops kept apart from orders: asked for on their own, and a new order once they wake.

    Attributes:
        params: With which ccxt's methods turn to the store.
        woken: The venue's words for a stop that woke: it ends, and what it filled is its child's.
        child: How the order that a woken stop becomes is recognised, in words.
    """

    params: Mapping[str, str | bool]
    woken: frozenset[str]
    child: str


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What one venue really does.

    Attributes:
        ccxt_id: Of its class in ccxt.
        title: As people write it.
        is_known: A table was written for it; else these are the safe defaults.
        wire_id: How it takes our client order ids.
        client_param: The `params` name of the client order id of a new order.
        cancel_param: The same for a cancel; empty where it can be canceled by its own id only.
        amend_param: The same for a change of terms.
        original_keys: Where in `info` the order's id stands if ccxt tells the request's (of a
            cancel).
        client_keys: Where in `info` the id stands if ccxt's own field is empty.
        lookups: How an order is found.
        expiry: How a request ends by itself.
        capabilities: What the engine may rely upon; the codes are those of `read_error`.
        amend: How terms change.
        amend_needs_terms: A change must repeat type, side, quantity and price.
        spot_types, contract_types: Order types it has natively and that we use.
        tifs: Times in force it has natively.
        has_post_only, has_reduce_only: Natively.
        trigger_directions: Its stops must be told from which side they wake.
        buys_by_cost: A spot market buy states what to spend, not what to get.
        trigger_store: None where stops are kept with all orders. We send no stops to a store
            (they are denied), but others may.
        statuses: Of the venue's own words; one that is missing is not understood. Empty: ccxt's
            words are taken.
        status_keys: Where its own word stands in `info`.
        working_keys: Flags in `info` that are true once a stop has woken.
        waiting_words: Its own words for a stop that has not woken yet.
        reason_keys: Where in `info` it says why an order ended.
        pushed_fee_sign: -1 where trades as pushed count a fee the other way round.
        code_paths: Where in an answer its error code stands, tried in this order.
        codes_by_text: (code, part of the text, our code) where one code means several things; an
            empty code fits an error of ccxt that has dropped it.
        unknown_codes: Codes that say that the outcome is not known, whatever the exception.
        trades_need_symbol: The account's trades are told symbol by symbol only.
        trade_window_days: Trades of at most so many days in one answer; 0 = no limit.
        trades_of_all: Trades are told of all symbols at once, and ccxt picks: a page that holds
            few of one symbol may still be cut off.
        trade_history_days: How long trades can be asked for, where that is longer than closed
            orders; 0 = as long.
        open_orders_need_symbol: Open orders are told symbol by symbol only.
        positions_need_symbol: Positions are asked for one symbol at a time.
        wallet: None where ccxt's total is what is booked.
        wallets: What to ask with for the wallet of a kind; empty where there is one for all.
        counts_units: Contracts are counted in base units (inverse ones in quote units), whatever
            ccxt says of their size.
        streams: The `watch_*` methods to trust; others are polled.
        test_network: Its play-money network.
        weight_header: In which it says how much of the request budget is used; lower case.
        weight_limit: The budget per minute; 0 = not known.
        options: ccxt options to set.
    """

    ccxt_id: str
    title: str
    is_known: bool = True
    wire_id: WireId = WireId.PLAIN
    client_param: str = "clientOrderId"
    cancel_param: str = ""
    amend_param: str = ""
    original_keys: tuple[str, ...] = ()
    client_keys: tuple[str, ...] = ()
    lookups: LookUps
    expiry: Expiry = Expiry()
    capabilities: Capabilities
    amend: Amend = Amend.NONE
    amend_needs_terms: bool = False
    spot_types: frozenset[OrderType] = frozenset({OrderType.MARKET, OrderType.LIMIT})
    contract_types: frozenset[OrderType] = frozenset({OrderType.MARKET, OrderType.LIMIT})
    tifs: frozenset[TimeInForce] = frozenset({TimeInForce.GTC})
    has_post_only: bool = True
    has_reduce_only: bool = True
    trigger_directions: bool = False
    buys_by_cost: bool = False
    trigger_store: TriggerStore | None = None
    statuses: Mapping[str, VenueStatus] = {}
    status_keys: tuple[str, ...] = ("status",)
    working_keys: tuple[str, ...] = ()
    waiting_words: frozenset[str] = frozenset()
    reason_keys: tuple[str, ...] = ()
    pushed_fee_sign: int = 1
    code_paths: tuple[tuple[str | int, ...], ...] = (("code",),)
    codes_by_text: tuple[tuple[str, str, str], ...] = ()
    unknown_codes: frozenset[str] = frozenset()
    trades_need_symbol: bool = False
    trade_window_days: int = 0
    trades_of_all: bool = False
    trade_history_days: int = 0
    open_orders_need_symbol: bool = False
    positions_need_symbol: bool = False
    wallet: Wallet | None = None
    wallets: Mapping[InstrumentKind, Mapping[str, str]] = {}
    counts_units: bool = False
    streams: frozenset[str] = frozenset()
    test_network: TestNetwork = TestNetwork(why_none="none is known")
    weight_header: str = ""
    weight_limit: int = 0
    options: Mapping[str, object] = {}

    def order_types(self, kind: InstrumentKind) -> frozenset[OrderType]:
        """The order types it has natively for one kind of instrument."""
        return self.spot_types if kind is InstrumentKind.SPOT else self.contract_types


def codes(text: str) -> frozenset[str]:
    """Reply codes, written one after the other."""
    return frozenset(text.split())


def capabilities(  # noqa: PLR0913 - all keyword-only: the fields of a Capabilities
    *,
    refusals: frozenset[str] = frozenset(),
    request_refusals: frozenset[str] = frozenset(),
    unknown_order: frozenset[str] = frozenset(),
    duplicates: frozenset[str] = frozenset(),
    throttled: frozenset[str] = frozenset(),
    request_life_ns: int = 0,
    read_lag_ns: int = 2_000_000_000,
    history_days: int = 7,
) -> Capabilities:
    """Capabilities of a wire venue: what proves that nothing was sent is always in them."""
    return Capabilities(
        request_life_ns=request_life_ns,
        read_lag_ns=read_lag_ns,
        history_ns=history_days * 86_400 * 1_000_000_000,
        refusals=refusals | throttled | NOTHING_SENT,
        request_refusals=request_refusals | NOTHING_SENT,
        unknown_order=unknown_order,
        duplicates=duplicates,
        throttled=throttled,
    )

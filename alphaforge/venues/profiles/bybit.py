"""Bybit v5: spot and contracts of a unified account.

Must never hold 10000, 10016, 170007 or 170032 in an allow-list: they are time-outs and faults
inside, and the order may stand.
"""

from alphaforge.model.claims import VenueStatus
from alphaforge.model.enums import OrderType, TimeInForce
from alphaforge.venues.ccxt_profile import (
    NOT_FOUND,
    Amend,
    Expiry,
    ExpiryWay,
    LookUp,
    LookUps,
    Profile,
    TestNetwork,
    capabilities,
    codes,
)

_NS_PER_SECOND = 1_000_000_000

# Malformed, unsigned or late: the request never got as far as the order book.
_AT_THE_DOOR = codes(
    """
    10001 10002 10003 10004 10005 10007 10008 10009 10010 10024 10027 10028 10029 33004
    """
)

_REFUSALS = _AT_THE_DOOR | codes(
    """
    110003 110004 110006 110007 110012 110013 110014 110017 110020 110021 110022 110023
    110025 110044 110045 110051 110052 110053 110074 110092 110093 110094 170033 170105
    170121 170124 170130 170131 170132 170133 170134 170135 170136 170137 170140 170148
    170193 170194 170197 170198 170201 170202 170203 170204 170206 170209 170210 170217 170218
    170221 170223 170226 170227 170229 170241 170810 30228
    """
)

_BY_ID = (
    LookUp("fetch_open_orders", "orderLinkId", "orderId", is_list=True),
    LookUp("fetch_canceled_and_closed_orders", "orderLinkId", "orderId", is_list=True),
)

BYBIT = Profile(
    ccxt_id="bybit",
    title="Bybit",
    cancel_param="orderLinkId",
    amend_param="clientOrderId",
    lookups=LookUps(_BY_ID, is_proof=True),
    expiry=Expiry(ExpiryWay.WINDOW_OPTION, "recvWindow", 30_000),
    capabilities=capabilities(
        refusals=_REFUSALS,
        request_refusals=_AT_THE_DOOR | {"110003", "110094", "170132", "170133", "170134"},
        unknown_order=frozenset({"110001", "170213", "170143", NOT_FOUND}),
        duplicates=frozenset({"110072", "170141"}),
        throttled=frozenset({"10006", "10018", "170222", "HTTP-429"}),
        request_life_ns=5 * _NS_PER_SECOND,
        read_lag_ns=3 * _NS_PER_SECOND,
        history_days=7,
    ),
    amend=Amend.IN_PLACE,
    contract_types=frozenset(
        {OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET, OrderType.STOP_LIMIT}
    ),
    tifs=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
    trigger_directions=True,
    statuses={
        "Created": VenueStatus.OPEN,
        "New": VenueStatus.OPEN,
        "PartiallyFilled": VenueStatus.OPEN,
        "Untriggered": VenueStatus.OPEN,
        "Triggered": VenueStatus.OPEN,
        "Active": VenueStatus.OPEN,
        "PendingCancel": VenueStatus.OPEN,
        "Filled": VenueStatus.FILLED,
        "PartiallyFilledCanceled": VenueStatus.CANCELED,
        "Cancelled": VenueStatus.CANCELED,
        "Deactivated": VenueStatus.CANCELED,
        "Rejected": VenueStatus.REJECTED,
    },
    status_keys=("orderStatus",),
    waiting_words=frozenset({"Untriggered", "Deactivated"}),
    reason_keys=("rejectReason", "cancelType"),
    code_paths=(("retCode",), ("ret_code",)),
    unknown_codes=codes("10000 10014 10016 10017 170001 170005 170007 170031 170032 170146 170147"),
    trade_window_days=7,
    trade_history_days=180,
    positions_need_symbol=True,
    streams=frozenset(
        {"watch_trades", "watch_order_book", "watch_bids_asks", "watch_orders", "watch_my_trades"}
    ),
    test_network=TestNetwork(
        way="sandbox", hosts=frozenset({"api-testnet.bybit.com", "stream-testnet.bybit.com"})
    ),
    options={
        "ordersLimit": 200,
        "fetchCurrencies": False,
        "fetchMarkets": {"types": ["spot", "linear", "inverse"]},
    },
)

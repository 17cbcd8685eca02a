"""Binance: spot, USD-M and COIN-M futures.

Codes and their meaning: the venue's error documentation, as far as an order or a request about
one can be answered with them. A code is in an allow-list only where nothing at all can have
happened; must never hold -1006, -1007 (no answer from the engine), -1000, -1001 or a bare -2010,
-2021 or -2022 of spot, which mean several things.
"""

from msgspec.structs import replace

from alphaforge.model.claims import VenueStatus
from alphaforge.model.enums import OrderType, TimeInForce
from alphaforge.venues.ccxt_profile import (
    HTTP_THROTTLED,
    Amend,
    Expiry,
    ExpiryWay,
    LookUp,
    LookUps,
    Profile,
    TestNetwork,
    TriggerStore,
    Wallet,
    capabilities,
    codes,
)

_NS_PER_SECOND = 1_000_000_000

# Malformed, unsigned or late: the request never got as far as the order book.
_AT_THE_DOOR = codes(
    """
    -1002 -1020 -1021 -1022 -1100 -1101 -1102 -1103 -1104 -1105 -1106 -1111 -1114 -1115
    -1116 -1117 -1118 -1119 -1120 -1121 -1128 -1130 -1131 -2014 -2015
    """
)

_THROTTLED = HTTP_THROTTLED | {"-1003", "-1015"}

_SPOT_REFUSALS = _AT_THE_DOOR | frozenset(
    {
        "-1013",
        "-1013 MARKET-CLOSED",
        "-2010 BALANCE",
        "-2010 WOULD-TAKE",
        "-2010 WOULD-TRIGGER",
        "-2010 MARKET-CLOSED",
        "-2010 NOT-PERMITTED",
        "-2010 TOO-MANY",
    }
)

_FUTURES_REFUSALS = _AT_THE_DOOR | codes(
    """
    -2018 -2019 -2020 -2021 -2022 -2024 -2025 -2027 -2028 -4001 -4002 -4003 -4004
    -4005 -4013 -4014 -4015 -4016 -4023 -4024 -4061 -4062 -4115 -4118 -4131 -4164 -4183
    -4184 -5021 -5022
    """
)

_STATUSES = {
    "NEW": VenueStatus.OPEN,
    "PENDING_NEW": VenueStatus.OPEN,
    "PARTIALLY_FILLED": VenueStatus.OPEN,
    "PENDING_CANCEL": VenueStatus.OPEN,
    "FILLED": VenueStatus.FILLED,
    "CANCELED": VenueStatus.CANCELED,
    "REJECTED": VenueStatus.REJECTED,
    "EXPIRED": VenueStatus.EXPIRED,
    "EXPIRED_IN_MATCH": VenueStatus.EXPIRED,
}

_OPTIONS: dict[str, object] = {
    "warnOnFetchOpenOrdersWithoutSymbol": False,
    "ordersLimit": 200,
    "fetchMargins": False,
    "fetchCurrencies": False,
}

_STREAMS = frozenset(
    {"watch_trades", "watch_order_book", "watch_bids_asks", "watch_orders", "watch_my_trades"}
)

_BY_TEXT = (
    ("-2010", "Duplicate order sent", "-2010 DUPLICATE"),
    ("-2010", "insufficient balance", "-2010 BALANCE"),
    ("-2010", "immediately match and take", "-2010 WOULD-TAKE"),
    ("-2010", "trigger immediately", "-2010 WOULD-TRIGGER"),
    ("-2010", "immediately trigger", "-2010 WOULD-TRIGGER"),
    ("-2010", "Market is closed", "-2010 MARKET-CLOSED"),
    ("-2010", "not permitted for this account", "-2010 NOT-PERMITTED"),
    ("-2010", "action is disabled on this account", "-2010 NOT-PERMITTED"),
    ("-2010", "may not place or cancel orders", "-2010 NOT-PERMITTED"),
    ("-2010", "MAX_NUM_ORDERS", "-2010 TOO-MANY"),
    ("-2010", "Too many", "-2010 TOO-MANY"),
    ("-2011", "Unknown order sent", "-2011 UNKNOWN"),
    ("-1013", "Market is closed", "-1013 MARKET-CLOSED"),
    ("", "insufficient balance for requested action", "-2010 BALANCE"),
    ("", "immediately match and take", "-2010 WOULD-TAKE"),
    ("", "would trigger immediately", "-2010 WOULD-TRIGGER"),
    ("", "Market is closed", "-1013 MARKET-CLOSED"),
    ("", "LOT_SIZE", "-1013"),
    ("", "PRICE_FILTER", "-1013"),
    ("", "PERCENT_PRICE_BY_SIDE", "-1013"),
)

_BY_ID = LookUps((LookUp("fetch_order", "clientOrderId"),), is_proof=True)

BINANCE = Profile(
    ccxt_id="binance",
    title="Binance",
    cancel_param="clientOrderId",
    original_keys=("origClientOrderId", "C"),
    lookups=_BY_ID,
    expiry=Expiry(ExpiryWay.WINDOW_PARAM, "recvWindow", 60_000),
    capabilities=capabilities(
        refusals=_SPOT_REFUSALS,
        request_refusals=_AT_THE_DOOR,
        unknown_order=frozenset({"-2013", "-2011 UNKNOWN"}),
        duplicates=frozenset({"-2010 DUPLICATE"}),
        throttled=_THROTTLED,
        request_life_ns=5 * _NS_PER_SECOND,
        history_days=90,
    ),
    amend=Amend.REPLACE,
    spot_types=frozenset(
        {OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET, OrderType.STOP_LIMIT}
    ),
    tifs=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
    has_reduce_only=False,
    statuses=_STATUSES,
    status_keys=("X", "status"),
    working_keys=("w", "isWorking"),
    reason_keys=("r", "rejectReason"),
    codes_by_text=_BY_TEXT,
    unknown_codes=frozenset({"-1000", "-1001", "-1004", "-1006", "-1007", "-1008", "-1016"}),
    trades_need_symbol=True,
    trade_window_days=1,
    streams=_STREAMS,
    test_network=TestNetwork(
        way="sandbox",
        hosts=frozenset(
            {
                "testnet.binance.vision",
                "stream.testnet.binance.vision",
                "ws-api.testnet.binance.vision",
            }
        ),
    ),
    weight_header="x-mbx-used-weight-1m",
    weight_limit=6000,
    options={**_OPTIONS, "defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
)

BINANCEUSDM = replace(
    BINANCE,
    ccxt_id="binanceusdm",
    title="Binance USD-M Futures",
    capabilities=capabilities(
        refusals=_FUTURES_REFUSALS,
        request_refusals=_AT_THE_DOOR | {"-5027"},
        unknown_order=frozenset({"-2013", "-2011 UNKNOWN"}),
        duplicates=frozenset({"-4116"}),
        throttled=_THROTTLED,
        request_life_ns=5 * _NS_PER_SECOND,
        history_days=3,
    ),
    amend=Amend.IN_PLACE,
    amend_param="origClientOrderId",
    amend_needs_terms=True,
    contract_types=frozenset({OrderType.MARKET, OrderType.LIMIT}),
    has_reduce_only=True,
    trigger_store=TriggerStore(
        {"trigger": True}, codes("TRIGGERED FINISHED"), "a new order with an id of its own"
    ),
    statuses={
        **_STATUSES,
        "TRIGGERING": VenueStatus.OPEN,
        "TRIGGERED": VenueStatus.CANCELED,
        "FINISHED": VenueStatus.CANCELED,
    },
    status_keys=("X", "status", "algoStatus"),
    lookups=LookUps(
        (
            LookUp("fetch_order", "clientOrderId"),
            LookUp("fetch_order", params={"trigger": True}, is_foreign=True),
        ),
        is_proof=True,
    ),
    trade_window_days=7,
    trade_history_days=180,
    wallet=Wallet(("assets",), "asset", "walletBalance"),
    test_network=TestNetwork(
        way="demo",
        hosts=frozenset(
            {
                "demo-fapi.binance.com",
                "fstream.binancefuture.com",
                "testnet.binancefuture.com",
            }
        ),
    ),
    weight_limit=2400,
    options={**_OPTIONS, "defaultType": "swap", "fetchMarkets": {"types": ["linear"]}},
)

BINANCECOINM = replace(
    BINANCEUSDM,
    ccxt_id="binancecoinm",
    title="Binance COIN-M Futures",
    test_network=TestNetwork(
        way="demo",
        hosts=frozenset(
            {
                "demo-dapi.binance.com",
                "dstream.binancefuture.com",
                "testnet.binancefuture.com",
            }
        ),
    ),
    options={**_OPTIONS, "defaultType": "delivery", "fetchMarkets": {"types": ["inverse"]}},
)

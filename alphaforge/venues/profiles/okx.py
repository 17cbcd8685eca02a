"""OKX v5: spot and swaps.

Must never hold 50001, 50004, 50005, 50013, 50026 or 51149 in an allow-list: they are time-outs and
faults inside, and the order may stand.
"""

from alphaforge.model.claims import VenueStatus
from alphaforge.model.enums import TimeInForce
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
    50000 50002 50006 50007 50008 50009 50014 50024 50027 50030 50035 50100 50101 50102
    50103 50104 50105 50106 50107 50110 50111 50112 50113 50114 51000 51001 51002 51003
    51010 51014 51015
    """
)

_REFUSALS = _AT_THE_DOOR | codes(
    """
    51004 51005 51006 51008 51009 51011 51012 51020 51021 51022 51024 51026 51027 51028
    51030 51031 51046 51047 51112 51115 51116 51117 51119 51120 51121 51124 51127 51131
    51132 51133 51136 51137 51138 51139 51155 51169 51201 51202 51203
    """
)

OKX = Profile(
    ccxt_id="okx",
    title="OKX",
    cancel_param="clientOrderId",
    amend_param="clientOrderId",
    lookups=LookUps(
        (
            LookUp("fetch_order", "clientOrderId"),
            LookUp("fetch_order", params={"trigger": True}, is_foreign=True),
        ),
        is_proof=True,
    ),
    # Orders and amendments heed the deadline, cancels do not: theirs is the age of the stamp.
    expiry=Expiry(ExpiryWay.DEADLINE_HEADER, "expTime", 60_000, stamp_life_ms=30_000),
    capabilities=capabilities(
        refusals=_REFUSALS,
        request_refusals=_AT_THE_DOOR,
        unknown_order=frozenset({"51603", "51400", "51503"}),
        duplicates=frozenset({"51016"}),
        throttled=HTTP_THROTTLED | {"50011", "50061"},
        request_life_ns=5 * _NS_PER_SECOND,
        read_lag_ns=3 * _NS_PER_SECOND,
        history_days=3,
    ),
    amend=Amend.IN_PLACE,
    tifs=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
    trigger_store=TriggerStore(
        {"trigger": True},
        codes("effective partially_effective"),
        "a new order; its `algoId` is the stop's, its clOrdId `<algoId>_0`",
    ),
    statuses={
        "live": VenueStatus.OPEN,
        "partially_filled": VenueStatus.OPEN,
        "filled": VenueStatus.FILLED,
        "canceled": VenueStatus.CANCELED,
        "mmp_canceled": VenueStatus.CANCELED,
        "order_failed": VenueStatus.REJECTED,
        "effective": VenueStatus.CANCELED,
        "partially_effective": VenueStatus.CANCELED,
        "pause": VenueStatus.OPEN,
    },
    status_keys=("state",),
    reason_keys=("cancelSourceReason", "cancelSource"),
    pushed_fee_sign=-1,
    code_paths=(("data", 0, "sCode"), ("code",)),
    trade_history_days=90,
    wallet=Wallet(("data", 0, "details"), "ccy", "cashBal"),
    unknown_codes=codes("50001 50004 50005 50010 50012 50013 50026 51149 51405 51406 51408 51410"),
    streams=frozenset(
        {"watch_trades", "watch_order_book", "watch_bids_asks", "watch_orders", "watch_my_trades"}
    ),
    test_network=TestNetwork(
        way="sandbox",
        hosts=frozenset({"www.okx.com", "wspap.okx.com"}),
        headers={"x-simulated-trading": "1"},
    ),
    options={
        "ordersLimit": 200,
        "fetchCurrencies": False,
        "fetchMarkets": {"types": ["spot", "swap"]},
    },
)

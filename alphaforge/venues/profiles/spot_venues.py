"""Venues that are mostly spot, from measured tables: Coinbase, Kraken, Bitget, Gate, KuCoin.

None of them was traded with for this table, so it claims little: no expiry, hence no proof of
absence, and only codes that cannot be misread. Must never claim what was not seen.
"""

from alphaforge.model.enums import InstrumentKind, TimeInForce
from alphaforge.venues.ccxt_profile import (
    HTTP_THROTTLED,
    LookUp,
    LookUps,
    Profile,
    TestNetwork,
    Wallet,
    WireId,
    capabilities,
)

_ALL_STREAMS = frozenset(
    {"watch_trades", "watch_order_book", "watch_bids_asks", "watch_orders", "watch_my_trades"}
)
_NO_BEST_QUOTES = _ALL_STREAMS - {"watch_bids_asks"}
_USUAL_TIFS = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})
_OPTIONS: dict[str, object] = {"ordersLimit": 200, "fetchCurrencies": False}
_BOTH_LISTS = LookUps(
    (LookUp("fetch_open_orders", is_list=True), LookUp("fetch_closed_orders", is_list=True))
)

COINBASE = Profile(
    ccxt_id="coinbase",
    title="Coinbase Advanced",
    wire_id=WireId.UUID,
    client_param="client_order_id",
    lookups=_BOTH_LISTS,
    capabilities=capabilities(
        refusals=frozenset({"INSUFFICIENT_FUND", "INVALID_LIMIT_PRICE_POST_ONLY"}),
        throttled=HTTP_THROTTLED,
    ),
    tifs=_USUAL_TIFS,
    has_reduce_only=False,
    buys_by_cost=True,
    code_paths=(("error_response", "error"), ("error",)),
    streams=frozenset({"watch_trades", "watch_order_book", "watch_orders"}),
    test_network=TestNetwork(why_none="Coinbase Advanced has no test network that ccxt can reach"),
    options=_OPTIONS,
)

KRAKEN = Profile(
    ccxt_id="kraken",
    title="Kraken",
    cancel_param="clientOrderId",
    client_keys=("cl_ord_id",),
    lookups=LookUps(
        (
            LookUp("fetch_open_orders", "clientOrderId", is_list=True),
            LookUp("fetch_closed_orders", "clientOrderId", is_list=True),
        )
    ),
    capabilities=capabilities(
        refusals=frozenset(
            {"EOrder:Insufficient funds", "EAPI:Invalid key", "EGeneral:Permission"}
        ),
        throttled=HTTP_THROTTLED | {"EAPI:Rate limit exceeded", "EOrder:Rate limit exceeded"},
    ),
    tifs=_USUAL_TIFS,
    has_reduce_only=False,
    code_paths=(("error", 0),),
    trades_of_all=True,
    streams=_ALL_STREAMS,
    test_network=TestNetwork(why_none="Kraken spot has no test network"),
    options=_OPTIONS,
)

BITGET = Profile(
    ccxt_id="bitget",
    title="Bitget",
    cancel_param="clientOrderId",
    lookups=LookUps((LookUp("fetch_order", "clientOrderId"),)),
    capabilities=capabilities(
        refusals=frozenset({"43012", "40006", "40009"}),
        throttled=HTTP_THROTTLED | {"429"},
        history_days=90,
    ),
    tifs=_USUAL_TIFS,
    buys_by_cost=True,
    trades_need_symbol=True,
    trade_window_days=7,
    wallet=Wallet((), "marginCoin", "accountEquity", "unrealizedPL"),
    wallets={
        InstrumentKind.SPOT: {"type": "spot"},
        InstrumentKind.LINEAR: {"type": "swap", "subType": "linear"},
        InstrumentKind.INVERSE: {"type": "swap", "subType": "inverse"},
    },
    streams=_ALL_STREAMS,
    test_network=TestNetwork(
        way="sandbox",
        hosts=frozenset({"api.bitget.com", "wspap.bitget.com"}),
        headers={"PAPTRADING": "1"},
    ),
    options=_OPTIONS,
)

GATE = Profile(
    ccxt_id="gate",
    title="Gate",
    wire_id=WireId.T_BASE62,
    cancel_param="clientOrderId",
    lookups=LookUps((LookUp("fetch_order", "clientOrderId"),)),
    capabilities=capabilities(
        refusals=frozenset({"BALANCE_NOT_ENOUGH", "INVALID_KEY", "INVALID_SIGNATURE"}),
        throttled=HTTP_THROTTLED | {"TOO_MANY_REQUESTS"},
    ),
    tifs=_USUAL_TIFS,
    buys_by_cost=True,
    code_paths=(("label",),),
    trade_window_days=30,
    open_orders_need_symbol=True,
    wallets={
        InstrumentKind.SPOT: {"type": "spot"},
        InstrumentKind.LINEAR: {"type": "swap"},
        InstrumentKind.INVERSE: {"type": "swap", "settle": "btc"},
    },
    streams=_ALL_STREAMS,
    test_network=TestNetwork(
        way="sandbox",
        hosts=frozenset(
            {
                "api-testnet.gateapi.io",
                "ws-testnet.gate.com",
                "fx-ws-testnet.gateio.ws",
            }
        ),
    ),
    options=_OPTIONS,
)

KUCOIN = Profile(
    ccxt_id="kucoin",
    title="KuCoin",
    cancel_param="clientOid",
    lookups=LookUps((LookUp("fetch_order", "clientOid"),)),
    capabilities=capabilities(
        refusals=frozenset({"200004", "400003", "400005"}), throttled=HTTP_THROTTLED | {"429000"}
    ),
    tifs=_USUAL_TIFS,
    trade_window_days=7,
    streams=_ALL_STREAMS,
    test_network=TestNetwork(why_none="KuCoin has closed its test network"),
    options=_OPTIONS,
)


def unknown_venue(ccxt_id: str) -> Profile:
    """A venue nobody wrote a table for: nothing is promised that ccxt does not do for all."""
    return Profile(
        ccxt_id=ccxt_id,
        title=ccxt_id,
        is_known=False,
        lookups=_BOTH_LISTS,
        capabilities=capabilities(),
        has_post_only=False,
        has_reduce_only=False,
        buys_by_cost=False,
        streams=_NO_BEST_QUOTES,
        test_network=TestNetwork(
            why_none=f"no table says what would prove that {ccxt_id}'s is one"
        ),
        options=_OPTIONS,
    )

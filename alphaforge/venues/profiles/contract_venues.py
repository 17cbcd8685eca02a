"""Venues of contracts, from measured tables: Kraken Futures, Hyperliquid, Deribit.

None of them was traded with for this table, so it claims little: no expiry, hence no proof of
absence, and only codes that cannot be misread. Must never claim what was not seen.
"""

from alphaforge.model.enums import OrderType, TimeInForce
from alphaforge.venues.ccxt_profile import (
    HTTP_THROTTLED,
    LookUp,
    LookUps,
    Profile,
    TestNetwork,
    WireId,
    capabilities,
)

_ALL_STREAMS = frozenset(
    {"watch_trades", "watch_order_book", "watch_bids_asks", "watch_orders", "watch_my_trades"}
)
_OPTIONS: dict[str, object] = {"ordersLimit": 200, "fetchCurrencies": False}

KRAKENFUTURES = Profile(
    ccxt_id="krakenfutures",
    title="Kraken Futures",
    client_keys=("cliOrdId", "cli_ord_id"),
    lookups=LookUps(
        (LookUp("fetch_open_orders", is_list=True), LookUp("fetch_closed_orders", is_list=True))
    ),
    capabilities=capabilities(
        refusals=frozenset({"insufficientAvailableFunds", "authenticationError"}),
        duplicates=frozenset({"clientOrderIdAlreadyExist"}),
        throttled=HTTP_THROTTLED | {"apiLimitExceeded"},
    ),
    tifs=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
    trades_of_all=True,
    code_paths=(("error",), ("sendStatus", "status"), ("cancelStatus", "status")),
    streams=_ALL_STREAMS,
    test_network=TestNetwork(way="sandbox", hosts=frozenset({"demo-futures.kraken.com"})),
    options=_OPTIONS,
)

HYPERLIQUID = Profile(
    ccxt_id="hyperliquid",
    title="Hyperliquid",
    wire_id=WireId.HEX_0X,
    cancel_param="clientOrderId",
    client_keys=("cloid",),
    lookups=LookUps((LookUp("fetch_order", "clientOrderId"),)),
    capabilities=capabilities(throttled=HTTP_THROTTLED),
    trades_of_all=True,
    tifs=frozenset({TimeInForce.GTC, TimeInForce.IOC}),
    # A market order of ccxt's is a limit order at a price made up from ours: it has none itself.
    spot_types=frozenset({OrderType.LIMIT}),
    contract_types=frozenset({OrderType.LIMIT}),
    code_paths=(("response", "data", "statuses", 0, "error"),),
    # A kind in its params would take the place of the question itself.
    open_orders_need_symbol=True,
    streams=_ALL_STREAMS - {"watch_bids_asks"},
    test_network=TestNetwork(way="sandbox", hosts=frozenset({"api.hyperliquid-testnet.xyz"})),
    options=_OPTIONS,
)

DERIBIT = Profile(
    ccxt_id="deribit",
    title="Deribit",
    client_param="label",
    client_keys=("label",),
    lookups=LookUps(
        (LookUp("fetch_open_orders", is_list=True), LookUp("fetch_closed_orders", is_list=True))
    ),
    capabilities=capabilities(
        refusals=frozenset({"10009", "10003", "10004", "13009", "13010"}),
        throttled=HTTP_THROTTLED | {"10028"},
        history_days=1,
    ),
    tifs=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
    code_paths=(("error", "code"),),
    trades_need_symbol=True,
    open_orders_need_symbol=True,
    counts_units=True,
    streams=_ALL_STREAMS,
    test_network=TestNetwork(way="sandbox", hosts=frozenset({"test.deribit.com"})),
    options=_OPTIONS,
)

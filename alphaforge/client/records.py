"""The rows of the control API: what a running engine shows of itself, field by field.

The engine's process writes them, the command line, the terminal app and anybody else read them;
`GET /api/schema` is made from them. Money, prices and quantities are text in plain decimals,
counts are ints, ratios and percentages are numbers, times are ISO-8601 UTC with a Z; nothing is
ever left out: what is not defined is null. Must hold no arithmetic.
"""

import msgspec

SCHEMA = 1
"""Rises when a reader written for the last one could misread the next."""


class EngineRecord(msgspec.Struct, kw_only=True):
    """Where a running engine is reached: the file it leaves for its clients (mode 0600).

    Attributes:
        socket: Path of its Unix socket.
        tcp: `host:port` where it listens there too; empty if not.
        read_token, trade_token: For `tcp`; empty if not.
        version: Of the program that runs it.
        started: ISO time.
        project: Directory of its settings file.
        store: Its database, without a password.
        log: Path of its log file; empty if it writes none.
    """

    schema: int = SCHEMA
    run_id: str
    pid: int
    version: str
    mode: str
    venue: str
    account: str
    strategies: tuple[str, ...]
    started: str
    project: str
    store: str
    socket: str
    tcp: str = ""
    read_token: str = ""
    trade_token: str = ""
    log: str = ""


class VenueRow(msgspec.Struct, kw_only=True):
    """One venue of the run and the way to it; key: `venue`.

    Attributes:
        state: `CONNECTING`, `RECONCILING`, `READY` or `SIMULATED`.
        reason: Why it is in that state.
        since: When it got there.
        latency_ms: Round trip of the last answered request.
        used_weight, weight_limit: Of its request budget; the limit is 0 where it is not known.
        streams, streams_wanted: Up, and how many should be.
        age_ms: Since its last market event.
    """

    venue: str
    account: str
    state: str
    reason: str
    since: str | None
    latency_ms: float | None
    clock_ahead_ms: float | None
    used_weight: int
    weight_limit: int
    streams: int
    streams_wanted: int
    reconnects: int
    age_ms: float | None


class SummaryRow(msgspec.Struct, kw_only=True):
    """The run as a whole; key: `run`. What the header of the app shows.

    Attributes:
        state: `STARTING`, `RECONCILING`, `TRADING`, `STOPPING`.
        risk_state: `ACTIVE`, `REDUCING` (paused: only what brings positions down) or `HALTED`.
        killed: The kill switch was used; `risk arm` takes it back.
        now: The engine's clock.
        day_pnl: Equity now − equity at the last 00:00 UTC (or at the start), reporting currency.
        drawdown_pct: Below the highest equity so far: 0 or negative.
        progress: Share of a recording that was read, 0 to 1; null for a market without an end.
        cash: By currency.
        alerts: Warnings and errors so far that nobody acknowledged.
        loop_lag_ms_p99: Of the engine's event loop, over the last minute.
        order_us_p99: From a decision to its order booked or handed on.
    """

    run_id: str
    version: str
    mode: str
    venue: str
    account: str
    state: str
    risk_state: str
    risk_reason: str
    killed: bool
    now: str
    started: str
    currency: str
    equity: str
    start_equity: str
    net_pnl: str
    day_pnl: str
    day_pnl_pct: float | None
    realized_pnl: str
    unrealized_pnl: str
    fees: str
    drawdown_pct: float
    cash: dict[str, str]
    orders_open: int
    orders_in_doubt: int
    orders_submitted: int
    orders_denied: int
    positions_open: int
    fills: int
    trades_seen: int
    bars: int
    alerts: int
    strategies_running: int
    strategies: int
    progress: float | None
    loop_lag_ms_p99: float | None
    order_us_p50: float | None
    order_us_p99: float | None


class PositionRow(msgspec.Struct, kw_only=True):
    """What one strategy holds of one symbol; key: `strategy|symbol`. Flat ones are not shown.

    Attributes:
        side: `LONG` or `SHORT`.
        quantity: Signed.
        mark: The price it is valued at; null before the first.
        unrealized_pnl: In `currency` (settle or quote of the symbol), gross of fees.
        unrealized_pnl_pct: Of the cost.
        value: Signed notional at the mark, in `currency`.
        stop: Trigger of the nearest working stop of that strategy and symbol; null without one.
    """

    symbol: str
    strategy: str
    venue: str
    side: str
    quantity: str
    average_price: str | None
    mark: str | None
    unrealized_pnl: str | None
    unrealized_pnl_pct: float | None
    realized_pnl: str
    fees: str
    value: str | None
    stop: str | None
    currency: str
    opened: str | None
    fills: int


class OrderRow(msgspec.Struct, kw_only=True):
    """One order of the run, working or ended; key: `order_id`.

    Attributes:
        type: `MARKET`, `LIMIT`, `STOP_MARKET`, `STOP_LIMIT`, `TRAILING_STOP`.
        status: As in the contract; `pending` is `NONE`, `CANCEL` or `MODIFY`.
        in_doubt: Its outcome at the venue is not known.
        emulated: The engine itself holds it until its trigger: the venue cannot.
        distance_bp: How far its price is from the market, in basis points of it; positive where
            the market must still move to reach it. Null where there is no price or market.
        parent_id: The entry's order, for a leg of a bracket.
    """

    order_id: str
    client_order_id: str
    venue_order_id: str
    ts: str
    ts_last: str
    symbol: str
    venue: str
    account: str
    strategy: str
    side: str
    type: str
    quantity: str
    filled: str
    leaves: str
    limit: str | None
    stop: str | None
    trail: str | None
    take_profit: str | None
    stop_loss: str | None
    tif: str
    expires: str | None
    post_only: bool
    reduce_only: bool
    status: str
    is_open: bool
    pending: str
    in_doubt: bool
    emulated: bool
    average_price: str | None
    distance_bp: float | None
    reason: str
    tag: str
    parent_id: str
    signal_id: str


class FillRow(msgspec.Struct, kw_only=True):
    """One execution of ours; key: `number`, counted from 1. Fields as in `export fills`."""

    number: int
    ts: str
    venue: str
    account: str
    symbol: str
    strategy: str
    order_id: str
    venue_order_id: str
    trade_id: str
    side: str
    quantity: str
    price: str
    value: str
    fee: str
    fee_currency: str
    liquidity: str
    realized_pnl: str


class StrategyRow(msgspec.Struct, kw_only=True):
    """One strategy of the run; key: `name`.

    Attributes:
        state: `REGISTERED`, `RUNNING`, `STOPPED` or `FAILED`.
        symbols: That it holds, works or subscribed to.
        parameters: As they are now, in the spelling of `--set`.
        win_rate_pct: Of its closed round trips; null before the first.
        callback_us_p99: Of its sampled callbacks; null before the first.
        indicators: Name → value now, of the indicators it keeps; null until ready.
        error: Why it failed, with the user's own frames; empty unless it did.
    """

    name: str
    file: str
    doc: str
    state: str
    symbols: tuple[str, ...]
    parameters: dict[str, str]
    realized_pnl: str
    unrealized_pnl: str
    fees: str
    net_pnl: str
    day_pnl: str
    currency: str
    orders: int
    orders_open: int
    fills: int
    trades: int
    win_rate_pct: float | None
    starts: int
    callback_us_p50: float | None
    callback_us_p99: float | None
    indicators: dict[str, float | None]
    error: str


class SignalRow(msgspec.Struct, kw_only=True):
    """One opinion of a strategy; key: `signal_id`."""

    signal_id: str
    ts: str
    strategy: str
    symbol: str
    direction: str
    confidence: float
    reason: str
    order_id: str


class AlertRow(msgspec.Struct, kw_only=True):
    """Something a person should know; key: `number`, counted from 1.

    Attributes:
        level: `INFO`, `WARNING` or `ERROR`.
        code: Stable and greppable.
        acknowledged: Somebody has read it.
    """

    number: int
    ts: str
    level: str
    code: str
    message: str
    strategy: str
    symbol: str
    detail: str
    acknowledged: bool


class RiskRow(msgspec.Struct, kw_only=True):
    """One limit of the account and how much of it is used; key: `name`.

    Attributes:
        name: As in `[risk]`: `max_open_orders`, …
        subject: What is nearest to the limit (a symbol); empty where it is the account.
        used, limit: In `unit`; the limit is null where it is off.
        used_pct: 0 to 100 and beyond; null where it is off.
    """

    name: str
    subject: str
    used: str
    limit: str | None
    used_pct: float | None
    unit: str


class MarketRow(msgspec.Struct, kw_only=True):
    """One symbol's market; key: `symbol`.

    Attributes:
        price_decimals, size_decimals: Always shown, so that no dot jumps.
        change_pct: Since the first price of the UTC day here (or of the run).
        sparkline: Up to 24 closes, oldest first.
        ts: Of the venue, of the last event; null before the first.
        received: When it came in here; what an age is counted from.
        is_live: False where the stream is down or its venue is not READY.
    """

    symbol: str
    venue: str
    price_decimals: int
    size_decimals: int
    last: str | None
    bid: str | None
    ask: str | None
    bid_size: str | None
    ask_size: str | None
    change_pct: float | None
    high: str | None
    low: str | None
    volume: str | None
    sparkline: tuple[float, ...]
    ts: str | None
    received: str | None
    is_live: bool


class CurvePoint(msgspec.Struct, kw_only=True):
    """Equity at a moment; key: `ts`. The channel `pnl` is the curve of the run, thinned out."""

    ts: str
    equity: str
    cash: str
    unrealized_pnl: str


class LogRow(msgspec.Struct, kw_only=True):
    """One line of the engine's log; key: `number`, counted from 1."""

    number: int
    ts: str
    level: str
    source: str
    message: str

"""What is asked of a running engine and what it answers: bodies of the control API.

Money, prices and quantities are text in plain decimals, times ISO-8601 UTC. Must hold no logic.
"""

import msgspec

from alphaforge.client.records import SCHEMA, FillRow, OrderRow


class CheckRow(msgspec.Struct, kw_only=True):
    """One risk check of an order that was not sent.

    Attributes:
        name: `max_position_value`, `funds`, `grid`, …
        used_before, used_after, limit: In `unit`; null where there is no number.
    """

    name: str
    passed: bool
    used_before: str | None
    used_after: str | None
    limit: str | None
    unit: str
    message: str


class PreviewRow(msgspec.Struct, kw_only=True):
    """What an order would do if it were sent now: the answer of `POST /api/orders?dry_run=1`.

    Attributes:
        price: It is judged at: its limit, its trigger, or the average of walking the book.
        worst_price: Of the levels it would take; null where it would rest.
        value: At `price`, in `currency`.
        fee: At the taker's rate where it would take, else the maker's.
        slippage_bp: `price` against the middle, unfavourable positive; null where it would rest.
        takes: Whether it would take liquidity at once.
        book_covers: Quantity that the known book would fill.
        verdict: `ok` or `denied`; `reasons` says why.
    """

    symbol: str
    venue: str
    side: str
    type: str
    quantity: str
    limit: str | None
    stop: str | None
    price: str | None
    worst_price: str | None
    value: str | None
    fee: str | None
    currency: str
    slippage_bp: float | None
    takes: bool
    book_covers: str
    position_before: str
    position_after: str
    leverage_before: float | None
    leverage_after: float | None
    checks: tuple[CheckRow, ...]
    verdict: str
    reasons: tuple[str, ...]


class LifeLine(msgspec.Struct, kw_only=True):
    """One moment in an order's life.

    Attributes:
        what: `signal`, `decision`, `check`, `sent`, `venue`, `fill`, `status`, `doubt`, `operator`.
        after_ms: Since the order's first line.
        text: In words, numbers included.
    """

    ts: str
    after_ms: float
    what: str
    text: str


class WhyRecord(msgspec.Struct, kw_only=True):
    """One order's whole life in words: `alphaforge why ORDER` and the app's order detail."""

    schema: int = SCHEMA
    run_id: str
    order: OrderRow
    summary: str
    lines: tuple[LifeLine, ...]
    fills: tuple[FillRow, ...]
    realized_pnl: str


class OrderRequest(msgspec.Struct, kw_only=True):
    """`POST /api/orders`: a person's order; prices and quantities as text.

    Attributes:
        strategy: Whose position it counts to; `manual` unless said.
        client_id: Repeating the same one gives the same order again, never a second.
        who: Who asks, for the journal: `cli`, `tui`, a name.
    """

    symbol: str
    side: str
    quantity: str
    limit: str | None = None
    stop: str | None = None
    trail: str | None = None
    tif: str = "GTC"
    post_only: bool = False
    reduce_only: bool = False
    take_profit: str | None = None
    stop_loss: str | None = None
    strategy: str = "manual"
    tag: str = ""
    client_id: str = ""
    who: str = ""


class ModifyRequest(msgspec.Struct, kw_only=True):
    """`POST /api/orders/{id}/modify`: what is null stays as it is."""

    quantity: str | None = None
    limit: str | None = None
    stop: str | None = None
    who: str = ""


class CancelAllRequest(msgspec.Struct, kw_only=True):
    """`POST /api/orders/cancel`: every working order of a symbol and strategy; empty = of all."""

    symbol: str = ""
    strategy: str = ""
    who: str = ""


class FlattenRequest(msgspec.Struct, kw_only=True):
    """`POST /api/flatten`: close positions by reduce-only market orders; empty = all."""

    symbol: str = ""
    strategy: str = ""
    who: str = ""


class KillRequest(msgspec.Struct, kw_only=True):
    """`POST /api/kill`: stop strategies, cancel everything, close positions if `flatten`."""

    flatten: bool = False
    reason: str = ""
    who: str = ""


class KillRecord(msgspec.Struct, kw_only=True):
    """How far a kill is: also `GET /api/kill`.

    Attributes:
        state: `none`, `running`, `done` (every line proven) or `stuck` (see `problems`).
        steps: Name → `waiting`, `running`, `done` or `failed`, in order: `strategies`, `orders`,
            `positions`, `proof`.
    """

    state: str
    flatten: bool
    who: str
    reason: str
    started: str | None
    steps: dict[str, str]
    strategies_running: int
    orders_open: int
    orders_in_doubt: int
    positions_open: int
    problems: tuple[str, ...]


class Who(msgspec.Struct, kw_only=True):
    """The body of a request that has nothing else to say: pause, resume, stop, start, arm."""

    who: str = ""
    reason: str = ""


class StrategyPatch(msgspec.Struct, kw_only=True):
    """`PATCH /api/strategies/{name}`: values as `--set` takes them; it starts anew."""

    parameters: dict[str, str]
    who: str = ""


class Accepted(msgspec.Struct, kw_only=True):
    """The answer to a request that changes something: the engine has taken it in.

    Attributes:
        message: What happened, in one sentence.
        orders: Every order that came of it, as it stands now (an order is SENDING, that is
            INITIALIZED or SUBMITTED, until the venue answers).
    """

    schema: int = SCHEMA
    message: str
    orders: tuple[OrderRow, ...] = ()


class Problem(msgspec.Struct, kw_only=True):
    """Every answer that is not 2xx: the same words that the command line prints.

    Attributes:
        code: As in `alphaforge explain CODE`.
        exit_code: What the command line returns for it.
    """

    code: str
    message: str
    remedy: str
    exit_code: int

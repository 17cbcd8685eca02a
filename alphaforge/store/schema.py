"""Every table, once, for SQLite and PostgreSQL alike.

Truth: `runs`, and `inputs`, `recording_blocks`, `decisions` (append-only, a checksum in each row).
Views of it: `orders`, `order_events`, `fills`, `positions`, `alerts`, `signals`; they can be
deleted and rebuilt. `equity` holds samples: marks of a moment, which no decision implies.
`snapshots` save time only: without them a run is folded from its start. `reconciliations` says
what was compared with a venue and how it differed.

Money is text in plain decimals, times are integer nanoseconds UTC. Must hold no statement and no
type that only one database knows. A change here needs a new number and a step in `migrations`.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA_VERSION = 2

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s"}
)


def _key(name: str) -> Column[str]:
    return Column(name, String(64), primary_key=True)


def _number_key(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _run() -> Column[str]:
    return Column(
        "run_id", String(64), ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True
    )


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _ns(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _money(name: str) -> Column[str]:
    """A plain decimal as text: no database may round it."""
    return Column(name, Text, nullable=False)


def _money_or_null(name: str) -> Column[str]:
    return Column(name, Text, nullable=True)


def _checksum() -> Column[int]:
    return Column("checksum", BigInteger, nullable=False)


meta = Table("meta", metadata, _key("key"), _text("value"))
"""Facts about the file itself; `schema_version` is the one that opening checks."""

runs = Table(
    "runs",
    metadata,
    _key("run_id"),
    _text("mode"),
    _text("venue"),
    _text("account"),
    Column("strategies", JSON, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("data", JSON, nullable=False),
    Column("instruments", JSON, nullable=False),
    Column("seed", BigInteger, nullable=False),
    _ns("started"),
    Column("ended", BigInteger, nullable=True),
    _text("status"),
    _text("error"),
    Column("summary", JSON, nullable=True),
)

inputs = Table(
    "inputs",
    metadata,
    _run(),
    _number_key("sequence"),
    _ns("ts"),
    _text("kind"),
    Column("payload", LargeBinary, nullable=False),
    _checksum(),
    sqlite_with_rowid=False,
)
"""What entered the engine and stands in no recording; `ts` is `ts_local`."""

recording_blocks = Table(
    "recording_blocks",
    metadata,
    _run(),
    _number_key("sequence"),
    _ns("last_sequence"),
    Column("count", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    _checksum(),
)
"""Market events of a live or synthetic feed, many to a row; `sequence` is the first one's."""

decisions = Table(
    "decisions",
    metadata,
    _run(),
    _number_key("sequence"),
    _ns("ts"),
    Column("payload", LargeBinary, nullable=False),
    _checksum(),
    sqlite_with_rowid=False,
)
"""The Steps that were not empty."""

orders = Table(
    "orders",
    metadata,
    _run(),
    _key("order_id"),
    _ns("ts"),
    _text("venue"),
    _text("account"),
    _text("symbol"),
    _text("strategy"),
    _text("client_order_id"),
    _text("venue_order_id"),
    _text("side"),
    _text("order_type"),
    _money("quantity"),
    _money_or_null("limit_price"),
    _money_or_null("trigger_price"),
    _text("tif"),
    _text("status"),
    _money("filled"),
    _money_or_null("average_price"),
    _text("reason"),
    _money("leaves"),
    Column("in_doubt", Boolean, nullable=False),
    _ns("ts_last"),
)

order_events = Table(
    "order_events",
    metadata,
    _run(),
    _key("order_id"),
    _number_key("sequence"),
    _number_key("position"),
    _ns("ts"),
    _text("kind"),
    _text("payload"),
    sqlite_with_rowid=False,
)
"""One order's life in order; `payload` is the event as JSON, `position` its place in its Step."""

fills = Table(
    "fills",
    metadata,
    _run(),
    _number_key("sequence"),
    _number_key("position"),
    _ns("ts"),
    _text("venue"),
    _text("account"),
    _text("symbol"),
    _text("strategy"),
    _text("order_id"),
    _text("venue_order_id"),
    _text("trade_id"),
    _text("side"),
    _money("quantity"),
    _money("price"),
    _money("value"),
    _money("fee"),
    _text("fee_currency"),
    _text("liquidity"),
    _money("realized_pnl"),
    sqlite_with_rowid=False,
)

positions = Table(
    "positions",
    metadata,
    _run(),
    _key("strategy"),
    _key("symbol"),
    _ns("ts"),
    _text("venue"),
    _text("account"),
    _text("side"),
    _money("quantity"),
    _money("cost"),
    _money_or_null("average_price"),
    _money("realized_pnl"),
    _money("fees"),
    _money("funding"),
    Column("fills", Integer, nullable=False),
    _ns("ts_open"),
)
"""What each strategy holds of each symbol, flat ones too; `ts` is the last change."""

equity = Table(
    "equity",
    metadata,
    _run(),
    _number_key("sequence"),
    _number_key("position"),
    _ns("ts"),
    _money("equity"),
    _money("cash"),
    _money("unrealized_pnl"),
    sqlite_with_rowid=False,
)
"""Samples, in the reporting currency; `position` counts those of one event."""

alerts = Table(
    "alerts",
    metadata,
    _run(),
    _number_key("sequence"),
    _number_key("position"),
    _ns("ts"),
    _text("level"),
    _text("code"),
    _text("message"),
    _text("strategy"),
    _text("symbol"),
    _text("detail"),
)

signals = Table(
    "signals",
    metadata,
    _run(),
    _number_key("sequence"),
    _number_key("position"),
    _ns("ts"),
    _text("signal_id"),
    _text("strategy"),
    _text("symbol"),
    _text("direction"),
    Column("confidence", Float, nullable=False),
    _text("reason"),
    _text("order_id"),
)

heads = Table(
    "heads",
    metadata,
    _run(),
    _ns("recording_blocks"),
    _ns("inputs"),
    _ns("decisions"),
)
"""The checksums of the last rows of the journal, 0 for none: a lost end shows here."""

snapshots = Table(
    "snapshots",
    metadata,
    _run(),
    _number_key("sequence"),
    _ns("ts"),
    Column("payload", LargeBinary, nullable=False),
    _checksum(),
)
"""The engine's whole state after event `sequence`; the last few of each run."""

reconciliations = Table(
    "reconciliations",
    metadata,
    _run(),
    _number_key("sequence"),
    _number_key("position"),
    _ns("ts"),
    _text("reason"),
    _text("payload"),
)
"""`payload` is the whole record as JSON; `position` counts those of one event."""

Index("ix_runs_started", runs.c.started)

VIEWS = (orders, order_events, fills, positions, alerts, signals)
"""What `Writer.rebuild_views` deletes and derives again from `decisions`."""

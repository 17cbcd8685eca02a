"""`alphaforge orders|positions|fills|balance|pnl`: of a running engine, or of a stored run.

With `--run ID` of a run that is over, the same rows come from the store. Must change nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from alphaforge.cli.engine_choice import AnyRun, ask, engine_or_none
from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.printing import print_json, print_table, talk
from alphaforge.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from alphaforge.cli.list_texts import Table
    from alphaforge.client.connection import Connection
    from alphaforge.client.records import EngineRecord, SummaryRow
    from alphaforge.services.pnl_groups import Group
    from alphaforge.store.reads import Reader
    from alphaforge.store.records import RunRecord

Everything = Annotated[bool, typer.Option("--all", help="Ended ones too.")]
Closed = Annotated[bool, typer.Option("--closed", help="Round trips that are over.")]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="The newest N.")]
Symbol = Annotated[str | None, typer.Option("--symbol", metavar="S", help="Of that one only.")]
OfStrategy = Annotated[str | None, typer.Option("--strategy", metavar="NAME", help="Of that one.")]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="day|hour|strategy|symbol", help="What was booked, in groups."),
]

_USUAL = 100

Row = TypeVar("Row")


def orders(
    ctx: typer.Context,
    everything: Everything = False,
    symbol: Symbol = None,
    strategy: OfStrategy = None,
    limit: Limit = None,
    run: AnyRun = None,
) -> None:
    """List orders: those that work, or with --all those that ended too.

    alphaforge orders --all --limit 20
    """
    from alphaforge.cli.list_texts import orders_table
    from alphaforge.client.pages import newest
    from alphaforge.client.records import OrderRow
    from alphaforge.services.stored_rows import stored_orders

    async def live(engine: "Connection") -> list[OrderRow]:
        return await newest(
            engine, "/api/live/orders", OrderRow, limit,
            symbol=symbol, strategy=strategy, open=not everything,
        )  # fmt: skip

    async def stored(reader: "Reader", of: "RunRecord") -> list[OrderRow]:
        rows = await stored_orders(reader, of)
        return [row for row in rows if everything or row.is_open]

    record, rows = _rows(ctx, run, live, stored)
    if record is None:
        rows = _narrowed(rows, symbol, strategy, limit)
    _print(ctx, "orders", rows, orders_table(rows))
    if not rows:
        talk("no order works" if not everything else "no order was given yet")


def positions(
    ctx: typer.Context,
    closed: Closed = False,
    symbol: Symbol = None,
    strategy: OfStrategy = None,
    limit: Limit = None,
    run: AnyRun = None,
) -> None:
    """List open positions, or with --closed round trips.

    alphaforge positions
    """
    if closed:
        _print_trips(ctx, symbol, strategy, limit, run)
        return
    from alphaforge.cli.list_texts import positions_table
    from alphaforge.client.pages import whole
    from alphaforge.client.records import PositionRow
    from alphaforge.services.stored_rows import stored_positions

    async def live(engine: "Connection") -> list[PositionRow]:
        return await whole(
            engine, "/api/live/positions", PositionRow, symbol=symbol, strategy=strategy
        )

    record, rows = _rows(ctx, run, live, stored_positions)
    if record is None:
        rows = _narrowed(rows, symbol, strategy, limit)
    _print(ctx, "positions", rows, positions_table(rows))
    if not rows:
        talk("no open position")


def _print_trips(
    ctx: typer.Context,
    symbol: str | None,
    strategy: str | None,
    limit: int | None,
    run: str | None,
) -> None:
    from alphaforge.cli.list_texts import trips_table
    from alphaforge.client.answers import TripRow
    from alphaforge.client.pages import newest
    from alphaforge.services.stored_rows import stored_trips

    async def live(engine: "Connection") -> list[TripRow]:
        path = "/api/live/closed-positions"
        return await newest(engine, path, TripRow, limit, symbol=symbol, strategy=strategy)

    record, rows = _rows(ctx, run, live, stored_trips)
    if record is None:
        rows = _narrowed(rows, symbol, strategy, limit)
    _print(ctx, "closed_positions", rows, trips_table(rows))
    if not rows:
        talk("no position was closed yet")


def fills(
    ctx: typer.Context,
    symbol: Symbol = None,
    strategy: OfStrategy = None,
    limit: Limit = _USUAL,
    run: AnyRun = None,
) -> None:
    """List the newest executions; `export fills` writes all of them.

    alphaforge fills --limit 20
    """
    from alphaforge.cli.list_texts import fills_table
    from alphaforge.client.pages import newest
    from alphaforge.client.records import FillRow
    from alphaforge.services.stored_rows import stored_fills

    async def live(engine: "Connection") -> list[FillRow]:
        return await newest(
            engine, "/api/live/fills", FillRow, limit, symbol=symbol, strategy=strategy
        )

    record, rows = _rows(ctx, run, live, stored_fills)
    if record is None:
        rows = _narrowed(rows, symbol, strategy, limit)
    _print(ctx, "fills", rows, fills_table(rows))
    if not rows:
        talk("nothing was filled yet")


def balance(ctx: typer.Context, run: AnyRun = None) -> None:
    """Show cash by currency, and equity.

    alphaforge balance
    """
    import msgspec

    summary = _summary(ctx, run)
    cash = msgspec.convert(summary.get("cash") or {}, dict[str, str])
    if invocation_of(ctx).as_json:
        names = ("run_id", "currency", "equity")
        print_json({**{name: summary.get(name) for name in names}, "cash": cash})
        return
    total = (f"equity {summary.get('currency') or ''}".rstrip(), summary.get("equity"))
    print_table(("currency", "amount"), [*cash.items(), total], right=("amount",))


def pnl(ctx: typer.Context, by: By = None, run: AnyRun = None) -> None:
    """Show profit and loss, as a whole or by day, hour, strategy or symbol.

    alphaforge pnl --by symbol
    """
    if by is not None:
        _print_groups(ctx, by, run)
        return
    summary = _summary(ctx, run)
    names = ("start_equity", "equity", "net_pnl", "realized_pnl", "unrealized_pnl", "fees")
    found = {name: summary.get(name) for name in ("currency", *names)}
    if invocation_of(ctx).as_json:
        print_json({"run_id": summary.get("run_id"), **found, "day_pnl": summary.get("day_pnl")})
        return
    rows = [(name.replace("_", " "), value) for name, value in found.items()]
    print_table(("", "amount"), rows, right=("amount",))


def _print_groups(ctx: typer.Context, by: str, run: str | None) -> None:
    from alphaforge.services.pnl_groups import WAYS

    if by not in WAYS:
        raise UsageError(f"profit and loss by {by} is not known", remedy=f"--by {'|'.join(WAYS)}")
    record = engine_or_none(ctx, run)
    run_id, found = _stored(ctx, record, run, lambda reader, of: _grouped(reader, of, by))
    groups = [each._asdict() for each in found]
    if invocation_of(ctx).as_json:
        print_json({"run_id": run_id, "by": by, "groups": groups})
        return
    columns = (by, "currency", "fills", "realized", "fees", "net")
    rows = [
        (each.key, each.currency, each.fills, each.realized_pnl, each.fees, each.net_pnl)
        for each in found
    ]
    print_table(columns, rows, right=columns[2:])
    others = sorted({name for each in found for name in each.other_fees})
    if others:
        talk(f"fees were paid in {', '.join(others)} too: they are in no sum, see --json")
    if not rows:
        talk("nothing was filled yet")


async def _grouped(reader: "Reader", run: "RunRecord", by: str) -> "list[Group]":
    from alphaforge.services.pnl_groups import group_fills
    from alphaforge.store.records import Selection

    found = [row async for page in reader.fills(Selection(run_id=run.run_id)) for row in page]
    return group_fills(found, {each.symbol: each for each in run.instruments}, by)


def _summary(ctx: typer.Context, run: str | None) -> dict[str, object]:
    """A running engine's figures, or those printed at a run's end."""
    from msgspec import to_builtins

    record = engine_or_none(ctx, run)
    if record is not None:
        found: dict[str, object] = to_builtins(ask(record, _ask_summary))
        return found
    run_id, summary = _stored(ctx, None, run, _end_figures)
    return {**summary, "run_id": run_id}


async def _ask_summary(engine: "Connection") -> "SummaryRow":
    from alphaforge.client.records import SummaryRow

    return await engine.get_as("/api/live/summary", SummaryRow)


async def _end_figures(reader: "Reader", run: "RunRecord") -> dict[str, object]:
    import msgspec

    from alphaforge.model.numbers import EXACT, decimal_of, plain
    from alphaforge.model.settings import EngineSettings

    del reader
    if run.summary is None:
        raise NotFoundError(
            f"run {run.run_id} was killed before it could say how it stood",
            remedy=f"see what it did: alphaforge fills --run {run.run_id}",
        )
    known: dict[str, object] = dict(run.summary)
    known.setdefault("equity", known.get("final_equity"))
    settings = msgspec.convert(run.settings.get("engine", {}), EngineSettings)
    known.setdefault("currency", settings.account.reporting_currency or None)
    start, end = known.get("start_equity"), known.get("equity")
    if "net_pnl" not in known and start is not None and end is not None:
        gained = EXACT.subtract(decimal_of(str(end)), decimal_of(str(start)))
        known["net_pnl"] = plain(gained)
    return known


def _rows(
    ctx: typer.Context,
    run: str | None,
    live: "Callable[[Connection], Awaitable[list[Row]]]",
    stored: "Callable[[Reader, RunRecord], Awaitable[list[Row]]]",
) -> "tuple[EngineRecord | None, list[Row]]":
    """Rows of the engine that is meant, or else of the stored run."""
    record = engine_or_none(ctx, run)
    if record is not None:
        return record, ask(record, live)
    return None, _stored(ctx, None, run, stored)[1]


def _stored(
    ctx: typer.Context,
    record: "EngineRecord | None",
    run: str | None,
    read: "Callable[[Reader, RunRecord], Awaitable[Row]]",
) -> tuple[str, Row]:
    """A run's id, and what its database says; of a running engine the database it writes to."""
    import asyncio

    from alphaforge.cli.run_choice import chosen_run
    from alphaforge.store.reads import open_reader

    url = record.store if record is not None else ""
    if not url.startswith("sqlite"):  # a record names others without their password
        url = configuration_of(ctx).store_url

    async def find() -> tuple[str, Row]:
        async with open_reader(url) as reader:
            found = await chosen_run(reader, record.run_id if record is not None else run)
            return found.run_id, await read(reader, found)

    return asyncio.run(find())


def _narrowed(
    rows: list[Row], symbol: str | None, strategy: str | None, limit: int | None
) -> list[Row]:
    """Rows of a symbol, however it is spelled, and of a strategy; the newest so many."""
    from alphaforge.model.symbols import canonical

    kept = [
        row
        for row in rows
        if (symbol is None or canonical(str(getattr(row, "symbol", ""))) == canonical(symbol))
        and (strategy is None or getattr(row, "strategy", "") == strategy)
    ]
    return kept[-limit:] if limit is not None else kept


def _print(ctx: typer.Context, name: str, rows: Sequence[object], table: "Table") -> None:
    from msgspec import to_builtins

    if invocation_of(ctx).as_json:
        print_json({name: [to_builtins(row) for row in rows]})
    else:
        print_table(*table)

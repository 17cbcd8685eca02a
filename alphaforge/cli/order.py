"""`alphaforge order buy|sell|cancel|modify|flatten`: a person's orders, through a running engine.

What is typed is read by the grammar that the app's `:` line uses too. Must judge nothing: the
engine's risk gate does, for these orders as for any strategy's.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from alphaforge.cli.engine_choice import WHO, RunName, ask, engine_of
from alphaforge.cli.invocation import invocation_of
from alphaforge.cli.order_answers import (
    is_answered,
    is_ended,
    is_settled,
    print_answer,
    print_preview,
    raise_still_open,
)
from alphaforge.cli.printing import talk
from alphaforge.cli.waiting import Wait, until
from alphaforge.errors import ExitCode, InternalError, UsageError

if TYPE_CHECKING:
    from alphaforge.client.connection import Connection
    from alphaforge.client.records import EngineRecord, OrderRow
    from alphaforge.client.requests import Accepted, PreviewRow
    from alphaforge.client.verbs import OrderVerb, Verb

app = typer.Typer(
    no_args_is_help=True, help="Buy, sell, cancel, modify, flatten; through a running engine."
)

Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="As BTC/USDT.")]
Quantity = Annotated[str, typer.Argument(metavar="QTY", help="Base units or contracts.")]
Limit = Annotated[str | None, typer.Option("--limit", metavar="P", help="Worst price.")]
Stop = Annotated[str | None, typer.Option("--stop", metavar="P", help="Price that wakes it.")]
Trail = Annotated[str | None, typer.Option("--trail", metavar="D", help="Distance: 250, or 1%.")]
Tif = Annotated[str | None, typer.Option("--tif", metavar="GTC|IOC|FOK", help="How long it lives.")]
PostOnly = Annotated[bool, typer.Option("--post-only", help="Never takes liquidity.")]
ReduceOnly = Annotated[bool, typer.Option("--reduce-only", help="Only brings a position down.")]
TakeProfit = Annotated[
    str | None, typer.Option("--take-profit", metavar="P", help="Closes at a gain.")
]
StopLoss = Annotated[str | None, typer.Option("--stop-loss", metavar="P", help="Closes at a loss.")]
OfStrategy = Annotated[
    str | None, typer.Option("--strategy", metavar="NAME", help="Whose position; manual if none.")
]
Tag = Annotated[str | None, typer.Option("--tag", metavar="TEXT", help="A note of your own.")]
ClientId = Annotated[
    str | None,
    typer.Option("--client-id", metavar="ID", help="Typed again, it is the same order, no second."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, where the money is real.")]
OrderName = Annotated[str, typer.Argument(metavar="ID", help="As o-000007, or only 7.")]
Everything = Annotated[bool, typer.Option("--all", help="Every working order.")]

ANSWER_SECONDS: Final = 10.0


@app.command("buy", help="Buy, at the market or with --limit at a price.")
@app.command("sell", help="Sell, at the market or with --limit at a price.")
def place(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    symbol: Symbol,
    quantity: Quantity,
    limit: Limit = None,
    stop: Stop = None,
    trail: Trail = None,
    tif: Tif = None,
    post_only: PostOnly = False,
    reduce_only: ReduceOnly = False,
    take_profit: TakeProfit = None,
    stop_loss: StopLoss = None,
    strategy: OfStrategy = None,
    tag: Tag = None,
    client_id: ClientId = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    run: RunName = None,
    wait: Wait = ANSWER_SECONDS,
) -> int:
    """Place an order, and wait until its venue has answered.

    alphaforge order buy BTC/USDT 0.01 --limit 60000 --post-only --dry-run
    """
    from alphaforge.client.verbs import OrderVerb

    options = {
        "--limit": limit,
        "--stop": stop,
        "--trail": trail,
        "--tif": tif,
        "--post-only": post_only,
        "--reduce-only": reduce_only,
        "--take-profit": take_profit,
        "--stop-loss": stop_loss,
        "--strategy": strategy,
        "--tag": tag,
        "--client-id": client_id,
        "--dry-run": dry_run,
    }
    verb = _read(str(ctx.info_name), (symbol, quantity), options)
    if not isinstance(verb, OrderVerb):
        raise InternalError(f"an order was read as {type(verb).__name__}")
    verb.request.who = WHO
    record = engine_of(ctx, run)
    as_json = invocation_of(ctx).as_json
    if verb.dry_run:
        return print_preview(ask(record, lambda engine: _preview(engine, verb)), as_json=as_json)
    if record.mode == "live" and not yes:
        _confirm(record, verb)
    accepted = ask(record, lambda engine: _send(engine, verb, wait))
    return print_answer(record, accepted, as_json=as_json)


def _read(
    what: str, places: Sequence[str | None], options: Mapping[str, str | bool | None]
) -> "Verb":
    """What was typed as a line of the grammar, read by it."""
    from alphaforge.client.grammar import parse

    words = ["order", what, *(place for place in places if place is not None)]
    for name, value in options.items():
        if value is None or value is False:
            continue
        words += [name] if value is True else [name, str(value)]
    return parse(words)


def _confirm(record: "EngineRecord", verb: "OrderVerb") -> None:
    """Real money asks once, of whoever can answer."""
    from alphaforge.client.verbs import render

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"the engine of run {record.run_id} trades real money",
            remedy="look first with --dry-run, then say so: add --yes",
        )
    what = render(verb).removeprefix("order ")
    if not typer.confirm(f"LIVE on {record.venue}: {what}?", err=True):
        talk("nothing was sent")
        raise typer.Exit(ExitCode.FAILED)


async def _preview(engine: "Connection", verb: "OrderVerb") -> "PreviewRow":
    from alphaforge.client.requests import PreviewRow

    return await engine.post("/api/orders", verb.request, PreviewRow, dry_run=True)


async def _send(engine: "Connection", verb: "OrderVerb", wait: float) -> "Accepted":
    from alphaforge.client.requests import Accepted

    accepted = await engine.post("/api/orders", verb.request, Accepted)
    return await _answered(engine, accepted, is_answered, wait)


@app.command()
def cancel(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    order_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Which one.")] = None,
    everything: Everything = False,
    symbol: Annotated[str | None, typer.Option("--symbol", metavar="S", help="Of that.")] = None,
    strategy: OfStrategy = None,
    run: RunName = None,
    wait: Wait = ANSWER_SECONDS,
) -> int:
    """Cancel one order, or with --all every working one (of a symbol, of a strategy).

    alphaforge order cancel o-000007
    """
    options = {"--all": everything, "--symbol": symbol, "--strategy": strategy}
    return _carry_out(ctx, _read("cancel", (order_id,), options), run, wait)


@app.command()
def modify(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    order_id: OrderName,
    quantity: Annotated[
        str | None, typer.Option("--quantity", metavar="Q", help="New total, filled part included.")
    ] = None,
    limit: Limit = None,
    stop: Stop = None,
    run: RunName = None,
    wait: Wait = ANSWER_SECONDS,
) -> int:
    """Give a working order a new quantity, limit or trigger.

    alphaforge order modify o-000007 --limit 60500
    """
    options = {"--quantity": quantity, "--limit": limit, "--stop": stop}
    return _carry_out(ctx, _read("modify", (order_id,), options), run, wait)


@app.command()
def flatten(
    ctx: typer.Context,
    symbol: Annotated[str | None, typer.Argument(metavar="[SYMBOL]", help="All if none.")] = None,
    strategy: OfStrategy = None,
    run: RunName = None,
    wait: Wait = ANSWER_SECONDS,
) -> int:
    """Close positions by reduce-only market orders: of a symbol, of a strategy, or all.

    alphaforge order flatten BTC/USDT
    """
    verb = _read("flatten", (symbol,), {"--strategy": strategy})
    return _carry_out(ctx, verb, run, wait)


def _carry_out(ctx: typer.Context, verb: "Verb", run: str | None, wait: float) -> int:
    from alphaforge.client.verbs import CancelAllVerb, CancelVerb

    record = engine_of(ctx, run)
    accepted = ask(record, lambda engine: _change(engine, verb, wait))
    code = print_answer(record, accepted, as_json=invocation_of(ctx).as_json)
    if isinstance(verb, CancelVerb | CancelAllVerb):
        raise_still_open(record, accepted.orders)
    return code


async def _change(engine: "Connection", verb: "Verb", wait: float) -> "Accepted":
    from alphaforge.client import verbs
    from alphaforge.client.requests import Accepted, Who

    is_over = is_ended
    if isinstance(verb, verbs.CancelVerb):
        path = f"/api/orders/{_quoted(verb.order_id)}/cancel"
        accepted = await engine.post(path, Who(who=WHO), Accepted)
    elif isinstance(verb, verbs.CancelAllVerb):
        verb.request.who = WHO
        accepted = await engine.post("/api/orders/cancel", verb.request, Accepted)
    elif isinstance(verb, verbs.ModifyVerb):
        verb.request.who, is_over = WHO, is_settled
        path = f"/api/orders/{_quoted(verb.order_id)}/modify"
        accepted = await engine.post(path, verb.request, Accepted)
    elif isinstance(verb, verbs.FlattenVerb):
        verb.request.who, is_over = WHO, is_answered
        accepted = await engine.post("/api/flatten", verb.request, Accepted)
    else:
        raise InternalError(f"{type(verb).__name__} is no change of orders")
    return await _answered(engine, accepted, is_over, wait)


def _quoted(order_id: str) -> str:
    from urllib.parse import quote

    return quote(order_id, safe="")


async def _answered(
    engine: "Connection",
    accepted: "Accepted",
    is_over: "Callable[[OrderRow], bool]",
    wait: float,
) -> "Accepted":
    """The same with each order as it stands once its venue has answered, or when time is up."""
    from msgspec.structs import replace

    from alphaforge.client.records import OrderRow

    async def look() -> Sequence[OrderRow]:
        paths = [f"/api/orders/{_quoted(each.order_id)}" for each in accepted.orders]
        return [await engine.get_as(path, OrderRow) for path in paths]

    rows = await until(look, lambda found: all(is_over(row) for row in found), wait)
    return replace(accepted, orders=tuple(rows))

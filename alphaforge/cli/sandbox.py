"""`alphaforge sandbox serve`: the built-in exchange, for our own runs and for any other client.

Must never hold anything of the exchange: it reads options, starts it, and prints how to connect.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.options import DataFile, Seed, Symbols
from alphaforge.cli.printing import print_table, talk
from alphaforge.errors import UsageError

if TYPE_CHECKING:
    from decimal import Decimal

    from alphaforge.sandbox.serve import ServePlan, Started

app = typer.Typer(no_args_is_help=True, help="The built-in exchange.")

SCHEMA = 1
"""Version of the line that --json prints."""

Port = Annotated[int, typer.Option(min=0, max=65535, help="0 = one that is free.")]
Host = Annotated[
    str, typer.Option(help="Where it listens; anything else than this lets others in.")
]
Faults = Annotated[
    Path | None, typer.Option("--faults", metavar="FILE", help="What goes wrong: docs/sandbox.md.")
]
Speed = Annotated[str, typer.Option(metavar="N", help="Of the market; 1 = as in real time.")]
State = Annotated[
    Path | None, typer.Option("--state", metavar="FILE", help="Kept here over a restart.")
]
Cash = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Start balances; 100000 USDT, 2 BTC, 20 ETH if left out."),
]
Books = Annotated[
    Path | None, typer.Option("--books", metavar="FILE", help="Final books, as JSON.")
]
Child = Annotated[bool, typer.Option("--child", help="End when stdin closes.")]
NoLimits = Annotated[bool, typer.Option("--no-limits", help="No request limits: no 429.")]
ApiKey = Annotated[
    str | None, typer.Option("--api-key", metavar="TEXT", help="Instead of a random one.")
]
Secret = Annotated[
    str | None, typer.Option("--secret", metavar="TEXT", help="Instead of a random one.")
]


@app.callback()
def sandbox() -> None:
    """The built-in exchange: a server that real exchanges' clients can trade with."""


@app.command()
def serve(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    port: Port = 0,
    host: Host = "127.0.0.1",
    seed: Seed = None,
    symbol: Symbols = None,
    faults: Faults = None,
    speed: Speed = "1",
    data: DataFile = None,
    state: State = None,
    cash: Cash = None,
    books: Books = None,
    api_key: ApiKey = None,
    secret: Secret = None,
    no_limits: NoLimits = False,
    child: Child = False,
) -> None:
    """Serve the built-in exchange until Ctrl-C: Binance's and Bybit's protocols on one port.

    alphaforge sandbox serve --port 8123 --seed 7
    """
    from alphaforge.sandbox.fault_script import read_script
    from alphaforge.sandbox.listings import made_up
    from alphaforge.sandbox.serve import DEFAULT_CASH, DIALECTS, ServePlan

    for option, file in (("--state", state), ("--books", books)):
        _check_folder(option, file)
    plan = ServePlan(
        port=port,
        host=host,
        seed=configuration_of(ctx).settings.engine.seed if seed is None else seed,
        symbols=tuple(symbol or ()),
        speed=_speed(speed),
        cash=DEFAULT_CASH if cash is None else _cash(cash),
        faults=() if faults is None else read_script(faults, DIALECTS),
        data=data,
        state=state,
        books=books,
        api_key=api_key or "",
        secret=secret or "",
        has_limits=not no_limits,
        is_child=child,
    )
    strangers = made_up(plan.symbols) if data is None else ()
    if strangers:
        talk(f"nobody knows {', '.join(strangers)}: the price is made up (or is it mistyped?)")
    asyncio.run(_serve(plan, as_json=invocation_of(ctx).as_json))


async def _serve(plan: "ServePlan", *, as_json: bool) -> None:
    from alphaforge.sandbox.serve import serve as serve_exchange

    await serve_exchange(plan, _tell_json if as_json else _tell)


def _tell_json(started: "Started") -> None:
    """One object on one line, so that a parent can read a line and know everything."""
    from msgspec import to_builtins

    print(json.dumps({"schema": SCHEMA, **to_builtins(started)}), flush=True)


def _tell(started: "Started") -> None:
    rows = (
        ("address", str(started.urls["rest"])),
        ("symbols", ", ".join(started.symbols)),
        ("seed", started.seed),
        ("api key", started.api_key),
        ("secret", started.secret),
        ("certificate authority", started.ca_file),
        ("admin token", started.admin_token),
    )
    if sys.stdout.isatty():
        for name, value in rows:  # not as a table, which would break a key in two: they are copied
            print(f"{name:23}{value}")
    else:
        print_table(("what", "value"), rows)
    sys.stdout.flush()
    talk("the built-in exchange is up; Ctrl-C ends it (how to connect: docs/sandbox.md)")


def _check_folder(option: str, file: Path | None) -> None:
    """Say at once what would else be found out at the end, with the books lost."""
    folder = None if file is None else file.absolute().parent
    if folder is not None and not folder.is_dir():
        raise UsageError(
            f"{option} {file}: there is no folder {folder}", remedy=f"type: mkdir -p {folder}"
        )


def _speed(text: str) -> float:
    from alphaforge.services.flag_values import read_speed
    from alphaforge.services.values import WrongValueError

    try:
        speed = read_speed(text)
    except WrongValueError as error:
        message = f'--speed: expected a number above 0, got "{text}"'
        raise UsageError(message, remedy="as in --speed 10") from error
    if speed is None:
        raise UsageError("--speed: an exchange always keeps a time", remedy="as in --speed 1000")
    return speed


def _cash(text: str) -> "dict[str, Decimal]":
    from alphaforge.services.flag_values import read_cash
    from alphaforge.services.values import WrongValueError

    try:
        balances = read_cash(text)
    except WrongValueError as error:
        raise UsageError(f"--cash: {error}") from error
    bare = balances.pop("", None)
    return balances if bare is None else {"USDT": bare, **balances}

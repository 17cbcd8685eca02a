"""`alphaforge data generate|show|check`: data files, looked at or made.

Must never change a data file it was given.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.options import OutputFile, Seed, Strict, Symbol
from alphaforge.cli.printing import print_json, print_table, talk
from alphaforge.cli.progress import progress
from alphaforge.errors import DifferenceError, UsageError
from alphaforge.store.export import iso_time

if TYPE_CHECKING:
    from alphaforge.research.survey import Survey

app = typer.Typer(no_args_is_help=True, help="Look at data files, or make one.")

DataPath = Annotated[Path, typer.Argument(metavar="FILE", help="Recorded market data.")]
_PARTS = 1000
_MOST_ON_TERMINAL = 1000
_DEFAULT_SYMBOL = "BTC/USDT"


@app.command()
def generate(
    ctx: typer.Context,
    symbol: Symbol = None,
    kind: Annotated[str, typer.Option(metavar="trades|bars")] = "trades",
    rows: Annotated[int, typer.Option(metavar="N", help="How many.")] = 100_000,
    seed: Seed = None,
    output: OutputFile = None,
) -> None:
    """Write synthetic trades or one-minute bars as CSV; the same seed gives the same bytes.

    alphaforge data generate --kind bars --rows 5000 --seed 7 -o bars.csv
    """
    from alphaforge.marketdata.generate import csv_lines
    from alphaforge.marketdata.generate import generate as write

    name = symbol or _DEFAULT_SYMBOL
    chosen = configuration_of(ctx).settings.engine.seed if seed is None else seed
    if output is None:
        if sys.stdout.isatty() and rows > _MOST_ON_TERMINAL:
            raise UsageError(
                f"{rows:,} rows would fill the terminal", remedy="name a file: -o data.csv"
            )
        sys.stdout.writelines(csv_lines(name, kind, rows, chosen))
        return
    with progress("generate", rows) as meter:
        write(output, symbol=name, kind=kind, rows=rows, seed=chosen, progress=meter.reached)
    if invocation_of(ctx).as_json:
        print_json({"path": output, "symbol": name, "kind": kind, "rows": rows, "seed": chosen})
    else:
        talk(f"{output}: {rows:,} synthetic {kind} of {name}, seed {chosen}")


@app.command()
def show(ctx: typer.Context, file: DataPath, symbol: Symbol = None) -> None:
    """Show what a data file holds: format, symbols, rows, times, instrument rules.

    alphaforge data show btcusdt_1m.csv
    """
    found = _survey(ctx, file, symbol, strict=False)
    if invocation_of(ctx).as_json:
        print_json(_as_json(found))
    else:
        print_table(("fact", "value"), _rows(found))


@app.command()
def check(
    ctx: typer.Context, file: DataPath, symbol: Symbol = None, strict: Strict = False
) -> None:
    """Read a data file to its end and name what is wrong; exit code 10 if anything is.

    alphaforge data check btcusdt_1m.csv
    """
    found = _survey(ctx, file, symbol, strict=strict)
    if invocation_of(ctx).as_json:
        print_json({"ok": not found.problems, **_as_json(found)})
    else:
        for problem in found.problems:
            print(problem)
    if found.problems:
        raise DifferenceError(
            f"{file} has {len(found.problems)} kinds of problems",
            remedy="rows that are wrong are left out of runs; --strict stops at the first",
        )
    talk(f"{file} is right: {found.rows:,} rows, {found.events:,} events")


def _survey(ctx: typer.Context, file: Path, symbol: str | None, *, strict: bool) -> "Survey":
    from alphaforge.marketdata.dataset import open_dataset
    from alphaforge.research.survey import survey

    folder = configuration_of(ctx).directory / "data" / "facts"
    name = file.name.partition(".")[0]
    dataset = open_dataset(file, symbol=symbol, wanted=(name,), strict=strict, cache_dir=folder)
    with progress(f"read {file.name}", _PARTS) as meter:
        return survey(dataset, lambda share: meter.reached(int(share * _PARTS)))


def _as_json(found: "Survey") -> dict[str, object]:
    return {
        "path": found.path,
        "format": found.format,
        "kinds": found.kinds,
        "symbols": found.symbols,
        "timeframe": found.timeframe,
        "rows": found.rows,
        "events": found.events,
        "first": None if found.first is None else iso_time(found.first),
        "last": None if found.last is None else iso_time(found.last),
        "bad_rows": found.bad_rows,
        "rejected_by_reason": found.rejected,
        "fingerprint": found.fingerprint,
        "instruments": [
            {name: getattr(each, name) for name in each.__struct_fields__}
            for each in found.instruments
        ],
        "problems": found.problems,
    }


def _rows(found: "Survey") -> list[tuple[str, object]]:
    facts = _as_json(found)
    rows: list[tuple[str, object]] = []
    for name in ("path", "format", "kinds", "symbols", "timeframe", "rows", "events"):
        value = facts[name]
        rows.append((name, ", ".join(value) if isinstance(value, tuple) else value))  # pyright: ignore[reportUnknownArgumentType] - tuples of text
    rows += [(name, facts[name]) for name in ("first", "last", "bad_rows")]
    for each in found.instruments:
        rules = f"price step {each.price_step}, quantity step {each.quantity_step}"
        rows.append((each.symbol, f"{each.kind} at {each.venue}, {rules}, from {each.source}"))
    rows += [("problem", problem) for problem in found.problems]
    return rows

"""`alphaforge export fills|orders|equity|positions`: rows of runs as CSV, JSON or JSON lines.

Rows stream: a run of millions of fills needs no more memory than one of ten. A file appears whole
or not at all. Must never change a run.
"""

import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.options import OutputFile, RunId, Symbol
from alphaforge.cli.printing import talk
from alphaforge.cli.time_options import read_time
from alphaforge.errors import DataError, UsageError

if TYPE_CHECKING:
    from alphaforge.store.reads import Reader
    from alphaforge.store.records import RunRecord, Selection

FORMATS = ("csv", "json", "jsonl")
_OBJECT = "object"
SHEETS = ("fills", "orders", "equity", "positions")

All = Annotated[bool, typer.Option("--all", help="Every run, oldest first.")]
Since = Annotated[
    str | None, typer.Option(metavar="T", help="Engine time from: 2024-08-08T12:00 or 7d (ago).")
]
Until = Annotated[str | None, typer.Option(metavar="T", help="Engine time before.")]
StrategyName = Annotated[str | None, typer.Option(metavar="S", help="File stem, as in sma_cross.")]
FormatName = Annotated[
    str | None, typer.Option("--format", metavar="csv|json|jsonl", help="CSV if left out.")
]


class _Filter:
    """What was asked for, before a run's own spelling of a symbol is known."""

    def __init__(
        self, since: int | None, until: int | None, strategy: str | None, symbol: str | None
    ) -> None:
        self.since, self.until = since, until
        self.strategy, self.symbol = strategy, symbol

    def of(self, run: "RunRecord") -> "Selection":
        """The same in the words of one run."""
        from alphaforge.model.symbols import match
        from alphaforge.store.records import Selection

        symbol = self.symbol
        if symbol is not None:
            symbol = match(symbol, [each.symbol for each in run.instruments]) or symbol
        return Selection(
            run_id=run.run_id,
            since=self.since,
            until=self.until,
            strategy=self.strategy,
            symbol=symbol,
        )

    def doubt(self, run: "RunRecord") -> str:
        """A sentence about a name that the run does not have; empty if all are there."""
        names = [each.name for each in run.strategies]
        if self.strategy is not None and self.strategy not in names:
            return f"run {run.run_id} has no strategy {self.strategy}; it has {', '.join(names)}"
        symbols = [each.symbol for each in run.instruments]
        if self.symbol is not None and self.of(run).symbol not in symbols:
            return f"run {run.run_id} has no symbol {self.symbol}; it has {', '.join(symbols)}"
        return ""


def export(  # noqa: PLR0913, PLR0917 - one parameter for each thing the contract lets a person say
    ctx: typer.Context,
    sheet: Annotated[str, typer.Argument(metavar="fills|orders|equity|positions")],
    run: RunId = None,
    every: All = False,
    since: Since = None,
    until: Until = None,
    strategy: StrategyName = None,
    symbol: Symbol = None,
    form: FormatName = None,
    output: OutputFile = None,
) -> None:
    """Write rows of the latest run, or of one you name, on stdout or into a file.

    --format json is a list of rows, --json one object with that list under the sheet's name.

    alphaforge export fills -o fills.csv
    """
    import asyncio

    _check_sheet(sheet)
    as_object = invocation_of(ctx).as_json and form is None
    chosen = _OBJECT if as_object else _format(form, output)
    if every and run is not None:
        raise UsageError("--run and --all do not go together", remedy="leave one of them out")
    asked = _Filter(read_time(since, "--since"), read_time(until, "--until"), strategy, symbol)
    url = configuration_of(ctx).store_url
    asyncio.run(_export(url, sheet, chosen, (run, every), asked, output))


def _check_sheet(sheet: str) -> None:
    if sheet == "ledger":
        raise UsageError(
            "the ledger cannot be exported yet", remedy=f"there are: {', '.join(SHEETS)}"
        )
    if sheet not in SHEETS:
        from alphaforge.services.suggestions import did_you_mean

        guess = did_you_mean(sheet, SHEETS)
        raise UsageError(
            f"there is nothing to export called {sheet}",
            remedy=guess or f"there are: {', '.join(SHEETS)}",
        )


def _format(form: str | None, output: Path | None) -> Any:
    """The format said, else the file's own ending, else CSV."""
    ending = output.suffix[1:].lower() if output is not None else ""
    chosen = form or (ending if ending in FORMATS else "csv")
    if chosen in FORMATS:
        return chosen
    what = "parquet cannot be written yet" if chosen == "parquet" else f"no format {chosen}"
    raise UsageError(what, remedy=f"use --format {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")


async def _export(
    url: str,
    sheet: str,
    form: Any,
    runs: tuple[str | None, bool],
    asked: _Filter,
    output: Path | None,
) -> None:
    from alphaforge.cli.run_choice import chosen_run
    from alphaforge.store.export import export as as_text
    from alphaforge.store.reads import open_reader

    run_id, every = runs
    async with open_reader(url) as reader:
        newest = await chosen_run(reader, run_id)
        records = list(reversed(await reader.runs())) if every else [newest]
        doubts = [asked.doubt(record) for record in records]
        rows = _rows(reader, sheet, [asked.of(run) for run in records])
        if form == _OBJECT:
            chunks = _as_object(sheet, as_text(sheet, "json", rows))
        else:
            chunks = as_text(sheet, form, rows)
        if output is None:
            await _to_stdout(chunks)
        else:
            await _to_file(chunks, output)
    if all(doubts):
        talk(doubts[-1])


async def _as_object(sheet: str, chunks: AsyncIterator[str]) -> AsyncIterator[str]:
    """The list of `--format json` in the one object that every `--json` gives."""
    yield f'{{"schema": 1, "{sheet}": '
    async for chunk in chunks:
        yield chunk
    yield "}\n"


async def _rows(
    reader: "Reader", sheet: str, selections: "list[Selection]"
) -> AsyncIterator[Iterable[Any]]:
    """The rows of each run in turn, page by page."""
    pages = {
        "fills": reader.fills,
        "orders": reader.orders,
        "equity": reader.equity,
        "positions": reader.positions,
    }[sheet]
    for selection in selections:
        async for page in pages(selection):
            yield page


async def _to_stdout(chunks: AsyncIterator[str]) -> None:
    async for chunk in chunks:
        sys.stdout.write(chunk)


async def _to_file(chunks: AsyncIterator[str], path: Path) -> None:
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="") as stream:
            async for chunk in chunks:
                stream.write(chunk)
        draft.replace(path)
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror}", path=path, remedy="name another file: -o FILE"
        ) from error
    finally:
        draft.unlink(missing_ok=True)

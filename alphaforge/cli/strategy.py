"""`alphaforge strategy new|list|check`: strategy files before anything runs them.

Must never start an engine.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.options import Assignments, StrategyFile
from alphaforge.cli.printing import print_json, print_table, short_path, talk
from alphaforge.errors import AlphaForgeError, NotFoundError

if TYPE_CHECKING:
    from alphaforge.services.strategy_files import LoadedStrategy

app = typer.Typer(no_args_is_help=True, help="Make, list and check strategies.")
_COLUMNS = ("parameter", "type", "default", "value", "meaning")


@app.command()
def check(ctx: typer.Context, file: StrategyFile, settings: Assignments = None) -> None:
    """Load a strategy, build it, and show its parameters; nothing is run.

    alphaforge strategy check strategies/sma_cross.py --set fast=5
    """
    from alphaforge.services.strategy_files import build_strategy, load_strategies
    from alphaforge.services.strategy_parameters import assign_settings
    from alphaforge.services.strategy_settings import resolve_parameters

    strategy = load_strategies([file])[0]
    assigned = assign_settings(settings or [], {strategy.name: strategy.cls})[strategy.name]
    values = resolve_parameters(strategy, configuration_of(ctx), assigned)
    build_strategy(strategy, values)
    warnings = _warnings(strategy)
    if invocation_of(ctx).as_json:
        print_json(_as_json(strategy, values, warnings))
        return
    print_table(_COLUMNS, _parameter_rows(strategy, values))
    for warning in warnings:
        talk(f"warning: {warning}")
    talk(f"{strategy.cls.__name__} of {strategy.path.name} is right")


def _parameter_rows(
    strategy: "LoadedStrategy", values: Mapping[str, object]
) -> list[tuple[object, ...]]:
    return [
        (name, item.type_text, item.default, values.get(name, item.default), item.doc)
        for name, item in strategy.parameters.items()
    ]


def _warnings(strategy: "LoadedStrategy") -> list[str]:
    from alphaforge.services.strategy_class import callbacks_of, doubtful_callbacks

    found = [
        f"{name} is no callback and is never called" + (f"; did you mean {meant}?" if meant else "")
        for name, meant in doubtful_callbacks(strategy.cls).items()
    ]
    if not callbacks_of(strategy.cls):
        found.append(f"{strategy.cls.__name__} has no callback: it will do nothing")
    return found


def _as_json(
    strategy: "LoadedStrategy", values: Mapping[str, object], warnings: list[str]
) -> dict[str, object]:
    from alphaforge.services.strategy_class import callbacks_of

    return {
        "ok": True,
        "name": strategy.name,
        "class": strategy.cls.__name__,
        "path": strategy.path,
        "sha256": strategy.sha256,
        "doc": _first_line(strategy.cls),
        "callbacks": callbacks_of(strategy.cls),
        "parameters": [
            {"name": name, "type": kind, "default": default, "value": value, "doc": doc}
            for name, kind, default, value, doc in _parameter_rows(strategy, values)
        ],
        "warnings": warnings,
    }


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


@app.command(name="list")
def list_strategies(
    ctx: typer.Context,
    directory: Annotated[Path | None, typer.Argument(metavar="DIR", help="Of files.")] = None,
) -> None:
    """List the strategies of a folder; `strategies/` beside the settings file by default.

    alphaforge strategy list
    """
    folder = directory or configuration_of(ctx).directory / "strategies"
    if not folder.is_dir():
        raise NotFoundError(
            f"there is no folder {folder}", remedy="name one: alphaforge strategy list DIR"
        )
    rows = [_listed(file) for file in sorted(folder.glob("*.py")) if not file.name.startswith("_")]
    if invocation_of(ctx).as_json:
        print_json({"directory": folder, "strategies": rows})
        return
    columns = ("name", "class", "doc", "error")
    print_table(columns, [[row[column] for column in columns] for row in rows])
    if not rows:
        talk(f"no strategies in {folder}; make one: alphaforge strategy new NAME")


def _listed(file: Path) -> dict[str, object]:
    from alphaforge.services.strategy_files import load_strategy

    row: dict[str, object] = {"name": file.stem, "path": file, "class": None, "doc": None}
    try:
        cls = load_strategy(str(file)).cls
    except AlphaForgeError as error:
        return {**row, "error": error.message}
    return {**row, "class": cls.__name__, "doc": _first_line(cls), "error": None}


@app.command()
def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As in my_bot.")],
    directory: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Instead of strategies/.")
    ] = None,
) -> None:
    """Write a strategy to begin with: it trades a crossing of two averages.

    alphaforge strategy new my_bot
    """
    from alphaforge.services.strategy_template import write_strategy

    folder = directory or configuration_of(ctx).directory / "strategies"
    path = write_strategy(name, folder)
    if invocation_of(ctx).as_json:
        print_json({"path": path})
        return
    print(short_path(path))
    talk(f"check it: alphaforge strategy check {short_path(path)}")

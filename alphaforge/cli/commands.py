"""The table of commands, and the group that imports only the one that was typed.

A command is one line here: its module is loaded when it is called or asked for help, never by
`alphaforge --help`. Must never import a command at the top.
"""

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from alphaforge.cli.invocation import add_global_options
from alphaforge.errors import UsageError


class Entry(NamedTuple):
    """One command.

    Attributes:
        target: `module:name` of a function (a command) or of a `typer.Typer` (a group of them).
        help: One line for `alphaforge --help`.
        panel: The heading it stands under there.
    """

    target: str
    help: str
    panel: str


_RUNS, _STEER, _SETUP = "Trade and look", "A running engine", "Set up"

COMMANDS: dict[str, Entry] = {
    "run": Entry(
        "alphaforge.cli.run:run", "Trade: on the built-in exchange, a venue, or on paper.", _RUNS
    ),
    "backtest": Entry(
        "alphaforge.cli.backtest:backtest", "Run a strategy on recorded data.", _RUNS
    ),
    "export": Entry(
        "alphaforge.cli.export:export", "Write fills, orders or equity as CSV or JSON.", _RUNS
    ),
    "tui": Entry("alphaforge.cli.tui:tui", "The terminal app on a running engine.", _RUNS),
    "attach": Entry("alphaforge.cli.tui:attach", "The same, on the engine that is named.", _RUNS),
    "status": Entry("alphaforge.cli.status:status", "How an engine stands.", _STEER),
    "stop": Entry("alphaforge.cli.steering:stop", "End an engine in order.", _STEER),
    "kill": Entry("alphaforge.cli.kill:kill", "Stop, cancel, close all; and prove it.", _STEER),
    "pause": Entry("alphaforge.cli.steering:pause", "Only orders towards flat pass.", _STEER),
    "resume": Entry("alphaforge.cli.steering:resume", "Trade again.", _STEER),
    "order": Entry("alphaforge.cli.order:app", "Buy, sell, cancel, modify, flatten.", _STEER),
    "orders": Entry("alphaforge.cli.lists:orders", "List orders.", _STEER),
    "positions": Entry("alphaforge.cli.lists:positions", "List positions.", _STEER),
    "fills": Entry("alphaforge.cli.lists:fills", "List executions.", _STEER),
    "balance": Entry("alphaforge.cli.lists:balance", "Cash and equity.", _STEER),
    "pnl": Entry("alphaforge.cli.lists:pnl", "Profit and loss.", _STEER),
    "why": Entry("alphaforge.cli.why:why", "One order's whole life in words.", _STEER),
    "risk": Entry("alphaforge.cli.risk:app", "Show the limits; arm after a kill.", _STEER),
    "alerts": Entry("alphaforge.cli.alerts:app", "List and acknowledge alerts.", _STEER),
    "logs": Entry("alphaforge.cli.logs:logs", "The log of a run.", _STEER),
    "reconcile": Entry(
        "alphaforge.cli.reconcile:reconcile", "Compare an engine with its venue.", _STEER
    ),
    "runs": Entry("alphaforge.cli.runs:app", "List, show, mend and remove runs.", _RUNS),
    "data": Entry("alphaforge.cli.data:app", "Look at data files, or make one.", _SETUP),
    "exchange": Entry("alphaforge.cli.exchange:app", "List, show and test exchanges.", _SETUP),
    "keys": Entry("alphaforge.cli.keys:app", "Set, list, test and remove keys.", _SETUP),
    "strategy": Entry("alphaforge.cli.strategy:app", "Make, list and check strategies.", _SETUP),
    "config": Entry("alphaforge.cli.config:app", "Show and check the settings.", _SETUP),
    "sandbox": Entry(
        "alphaforge.cli.sandbox:app", "The built-in exchange: serve it to any client.", _SETUP
    ),
    "explain": Entry("alphaforge.cli.explain:explain", "What an error code means.", _SETUP),
    "completion": Entry(
        "alphaforge.cli.completion:completion", "Completion for bash, zsh or fish.", _SETUP
    ),
}


class LazyGroup(TyperGroup):
    """The root command: lists from the table, loads on demand."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every name, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in that knows its help line only; what runs comes from `resolve_command`."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        return TyperCommand(cmd_name, help=entry.help, rich_help_panel=entry.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that was typed, loaded; raises `UsageError` with the nearest name."""
        name = args[0]
        if name in COMMANDS:
            return name, load_command(name), args[1:]
        if ctx.resilient_parsing:
            return None, None, args[1:]
        raise unknown_command(name)


def load_command(name: str) -> Any:
    """Import one command of the table and give it the global options."""
    module, _, attribute = COMMANDS[name].target.partition(":")
    found: object = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
    else:
        app = typer.Typer(add_completion=False)
        app.command(name)(found)  # pyright: ignore[reportArgumentType] - a function, by the table
        command = typer.main.get_command(app)
    command.name = name
    return add_global_options(command)


def unknown_command(name: str) -> UsageError:
    """The error for a command that does not exist, with the one that was perhaps meant."""
    from alphaforge.services.suggestions import did_you_mean

    guess = did_you_mean(name, COMMANDS)
    return UsageError(f"there is no command {name}", remedy=guess or "type: alphaforge --help")

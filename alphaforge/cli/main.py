"""The door: arguments in, an exit code out; the one place where errors become output.

Must never import a command, an engine or a library that a command needs: `--help` is fast.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from alphaforge import __version__
from alphaforge.cli.commands import LazyGroup
from alphaforge.cli.invocation import Invocation, add_global_options, apply_color
from alphaforge.errors import AlphaForgeError, ExitCode, UsageError

PROGRAM = "alphaforge"
COMPLETION_VARIABLE = "_ALPHAFORGE_COMPLETE"
_WELCOME = """\
AlphaForge runs trading strategies on recorded and synthetic markets.
  alphaforge strategy new my_bot    writes a strategy to begin with
  alphaforge --help                 lists every command"""

_app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="alphaforge COMMAND --help tells more. Errors carry a code: alphaforge explain CODE.",
)


def _show_version(value: bool) -> None:
    if value:
        print(f"{PROGRAM} {__version__}")
        raise typer.Exit


@_app.callback()
def _root(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 - read by its callback
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print and leave."),
    ] = False,
) -> None:
    """Trading strategies in the terminal: one engine for backtest, paper and venues."""
    if ctx.invoked_subcommand is not None:
        return
    if sys.stdin.isatty() and sys.stdout.isatty():
        raise typer.Exit(_open_app(ctx))
    print(ctx.get_help(), end="")
    raise typer.Exit(ExitCode.USAGE)


def _open_app(ctx: typer.Context) -> int:
    """The app where there is something to show, else what to type."""
    from alphaforge.cli.engine_choice import project_of
    from alphaforge.client.engines import running

    if not sys.stderr.isatty() or (project_of(ctx) is None and not running()):
        print(_WELCOME)
        return ExitCode.OK
    from alphaforge.cli.tui import show

    return show(ctx, None)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; never raises.

    `argv` is without the program's name; None takes the process's.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    apply_color(arguments, os.environ)
    call = Invocation(
        as_json="--json" in arguments, verbose="-v" in arguments, arguments=tuple(arguments)
    )
    try:
        code = _dispatch(arguments, call)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return _close_quietly()
    except AlphaForgeError as error:
        return _fail(error, call)
    except Exception as error:  # noqa: BLE001 - the top: whatever it is, the user gets a sentence
        return _fail_unexpectedly(error, call)
    return code


def _dispatch(arguments: list[str], call: Invocation) -> int:
    command: Any = add_global_options(typer.main.get_group(_app))
    instruction = os.environ.get(COMPLETION_VARIABLE)
    if instruction:
        return _complete(command, instruction)
    try:
        with command.make_context(PROGRAM, arguments, obj=call) as ctx:
            result: object = command.invoke(ctx)
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except TyperException as error:
        return _usage(error)
    return int(result) if isinstance(result, int) else ExitCode.OK


def _usage(error: TyperException) -> int:
    """Turn a parser's error into one of ours; a bare group has printed its help already."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return ExitCode.USAGE
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    raise UsageError(error.format_message().rstrip("."), remedy=f"type: {path} --help") from error


def _complete(command: Any, instruction: str) -> int:
    """Answer the shell: `_ALPHAFORGE_COMPLETE=complete_bash` and its kin."""
    from typer.completion import get_completion_inspect_parameters, shell_complete

    get_completion_inspect_parameters()
    return shell_complete(command, {}, PROGRAM, COMPLETION_VARIABLE, instruction)


def _fail(error: AlphaForgeError, call: Invocation) -> int:
    from alphaforge.cli.failures import show_failure, show_failure_json

    if call.verbose:
        traceback.print_exception(error)
    if call.as_json:
        show_failure_json(error)
    else:
        show_failure(error)
    return error.exit_code


def _fail_unexpectedly(error: Exception, call: Invocation) -> int:
    from alphaforge.cli.failures import internal_failure

    if call.verbose:
        traceback.print_exception(error)
        call.verbose = False
    return _fail(internal_failure(error), call)


def _close_quietly() -> int:
    """The reader of our output went away (`| head`): nothing is wrong, and nothing more is said."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, sys.stdout.fileno())
    os.close(silence)
    return ExitCode.OK

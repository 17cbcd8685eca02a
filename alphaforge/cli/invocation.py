"""The options every command takes, before or after its name, and what they lead to.

Must never import a service at the top: `--help` goes through here.
"""

import os
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

if TYPE_CHECKING:
    from alphaforge.services.config import Configuration


class Color(StrEnum):
    """When output is coloured."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass
class Invocation:
    """What was said about the whole call.

    Attributes:
        config: `--config`; None searches upwards.
        profile: `--profile`; empty takes ALPHAFORGE_ENV.
        as_json: Whether stdout is one JSON object and errors are JSON too.
        color: When output is coloured.
        verbose: Whether errors show their trace.
        arguments: The whole command line, for starting a process like this one.
    """

    config: Path | None = None
    profile: str = ""
    as_json: bool = False
    color: Color = Color.AUTO
    verbose: bool = False
    arguments: tuple[str, ...] = ()


def invocation_of(ctx: typer.Context) -> Invocation:
    """The options of the running call."""
    found: object = ctx.find_root().obj
    return found if isinstance(found, Invocation) else Invocation()


def configuration_of(
    ctx: typer.Context, overrides: Mapping[str, object | None] | None = None
) -> "Configuration":
    """The settings of the running call; `overrides` are flags by key, None = not given."""
    from alphaforge.services.config import load_configuration

    call = invocation_of(ctx)
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    return load_configuration(file=call.config, profile=call.profile, overrides=given)


def _remember(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Keep an option wherever it stood; one that was not given changes nothing."""
    if value is not None and value is not False and not ctx.resilient_parsing:
        setattr(invocation_of(ctx), str(param.name), value)
    return value


def _accept(
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Settings file.", callback=_remember),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Lays env.NAME.* over it.", callback=_remember),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON on stdout, errors too.", callback=_remember)
    ] = False,
    color: Annotated[
        Color | None, typer.Option(help="Coloured output.", callback=_remember)
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Errors show a trace.", callback=_remember)
    ] = False,
) -> None:
    """Declares the options; never called."""


def add_global_options(command: Any) -> Any:
    """Let a command, and every command below it, take the options every command takes.

    An option that the command declares itself is left to it.
    """
    app = typer.Typer(add_completion=False)
    app.command()(_accept)
    _add(command, typer.main.get_command(app).params)
    return command


def _add(command: Any, options: Sequence[Any]) -> None:
    taken = {text for parameter in command.params for text in parameter.opts}
    for option in options:
        if taken.isdisjoint(option.opts):
            option.expose_value = False
            option.rich_help_panel = "Global options"
            command.params.append(option)
    for inner in getattr(command, "commands", {}).values():
        _add(inner, options)


def apply_color(arguments: Sequence[str], environ: MutableMapping[str, str]) -> None:
    """Turn `--color` into the variables that every library of the process honours."""
    words = [*arguments, ""]
    choice = ""
    for word, following in pairwise(words):
        if word == "--":
            break
        if word == "--color":
            choice = following
        elif word.startswith("--color="):
            choice = word.partition("=")[2]
    if choice == Color.NEVER:
        environ.pop("FORCE_COLOR", None)
        environ.update(NO_COLOR="1", TERM="dumb")
    elif choice == Color.ALWAYS:
        environ.pop("NO_COLOR", None)
        environ["FORCE_COLOR"] = "1"


def has_color(stream: TextIO) -> bool:
    """Whether a stream is written to in colour: NO_COLOR, FORCE_COLOR, TERM=dumb, a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()

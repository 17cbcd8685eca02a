"""Starts the app in a terminal and gives the terminal back: what the command line calls.

Loading it loads Textual: the command line does that only to show the app. Must never start, stop
or signal an engine.
"""

import os
import shutil
import sys
from collections.abc import Mapping

from alphaforge.client import engines
from alphaforge.client.records import EngineRecord
from alphaforge.tui.app import ForgeApp
from alphaforge.tui.guards import (
    TerminalGuard,
    end_with_parent,
    end_with_terminal,
    install_decoder,
)
from alphaforge.tui.link import Link
from alphaforge.tui.options import AppOptions, Surface, refuse
from alphaforge.tui.welcome import Welcome

__all__ = ["AppOptions", "run_app"]


def run_app(record: EngineRecord | None, options: AppOptions) -> int:
    """Show an engine until the person leaves; returns the exit code of the process.

    Without a record it is the one engine that runs; where none runs a page says what to type and
    waits for one, where several run one is chosen from a list.

    Raises `UsageError` where no screen can be drawn, or the engine is of another version, and
    `ConfigError` for a key table that does not hold together.
    """
    environ = os.environ
    if options.web:
        end_with_parent()
    else:
        refuse(surface(), environ)
        end_with_terminal()
    install_decoder()
    with TerminalGuard() as guard:
        chosen = record if record is not None else _choose(options, environ)
        code = 0 if chosen is None else _show(chosen, options, environ)
        guard.left_cleanly()
    return code


def surface() -> Surface:
    """The terminal this process has."""
    typed, drawn = sys.__stdin__, sys.__stderr__
    is_terminal = typed is not None and typed.isatty() and drawn is not None and drawn.isatty()
    size = shutil.get_terminal_size()
    return Surface(is_terminal, size.columns, size.lines)


def _choose(options: AppOptions, environ: Mapping[str, str]) -> EngineRecord | None:
    """The only engine of this project, else one that the person picks; None for leaving."""
    running = engines.running(environ)
    own = [each for each in running if each.project == options.project] or running
    if len(own) == 1:
        return own[0]
    chosen = Welcome(options, environ).run()
    return chosen if isinstance(chosen, EngineRecord) else None


def _show(record: EngineRecord, options: AppOptions, environ: Mapping[str, str]) -> int:
    engines.check_version(record)
    app = ForgeApp(Link(record, environ), options, environ)
    result = app.run()
    return result if isinstance(result, int) else app.return_code or 0

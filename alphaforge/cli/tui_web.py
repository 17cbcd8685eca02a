"""`alphaforge tui --web`: serves the app to a browser until Ctrl-C, and says where it is.

Must decide nothing: who may see the app is decided in `alphaforge/tui/web.py`.
"""

from typing import TYPE_CHECKING

import typer

from alphaforge.cli.invocation import invocation_of
from alphaforge.cli.printing import talk
from alphaforge.cli.tui_options import Said, app_options
from alphaforge.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from alphaforge.client.records import EngineRecord


def serve_in_browser(
    ctx: typer.Context, address: str, said: Said, record: "EngineRecord | None"
) -> int:
    """Serve until it is interrupted; raises `UsageError` for an address, or what is not there."""
    app_options(ctx, "", said)  # what is wrong with it is said here, not in every browser
    from alphaforge.tui.web import AppServer, read_plan

    plan = read_plan(address, _arguments(ctx, said, record), is_remote_allowed=False)
    server = AppServer(plan)
    talk(f"the app is at {server.address}")
    talk("read-only" if said.read_only else "keys pressed there may trade")
    talk("anybody with this address can see it; Ctrl-C ends it, the engine goes on")
    try:
        server.serve()
    except OSError as error:
        raise UsageError(
            f"nothing can listen on {address}: {error.strerror or error}",
            remedy="take another port: --web 127.0.0.1:8766",
        ) from error
    return ExitCode.OK


def _arguments(ctx: typer.Context, said: Said, record: "EngineRecord | None") -> tuple[str, ...]:
    """What each visitor's own app is started with."""
    call = invocation_of(ctx)
    words: list[str] = []
    for flag, value in (("--config", call.config), ("--profile", call.profile)):
        words += [flag, str(value)] if value else []
    for flag, value in (
        ("--screen", said.screen),
        ("--theme", said.theme),
        ("--fps", said.fps),
        ("--run", record.run_id if record is not None else None),
    ):
        words += [flag, str(value)] if value else []
    return (*words, *(("--read-only",) if said.read_only else ()))

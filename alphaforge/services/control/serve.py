"""Serves a running engine to its clients, from its record on disk to its last closed socket.

`serving(...)` gives a session what it puts around its trading. Start: sockets, then the record that
tells clients where they are. End: no more writes, then streams, then sockets and record. Must never
end the run: a client's fault stays the client's. The web framework is loaded only here.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from alphaforge import __version__
from alphaforge.client import engines
from alphaforge.client.records import EngineRecord
from alphaforge.model.enums import AlertLevel
from alphaforge.model.events import Alert
from alphaforge.services.clock import Clock
from alphaforge.services.config_sections import ApiSection
from alphaforge.services.control.access import Doorman, Tokens, names_of, tokens_from
from alphaforge.services.control.host import Host, Serve
from alphaforge.services.control.listening import (
    Address,
    listen_tcp,
    listen_unix,
    read_address,
)
from alphaforge.services.control.publisher import Hub
from alphaforge.services.control.row_texts import time_text
from alphaforge.services.logs import LogFile, LogKeeper, keeping_log

if TYPE_CHECKING:
    from alphaforge.services.control.parts import ControlApi

_TOKEN_BYTES: Final = 24


class Serving(NamedTuple):
    """What serving needs to know beside the run.

    Attributes:
        project: Folder of the settings file.
        store: The database without its password.
        log: The engine's log file; None: it keeps none.
        log_level: Lines below it are not kept.
        environ: Of the process: runtime directory and tokens.
    """

    clock: Clock
    project: Path
    store: str
    api: ApiSection = ApiSection()
    log: Path | None = None
    log_level: str = "INFO"
    environ: Mapping[str, str] = os.environ


def serving(settings: Serving) -> Serve:
    """What a session puts around its trading: see `RunPlan.serve`."""

    @asynccontextmanager
    async def serve_host(host: Host) -> AsyncGenerator[None]:
        with keeping_log(host, _log_file(host, settings), settings.log_level) as keeper:
            hub = Hub(host, settings.clock)
            _show_log(hub, keeper)
            async with serve(host, hub, settings):
                yield

    return serve_host


def _log_file(host: Host, settings: Serving) -> LogFile | None:
    """The log's file; without it the run goes on, and says so."""
    if settings.log is None:
        return None
    try:
        return LogFile(settings.log)
    except OSError as error:
        message = f"no log is written to {settings.log}: {error.strerror or error}"
        host.alert(Alert(AlertLevel.WARNING, "no-log", message, host.now()))
        return None


def _show_log(hub: Hub, keeper: LogKeeper) -> None:
    for row in keeper.rows:
        hub.log(row.level, row.source, row.message)
    keeper.listeners.append(lambda row: hub.log(row.level, row.source, row.message))


@asynccontextmanager
async def serve(host: Host, hub: Hub, settings: Serving) -> AsyncGenerator["ControlApi"]:
    """Serve an engine for as long as the block lasts.

    Raises `ConfigError` for an address it cannot listen on, `CredentialsError` for a token that
    is none, `UsageError` if the run is served already: all before anything is served.
    """
    from alphaforge.services.control.parts import ControlApi  # noqa: PLC0415 - it loads aiohttp

    run_id, environ = host.run.run_id, settings.environ
    async with AsyncExitStack() as stack:
        engines.prepare_directory(environ)
        path = engines.socket_path(run_id, environ)
        listening = [stack.enter_context(listen_unix(path))]
        stack.callback(path.unlink, missing_ok=True)
        address, tokens = None, None
        if settings.api.tcp:
            wanted = read_address(settings.api.tcp, is_remote_allowed=settings.api.allow_remote)
            by_tcp, address = listen_tcp(wanted)
            listening.append(stack.enter_context(by_tcp))
            tokens = tokens_from(environ, lambda: secrets.token_urlsafe(_TOKEN_BYTES))
        record = _record(host, settings, path, address, tokens)
        hosts = names_of(address.host, address.port, settings.api.hosts) if address else ()
        api = ControlApi(hub, record, Doorman(os.getuid(), tokens, hosts), settings.clock)
        await stack.enter_async_context(api.server.serving(*listening))
        engines.write(record, environ)
        stack.callback(engines.remove, run_id, environ)
        await stack.enter_async_context(_beside(api, hub))
        yield api


@asynccontextmanager
async def _beside(api: "ControlApi", hub: Hub) -> AsyncGenerator[None]:
    """The tasks of the API while the block lasts; what the block raises passes as it is."""
    raised: BaseException | None = None
    async with asyncio.TaskGroup() as tasks:
        host = hub.views.host
        running = [
            tasks.create_task(_kept_apart(host, "showing this run", hub.run())),
            tasks.create_task(_kept_apart(host, "the kill switch", api.kill.run())),
        ]
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - raised again below, outside of the group
            raised = error
        api.door.is_closed = True
        await api.streams.close()
        for task in running:
            task.cancel()
    if raised is not None:
        raise raised


async def _kept_apart(host: Host, what: str, work: Awaitable[None]) -> None:
    """A fault of the API is told and ends the API's own task: the run goes on."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - task boundary: trading must not end with a screen
        message = f"{what} failed and has stopped: {type(error).__name__}: {error}"
        host.alert(Alert(AlertLevel.ERROR, "control-api", message, host.now()))


def _record(
    host: Host,
    settings: Serving,
    path: Path,
    address: Address | None,
    tokens: Tokens | None,
) -> EngineRecord:
    run = host.run
    return EngineRecord(
        run_id=run.run_id,
        pid=os.getpid(),
        version=__version__,
        mode=run.mode,
        venue=run.venue,
        account=run.account,
        strategies=tuple(each.name for each in run.strategies),
        started=time_text(run.started) or "",
        project=str(settings.project),
        store=settings.store,
        socket=str(path),
        tcp=str(address) if address is not None else "",
        read_token=tokens.read if tokens is not None else "",
        trade_token=tokens.trade if tokens is not None else "",
        log=str(settings.log) if settings.log is not None else "",
    )

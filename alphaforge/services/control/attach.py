"""What a run is shown through: the control API with the settings of its project.

Where no socket can be made the run goes on unseen, and says so. Must never load the web framework
before a run has begun.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from alphaforge.errors import AlphaForgeError, ConfigError, CredentialsError
from alphaforge.model.enums import AlertLevel
from alphaforge.model.events import Alert
from alphaforge.services.clock import SystemClock
from alphaforge.services.config import Configuration
from alphaforge.services.control.host import Host, Serve


def shown(configuration: Configuration) -> Serve:
    """Serves a run by `[api]`, with its log below the project's folder.

    Raises `ConfigError` and `CredentialsError` for settings that are wrong.
    """

    @asynccontextmanager
    async def serve_host(host: Host) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await _enter(stack, configuration, host)
            yield

    return serve_host


async def _enter(stack: AsyncExitStack, configuration: Configuration, host: Host) -> None:
    from alphaforge.services.control.serve import Serving, serving  # noqa: PLC0415 - see above
    from alphaforge.services.logs import log_path  # noqa: PLC0415 - likewise

    serve = serving(
        Serving(
            SystemClock(),
            configuration.directory,
            configuration.masked_store_url,
            configuration.settings.api,
            log_path(configuration.directory, host.run.run_id),
        )
    )
    try:
        await stack.enter_async_context(serve(host))
    except (ConfigError, CredentialsError):
        raise
    except (AlphaForgeError, OSError) as error:
        message = f"nobody can look at this run or steer it: {error}"
        host.alert(Alert(AlertLevel.WARNING, "no-control-api", message, host.now()))

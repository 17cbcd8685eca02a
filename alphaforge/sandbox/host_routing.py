"""Whose request it is: by the host it names, or, for clients that come by address, by its path.

One port serves every dialect, as if it were all those machines at once. Must never look further
into a request than its Host header and the first segment of its path.
"""

from collections.abc import Sequence
from ipaddress import ip_address

from aiohttp import web
from aiohttp.web_urldispatcher import AbstractRuleMatching

from alphaforge.sandbox.floor import Dialect

ADMIN_PREFIX = "admin"


def host_of(request: web.Request) -> str:
    """The Host header without its port, in lower case; empty if there is none."""
    host = request.headers.get("Host", "").strip().lower()
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[")
    return host.partition(":")[0]


def is_address(host: str) -> bool:
    """Whether a client came by address instead of by a venue's name."""
    if host in {"", "localhost"}:
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def dialect_of(request: web.Request, dialects: Sequence[Dialect]) -> Dialect | None:
    """The dialect a request is for; None if it is for nobody here."""
    host = host_of(request)
    first = request.path.removeprefix("/").partition("/")[0]
    for dialect in dialects:
        names = dialect.prefixes if is_address(host) else dialect.hosts
        if (first if is_address(host) else host) in names:
            return dialect
    return None


def is_for_admin(request: web.Request) -> bool:
    """Whether it is for the back door: by address only, never under a venue's name."""
    first = request.path.removeprefix("/").partition("/")[0]
    return first == ADMIN_PREFIX and is_address(host_of(request))


class ForDialect(AbstractRuleMatching):
    """Matches the requests of one dialect."""

    def __init__(self, dialect: Dialect, dialects: Sequence[Dialect]) -> None:
        self._dialect = dialect
        self._dialects = tuple(dialects)

    async def match(self, request: web.Request) -> bool:
        """See `AbstractRuleMatching`."""
        return dialect_of(request, self._dialects) is self._dialect

    def get_info(self) -> dict[str, object]:  # pyright: ignore[reportIncompatibleMethodOverride] - aiohttp's type names keys of its own rules
        """See `AbstractRuleMatching`."""
        return {"dialect": self._dialect.name}

    @property
    def canonical(self) -> str:
        """See `AbstractRuleMatching`."""
        return self._dialect.name


class ForAdmin(AbstractRuleMatching):
    """Matches the requests of the back door."""

    async def match(self, request: web.Request) -> bool:
        """See `AbstractRuleMatching`."""
        return is_for_admin(request)

    def get_info(self) -> dict[str, object]:  # pyright: ignore[reportIncompatibleMethodOverride] - as above
        """See `AbstractRuleMatching`."""
        return {"dialect": ADMIN_PREFIX}

    @property
    def canonical(self) -> str:
        """See `AbstractRuleMatching`."""
        return ADMIN_PREFIX

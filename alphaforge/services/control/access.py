"""Who may speak to a running engine, and how far: peers, tokens, hosts, origins, budgets.

A Unix socket is this user's alone, whoever can open its file; TCP takes a bearer token. A page in a
browser is kept out by its Host and Origin, which it cannot forge. Must know no route.
"""

import ctypes
import hmac
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from alphaforge.errors import CredentialsError, UsageError
from alphaforge.services.control.refusal import RefusalError

READ_VARIABLE: Final = "ALPHAFORGE_API_READ_TOKEN"
TRADE_VARIABLE: Final = "ALPHAFORGE_API_TRADE_TOKEN"

SHORTEST_TOKEN: Final = 16
"""Characters of a token somebody chose: shorter ones can be guessed."""

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]", "::1")

_UNAUTHORIZED, _FORBIDDEN, _MISDIRECTED, _FLOODED = 401, 403, 421, 429
_PEER: Final = struct.Struct("3i")


class Scope(StrEnum):
    """How far a caller may go: `read` looks, `trade` changes."""

    READ = "read"
    TRADE = "trade"


class Caller(NamedTuple):
    """Who is at the other end of a connection.

    Attributes:
        way: How it came in, for the journal: `socket:1000`, `tcp:trade`.
        scope: What it may do.
    """

    way: str
    scope: Scope


class Socket(Protocol):
    """What is asked of an accepted connection: asyncio's or the system's own."""

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes:
        """See `socket.socket.getsockopt`."""
        ...

    def fileno(self) -> int:
        """Its file descriptor."""
        ...


PeerUid = Callable[[Socket], int | None]
"""The user at the other end of a Unix socket; None where the system does not say."""


def peer_uid(connection: Socket) -> int | None:
    """By SO_PEERCRED, else by getpeereid(3)."""
    option = getattr(socket, "SO_PEERCRED", None)
    try:
        if isinstance(option, int):
            answer = connection.getsockopt(socket.SOL_SOCKET, option, _PEER.size)
            uid: int = _PEER.unpack(answer)[1]
            return uid
        return _peer_of(connection.fileno())
    except OSError:
        return None


def _peer_of(descriptor: int) -> int | None:
    """By the C library of the BSDs and of macOS."""
    try:
        getpeereid = ctypes.CDLL(None, use_errno=True).getpeereid
    except (AttributeError, OSError):
        return None
    uid, gid = ctypes.c_uint32(), ctypes.c_uint32()
    failed = getpeereid(descriptor, ctypes.byref(uid), ctypes.byref(gid))
    return None if failed else uid.value


class Tokens(NamedTuple):
    """The bearer tokens of one engine's TCP port."""

    read: str
    trade: str

    def scope_of(self, given: str) -> Scope | None:
        """What a token allows; None for any other text. Takes as long whatever is given."""
        text = given.encode("utf-8", "surrogateescape")  # what came was bytes
        trades = hmac.compare_digest(text, self.trade.encode())
        reads = hmac.compare_digest(text, self.read.encode())
        if trades:
            return Scope.TRADE
        return Scope.READ if reads else None


def tokens_from(environ: Mapping[str, str], draw: Callable[[], str]) -> Tokens:
    """The tokens that somebody set, else new ones.

    Raises `CredentialsError` for one that is too short, and for two that are the same.
    """
    for name in (READ_VARIABLE, TRADE_VARIABLE):
        given = environ.get(name, "")
        if given and (len(given) < SHORTEST_TOKEN or not given.isascii() or " " in given):
            raise CredentialsError(
                f"{name} is no token: it needs {SHORTEST_TOKEN} characters or more, without spaces",
                remedy=f"unset {name}: the engine then draws one of its own",
            )
    tokens = Tokens(
        environ.get(READ_VARIABLE, "") or draw(), environ.get(TRADE_VARIABLE, "") or draw()
    )
    if tokens.read == tokens.trade:
        raise CredentialsError(
            f"{READ_VARIABLE} and {TRADE_VARIABLE} are the same: whoever may look could trade",
            remedy="set two different ones",
        )
    return tokens


class Asked(NamedTuple):
    """What of a request says who asks.

    Attributes:
        uid: Of the peer on a Unix socket; None for TCP, and where the system does not say.
        is_local: It came over the Unix socket.
        host, origin, authorization: Its headers; empty where there is none.
    """

    uid: int | None
    is_local: bool
    host: str
    origin: str
    authorization: str


class Doorman:
    """Lets callers in, or says why not."""

    def __init__(self, own_uid: int, tokens: Tokens | None, hosts: Iterable[str] = ()) -> None:
        """`hosts` are the names by which the TCP port may be called, with and without its port."""
        self._own_uid = own_uid
        self._tokens = tokens
        self._hosts = frozenset(each.lower() for each in hosts)

    def admit(self, asked: Asked) -> Caller:
        """Who it is; raises `RefusalError`."""
        if asked.is_local:
            self.check_peer(asked.uid)
            if asked.origin:
                raise _foreign_page(asked.origin)
            return Caller(f"socket:{asked.uid}", Scope.TRADE)
        self._check_page(asked)
        return self._by_token(asked.authorization)

    def check_peer(self, uid: int | None) -> None:
        """Raise `RefusalError` unless it is this user's process at the other end of the socket."""
        if uid != self._own_uid:
            whose = "an unknown user" if uid is None else f"user {uid}"
            raise RefusalError(
                _FORBIDDEN,
                CredentialsError(
                    f"this engine belongs to user {self._own_uid}; {whose} may not speak to it",
                    remedy="log in as the user who runs the engine",
                ),
            )

    def _check_page(self, asked: Asked) -> None:
        if asked.host.lower() not in self._hosts:
            raise RefusalError(
                _MISDIRECTED,
                CredentialsError(
                    f"this engine is not called {asked.host!r}",
                    remedy="use the address of [api] tcp, or name the host in [api] hosts",
                ),
            )
        if asked.origin and _host_of(asked.origin) not in self._hosts:
            raise _foreign_page(asked.origin)

    def _by_token(self, authorization: str) -> Caller:
        kind, _, given = authorization.partition(" ")
        scope = None
        if self._tokens is not None and kind.lower() == "bearer":
            scope = self._tokens.scope_of(given.strip())
        if scope is None:
            what = "no bearer token was given" if not given else "the bearer token is not valid"
            raise RefusalError(
                _UNAUTHORIZED,
                CredentialsError(
                    what,
                    remedy="send `Authorization: Bearer TOKEN`; the tokens of a running engine "
                    f"are in its record, or set by {READ_VARIABLE} and {TRADE_VARIABLE}",
                ),
            )
        return Caller(f"tcp:{scope}", scope)


def need(caller: Caller, scope: Scope) -> None:
    """Raise `RefusalError` unless a caller may go so far."""
    if scope is Scope.TRADE and caller.scope is not Scope.TRADE:
        raise RefusalError(
            _FORBIDDEN,
            CredentialsError(
                "this token has the scope read; the request needs the scope trade",
                remedy=f"send the trade token ({TRADE_VARIABLE}, or the engine's own)",
            ),
        )


class Budget:
    """How much one connection may send: so many at once, and so many a second from then on."""

    __slots__ = ("_at", "_left", "_most", "_per_second")

    def __init__(self, most: int, per_second: float, now: float) -> None:
        """`now` is in seconds, of any clock that only grows."""
        self._most = most
        self._per_second = per_second
        self._left = float(most)
        self._at = now

    def take(self, now: float) -> None:
        """Count one message; raises `RefusalError` when there were too many."""
        left = self._left + (now - self._at) * self._per_second
        self._left, self._at = min(left, float(self._most)) - 1.0, now
        if self._left < 0.0:
            raise RefusalError(
                _FLOODED,
                UsageError(
                    f"more than {self._most} messages at once, or {self._per_second:g} a second",
                    remedy="ask less often: WebSockets tell what changed by themselves",
                ),
            )


def names_of(address: str, port: int, further: Iterable[str]) -> list[str]:
    """Every Host header by which a TCP port at an address may be called."""
    named = [address, *LOOPBACK] if address in LOOPBACK else [address]
    hosts = [*named, *further]
    return [*hosts, *(f"{each}:{port}" for each in hosts)]


def _host_of(origin: str) -> str:
    """`http://localhost:8799` → `localhost:8799`; nothing of what is no http origin."""
    scheme, _, host = origin.partition("://")
    return host.lower() if scheme in ("http", "https") else ""


def _foreign_page(origin: str) -> RefusalError:
    return RefusalError(
        _FORBIDDEN,
        CredentialsError(
            f"a page of {ascii(origin)[1:-1]} may not speak to this engine",
            remedy="no browser page but the engine's own may: use alphaforge tui --web",
        ),
    )

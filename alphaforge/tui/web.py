"""The app in a browser: the same program, one process per visitor, behind a login.

By default on this machine only and read-only. A visitor shows a token once, from the address's
fragment (which no server log sees) or typed into the login page, and gets a cookie for this server
alone. Requests that name another host, or come from another site, are refused. Must never serve
anything but the login page to who has not shown the token.
"""

import hmac
import ipaddress
import secrets
import shlex
import sys
from importlib.resources import files
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from alphaforge.errors import UsageError

try:
    from aiohttp import web
    from aiohttp.typedefs import Handler
    from textual_serve.server import Server
except ModuleNotFoundError as error:
    raise UsageError(
        f"the app in a browser needs {error.name}, which is not installed",
        remedy="type: pip install 'alphaforge[web]'",
    ) from error

COOKIE: Final = "alphaforge_session"
_TOKEN_BYTES: Final = 24
_SMALLEST: Final = (60, 15)
_LARGEST: Final = (400, 150)
_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


class WebPlan(NamedTuple):
    """What is served, and where.

    Attributes:
        host: A loopback address or name, unless `is_remote_allowed`.
        arguments: Of `alphaforge tui`, for each visitor's own process.
        token: What a visitor must show; empty = one is drawn.
    """

    host: str
    port: int
    arguments: tuple[str, ...]
    token: str = ""
    is_remote_allowed: bool = False


def read_plan(address: str, arguments: tuple[str, ...], *, is_remote_allowed: bool) -> WebPlan:
    """`127.0.0.1:8765` or `[::1]:8765`, with what each visitor's app is started with.

    Raises `UsageError` for what is no address, and for one that other machines reach.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:  # noqa: PLR2004 - all ports
        raise UsageError(f"--web {address}: no address", remedy="as in --web 127.0.0.1:8765")
    if not is_remote_allowed and not _is_loopback(host):
        raise UsageError(
            f"--web {address}: other machines could reach it, and the token would travel in clear",
            remedy=f"use --web 127.0.0.1:{port} and an ssh tunnel: ssh -L {port}:127.0.0.1:{port}",
        )
    return WebPlan(host, int(port), arguments, "", is_remote_allowed)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class AppServer(Server):
    """Serves the app to who has shown the token.

    Attributes:
        token: Shown once by each visitor.
    """

    def __init__(self, plan: WebPlan) -> None:
        words = (sys.executable, "-m", "alphaforge", "tui", *plan.arguments, "--in-browser")
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - a bare PathLike of its own
            f"exec {shlex.join(words)}", plan.host, plan.port, title="alphaforge"
        )
        self.token = plan.token or secrets.token_urlsafe(_TOKEN_BYTES)
        self._plan = plan
        self._session = secrets.token_urlsafe(_TOKEN_BYTES)

    @property
    def address(self) -> str:
        """Where a visitor goes, token included; for the terminal it was started in only."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/#token={self.token}"

    def initialize_logging(self) -> None:
        """Nothing of a visit is logged: addresses may hold tokens."""

    async def on_startup(self, app: web.Application) -> None:
        """Nothing is printed here: the command line says where it is."""

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=4_096)
        app.add_routes(
            [
                web.get("/", self.handle_index, name="index"),
                web.post("/login", self._login, name="login"),
                web.get("/ws", self.handle_websocket, name="websocket"),
                web.static("/static", self.statics_path, name="static"),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse other hosts and other sites; show the login to who has no cookie."""
        if not self._is_ours(request):
            raise web.HTTPForbidden(text="this page is not served under that name")
        if request.path != "/login" and not self._is_known(request):
            if request.path != "/":
                raise web.HTTPUnauthorized(text="log in first")
            return _page("login.html")
        response = await handler(request)
        if not response.prepared:
            _harden(response)
        return response

    def _is_ours(self, request: web.Request) -> bool:
        """Whether the request names this server, and does not come from another site."""
        if self._plan.is_remote_allowed:
            own = {request.host}
        else:
            names = ("localhost", "127.0.0.1", "[::1]", f"[{self.host}]", self.host)
            own = {f"{name}:{self.port}" for name in names}
        origin = request.headers.get("Origin")
        return request.host in own and (origin is None or urlsplit(origin).netloc in own)

    def _is_known(self, request: web.Request) -> bool:
        return hmac.compare_digest(request.cookies.get(COOKIE, ""), self._session)

    async def _login(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        shown = form.get("token")
        if not isinstance(shown, str) or not hmac.compare_digest(
            shown.strip().encode(), self.token.encode()
        ):
            return _page("login.html", status=403)
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(COOKIE, self._session, httponly=True, samesite="Strict", path="/")
        return response

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """The page with the terminal; the library's own asks another host for a font."""
        del request
        return _page("app.html")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One visitor's app; a size that no screen has is cut to one."""
        try:
            asked = int(request.query.get("width", "80")), int(request.query.get("height", "24"))
        except ValueError:
            asked = (80, 24)
        width, height = (
            min(max(size, low), high)
            for size, low, high in zip(asked, _SMALLEST, _LARGEST, strict=True)
        )
        sane = request.rel_url.update_query(width=str(width), height=str(height))
        return await super().handle_websocket(request.clone(rel_url=sane))


def _page(name: str, status: int = 200) -> web.Response:
    text = files("alphaforge.tui").joinpath("pages", name).read_text(encoding="utf-8")
    response = web.Response(text=text, content_type="text/html", status=status)
    _harden(response)
    return response


def _harden(response: web.StreamResponse) -> None:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"  # with less, a form has no origin
    response.headers["Cache-Control"] = "no-store"

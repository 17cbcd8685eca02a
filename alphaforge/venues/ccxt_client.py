"""One ccxt client, held at arm's length: the only place that calls into ccxt.

START HERE for what goes over the wire: `CcxtClient.call` → ccxt → `_before_sending` (budget, and
whether it is too late) → `_sign` (time stamp, expiry, test network) → the session. An account has
two of these, so that market data never delays an order. Must never repeat a request, never let a
number pass that ccxt would drop, and never send a private request of play money to a live host.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from yarl import URL

from alphaforge.errors import OutcomeUnknownError, UsageError, VenueUnavailableError
from alphaforge.venues.base import NS_PER_SECOND, ReplyError, VenueHealth
from alphaforge.venues.ccxt_access import Access, Network
from alphaforge.venues.ccxt_errors import read_error
from alphaforge.venues.ccxt_limiter import Limiter, Priority
from alphaforge.venues.ccxt_loading import load_exchange
from alphaforge.venues.ccxt_profile import ExpiryWay, Profile
from alphaforge.venues.ccxt_requests import check_numbers
from alphaforge.venues.ccxt_sessions import (
    CONNECTIONS,
    SENDING,
    Sending,
    close_session,
    open_session,
)
from alphaforge.venues.ccxt_slots import Slots
from alphaforge.venues.ccxt_time import VenueClock

KEEP_ALIVE_MS = 5_000
"""A stream's heartbeat: a dead socket is found within two."""

LOCAL_PER_SECOND = 1000.0
"""For the built-in exchange, which says itself when it is too much."""

AT_ONCE = CONNECTIONS - 8
"""Requests under way at once; the other connections are for sockets and what ccxt asks itself."""

_OWN_KEEP_ALIVE = frozenset({"kraken"})

_NS_PER_MS = 1_000_000
_PAUSE_SECONDS = 1.0
_BAN_SECONDS = 120.0
_SHOWN = 80
"""Characters of an answer that can not be read that an error repeats."""

_BAD, _THROTTLED, _BANNED = 400, 429, 418


class CcxtClient:
    """One client of one exchange.

    Attributes:
        raw: ccxt's own object. What it holds has no types: read it through small functions.
        limiter: Shared by the clients of an account.
    """

    def __init__(
        self,
        access: Access,
        profile: Profile,
        limiter: Callable[[float], Limiter],
        clock: VenueClock,
        health: VenueHealth,
        *,
        is_private: bool,
    ) -> None:
        """Must be made inside the event loop; `limiter` is told what ccxt says refills."""
        self._access = access
        self._profile = profile
        self._clock = clock
        self._health = health
        self._is_private = is_private
        self._proved: tuple[str, ...] = ()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._slots = Slots(AT_ONCE)
        exchange = load_exchange(access.ccxt_id)
        self.raw = cast("Any", exchange)(self._config())
        if is_private and self.raw.requiredCredentials.get("privateKey"):
            self.raw.walletAddress, self.raw.privateKey = access.api_key, access.secret
        self._enter_test_network()
        self._session = open_session(access.local)
        self.raw.session, self.raw.own_session = self._session, False
        self.limiter = limiter(self._refill())
        self._sign_as_ccxt = cast("Callable[..., dict[str, Any]]", self.raw.sign)
        self._nonce_as_ccxt = cast("Callable[[], object]", self.raw.nonce)
        self._parse_as_ccxt = cast("Callable[[object], object]", self.raw.parse_json)
        self._last_nonce = 0
        self._own_window: object = self.raw.options.get(profile.expiry.name)
        # What is signed, for a stream too, is stamped by the venue's clock and not by ours.
        self.raw.milliseconds = lambda: clock.now() // _NS_PER_MS
        self.raw.throttle = self._before_sending
        self.raw.sign = self._sign
        self.raw.nonce = self._nonce
        self.raw.on_rest_response = self._on_answer
        self.raw.parse_json = self._parse

    def has(self, capability: str) -> bool:
        """Whether ccxt does it (`watchOrders`); what is emulated does not count."""
        return self.raw.has.get(capability) is True

    def streams(self, method: str) -> bool:
        """Whether a `watch_*` method is there and to be trusted."""
        first, *rest = method.split("_")
        is_there = self.has(first + "".join(each.title() for each in rest))
        return is_there and (not self._profile.is_known or method in self._profile.streams)

    def feature(self, segment: str, method: str, name: str) -> object:
        """What ccxt knows of a method's limits in a segment (`spot`, `swap`); None if nothing."""
        found = cast("Mapping[str, object]", self.raw.features or {}).get(segment)
        if isinstance(found, Mapping) and segment == "swap" and "linear" in found:
            found = cast("Mapping[str, object]", found)["linear"]
        for key in (method, name):
            found = (
                cast("Mapping[str, object]", found).get(key) if isinstance(found, Mapping) else None
            )
        return found

    def timeframe(self, kind: str) -> int:
        """Seconds of a kind of bar that the venue keeps; 0 for any other."""
        known = cast("Mapping[str, object]", self.raw.timeframes or {})
        return int(self.raw.parse_timeframe(kind)) if kind in known else 0

    @property
    def markets(self) -> Mapping[str, Mapping[str, object]]:
        """Markets by unified symbol; empty before they are loaded."""
        return cast("Mapping[str, Mapping[str, object]]", self.raw.markets or {})

    def currency_code(self, currency_id: str) -> str:
        """What ccxt calls a currency, for the venue's name of it."""
        return str(self.raw.safe_currency_code(currency_id))

    async def call(
        self,
        method: str,
        *args: object,
        priority: Priority = Priority.QUERY,
        expires_at: int = 0,
        timeout_s: float = 0.0,
    ) -> object:
        """Call one of ccxt's methods once, as ccxt has it.

        Raises what `read_error` makes of it; `VenueUnavailableError` only if no byte left.
        """
        if self._closed:
            raise VenueUnavailableError(f"{self._profile.title}: the connection is closed")
        check_numbers(args)
        seconds = timeout_s or self._access.timeout_s
        sending = self._sending(priority, expires_at, seconds)
        token = SENDING.set(sending)
        try:
            async with asyncio.timeout(seconds):
                return await cast("Awaitable[object]", getattr(self.raw, method)(*args))
        except VenueUnavailableError as error:
            if sending.is_sent:
                raise OutcomeUnknownError(f"only a part of it was sent: {error}") from error
            raise
        except TimeoutError as error:
            raise self._late(method, seconds, sending) from error
        except OutcomeUnknownError:
            raise  # of our own hooks
        except Exception as error:  # ccxt raises what it likes: the table knows it
            raise self._read(error, sending) from error
        finally:
            SENDING.reset(token)
            if sending.has_slot:
                self._slots.leave()
            self._measure(sending)

    async def close(self) -> None:
        """End every connection; what is under way fails."""
        self._closed = True
        self.raw.timeout_on_exit = 0
        try:
            await self.raw.close()
        finally:
            await close_session(self._session)

    # Settings ---------------------------------------------------------------------------------

    def _config(self) -> dict[str, object]:
        options: dict[str, object] = {**self._profile.options}
        if self._access.market_types:
            options["fetchMarkets"] = {"types": list(self._access.market_types)}
        config: dict[str, object] = {
            "asyncio_loop": self._loop,
            "number": str,
            # On, so that ccxt tells what a request weighs: `throttle` is ours.
            "enableRateLimit": True,
            # Ours ends first.
            "timeout": int(self._access.timeout_s * 1000) + 2000,
            "options": options,
        }
        if self._is_private:
            names = {"apiKey": self._access.api_key, "secret": self._access.secret}
            names |= {"password": self._access.password, "uid": self._access.uid}
            config |= {name: value for name, value in names.items() if value}
        return config

    def _enter_test_network(self) -> None:
        raw = self.raw
        if raw.id not in _OWN_KEEP_ALIVE:
            raw.streaming = {**raw.streaming, "keepAlive": KEEP_ALIVE_MS}
        if self._access.network is Network.LIVE:
            return
        network = self._profile.test_network
        if network.way == "sandbox" and (raw.urls.get("test") or network.headers):
            raw.set_sandbox_mode(True)
        elif network.way == "demo":
            raw.enable_demo_trading(True)
        else:
            why = network.why_none or "ccxt knows no address of one"
            raise UsageError(
                f"{self._profile.title} has no test network: {why}",
                remedy="--venue local trades on the built-in exchange; "
                "alphaforge exchange list --sandbox names those that have one",
            )

    def check_host(self, url: str, headers: Mapping[str, object] | None) -> None:
        """Refuse what is private and does not go to the test network, on a test network.

        Raises `VenueUnavailableError`: nothing was sent.
        """
        if not self._is_private or self._access.network is Network.LIVE:
            return
        network = self._profile.test_network
        is_told = headers is not None and bool(network.headers)
        if url.startswith(self._proved) and not is_told:
            return
        host = URL(url).host
        given = {name.lower(): str(value) for name, value in (headers or {}).items()}
        missing = [n for n, value in network.headers.items() if given.get(n.lower()) != value]
        if host not in network.hosts or (missing and headers is not None):
            what = (
                f"without the header {missing[0]}" if missing else "which is not its test network"
            )
            raise VenueUnavailableError(
                f"{self._profile.title}: a request would have gone to {host}, {what}"
            )
        # Up to the slash behind the host: what begins like it goes to the same one.
        end = url.find("/", url.find("//") + 2) + 1
        self._proved = (url[:end],) if end else ()

    def _refill(self) -> float:
        """Weight per second, in ccxt's units, which it tells with each request."""
        if self._access.local is not None and not self._access.weight_per_second:
            return LOCAL_PER_SECOND
        share, limit = 1.0, self._profile.weight_limit
        if self._access.weight_per_second and limit:
            share = min(self._access.weight_per_second * 60 / limit, 1.0)
        return share * 1000.0 / float(self.raw.rateLimit)

    # Hooks that ccxt calls ----------------------------------------------------------------------

    async def _before_sending(self, cost: float | None = None) -> None:
        """Instead of ccxt's own rate limiter."""
        sending = SENDING.get()
        now = self._loop.time()
        if sending is None:
            await self.limiter.admit(cost or 1.0, Priority.DATA, now + self._access.timeout_s)
            return
        await self.limiter.admit(cost or 1.0, sending.priority, sending.deadline)
        if not sending.has_slot:
            await self._slots.enter(sending.priority, sending.deadline)
            sending.has_slot = True
        sending.began = self._loop.time()
        if sending.expires_at and self._clock.now() > sending.expires_at:
            raise VenueUnavailableError("it would have come too late, so it was not sent")

    def _sign(self, *args: object, **named: object) -> dict[str, Any]:
        """As ccxt does it, with the expiry of the request that is being made."""
        expiry, sending = self._profile.expiry, SENDING.get()
        window = sending.window_ms if sending else 0
        if expiry.way is ExpiryWay.WINDOW_OPTION:
            self.raw.options[expiry.name] = str(window) if window else self._own_window
        elif window:
            path, api, method, params, *rest = args
            params = {**cast("dict[str, object]", params), expiry.name: str(window)}
            args = (path, api, method, params, *rest)
        signed = self._sign_as_ccxt(*args, **named)
        if expiry.way is ExpiryWay.DEADLINE_HEADER and sending and sending.expires_at:
            deadline = str(sending.expires_at // _NS_PER_MS)
            signed["headers"] = {**(signed.get("headers") or {}), expiry.name: deadline}
        headers: dict[str, object] | None = None
        if self._profile.test_network.headers:
            # Those of every request are laid under them by ccxt later.
            every = cast("dict[str, object]", self.raw.headers or {})
            headers = every | cast("dict[str, object]", signed.get("headers") or {})
        self.check_host(str(signed["url"]), headers)
        return signed

    def _nonce(self) -> object:
        """The time stamp of a request: one that makes it end when it must, else ccxt's."""
        sending = SENDING.get()
        if sending is not None and sending.stamp_ms:
            return sending.stamp_ms
        made = self._nonce_as_ccxt()
        if self._profile.expiry.way is ExpiryWay.NONE and isinstance(made, int):
            # Some venues want each to be above the last; the clock may be put back, or stand.
            made = self._last_nonce = max(made, self._last_nonce + 1)
        return made

    def _on_answer(self, *answer: object) -> object:
        """Status, reason, address, method, headers, body and so on of an answer."""
        body = answer[5]
        sending = SENDING.get()
        if sending is not None:
            sending.ended = self._loop.time()
            sending.body = str(body)
            self._take_weight(sending.headers)
        return body.strip() if isinstance(body, str) else body

    def _parse(self, body: object) -> object:
        """A good answer that is no JSON is none: ccxt would read an empty account out of it.

        Raises `OutcomeUnknownError`. With an error status ccxt's own reading goes on.
        """
        parsed = self._parse_as_ccxt(body)
        sending = SENDING.get()
        is_good = sending is not None and sending.status is not None and sending.status < _BAD
        if is_good and not isinstance(parsed, dict | list):
            title = self._profile.title
            begins = repr(str(body).strip()[:_SHOWN])
            raise OutcomeUnknownError(f"{title} answered with what is no JSON: {begins}")
        return cast("object", parsed)

    # One request --------------------------------------------------------------------------------

    def _sending(self, priority: Priority, expires_at: int, seconds: float) -> Sending:
        began = self._loop.time()
        if not expires_at:
            return Sending(priority, began + seconds)
        now = self._clock.now()
        expiry, life_ns = self._profile.expiry, self._profile.capabilities.request_life_ns
        if life_ns:
            # Where the venue's clock has fallen behind the run's it would outlive what is promised.
            expires_at = min(expires_at, now + life_ns)
        left_ns = expires_at - now
        if left_ns <= 0:
            raise VenueUnavailableError("it would have come too late, so it was not sent")
        sending = Sending(priority, began + min(seconds, left_ns / NS_PER_SECOND), expires_at)
        if expiry.way in {ExpiryWay.WINDOW_OPTION, ExpiryWay.WINDOW_PARAM}:
            # Stamped so that stamp + window is the very moment after which it must not act.
            sending.window_ms = window = min(life_ns // _NS_PER_MS, expiry.longest_ms)
            sending.stamp_ms = min(expires_at // _NS_PER_MS - window, now // _NS_PER_MS)
        elif expiry.stamp_life_ms:
            # Not every kind of request heeds the deadline: the stamp's own age ends the others.
            latest = expires_at // _NS_PER_MS - expiry.stamp_life_ms
            sending.stamp_ms = min(latest, now // _NS_PER_MS)
        return sending

    def _late(self, method: str, seconds: float, sending: Sending) -> Exception:
        if sending.is_sent:
            message = f"{self._profile.title} did not answer {method} in {seconds:g} s"
            return OutcomeUnknownError(message)
        return VenueUnavailableError(f"{self._profile.title} was not reached in {seconds:g} s")

    def _read(self, error: Exception, sending: Sending) -> Exception:
        found = read_error(
            error,
            status=sending.status,
            headers=sending.headers,
            sent=sending.is_sent,
            profile=self._profile,
            body=sending.body,
        )
        told = found.retry_after_ns / NS_PER_SECOND if isinstance(found, ReplyError) else 0.0
        throttled = self._profile.capabilities.throttled
        if sending.status == _BANNED:
            self.limiter.ban(told or _BAN_SECONDS)
        elif isinstance(found, ReplyError) and found.reply in {f"HTTP-{_THROTTLED}", *throttled}:
            self.limiter.pause(told or _PAUSE_SECONDS)
        return found

    def _take_weight(self, headers: Mapping[str, str]) -> None:
        used = headers.get(self._profile.weight_header, "") if self._profile.weight_header else ""
        if used.isdigit():
            self.limiter.told(int(used), self._profile.weight_limit)

    def _measure(self, sending: Sending) -> None:
        if sending.ended > sending.began > 0:
            self._health.latency_ns = int((sending.ended - sending.began) * NS_PER_SECOND)


def open_limiter(health: VenueHealth) -> Callable[[float], Limiter]:
    """One limiter for every client that asks here, made for the first."""
    made: list[Limiter] = []

    def limiter(per_second: float) -> Limiter:
        if not made:
            made.append(Limiter(per_second, asyncio.get_running_loop().time, health))
        return made[0]

    return limiter

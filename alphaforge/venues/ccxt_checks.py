"""What must hold before an account is traded: each with a name, a result and what was found.

Questions only; must never place, cancel or change anything.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, cast

from alphaforge.errors import VenueError
from alphaforge.model.enums import InstrumentKind
from alphaforge.venues.ccxt_access import Access, Network
from alphaforge.venues.ccxt_connecting import Clients
from alphaforge.venues.ccxt_map import Names, kind_of
from alphaforge.venues.ccxt_profile import Profile

TICK_SIZE = 4
"""The precision mode of ccxt's in which `precision` is a step; in others it is a count."""

MOST_SKEW_MS = 1_000

_PERMISSIONS: Mapping[str, tuple[str, str]] = {
    "binance": ("sapi_get_account_apirestrictions", "enableWithdrawals"),
    "binanceusdm": ("sapi_get_account_apirestrictions", "enableWithdrawals"),
    "binancecoinm": ("sapi_get_account_apirestrictions", "enableWithdrawals"),
    "bybit": ("private_get_v5_user_query_api", "Withdraw"),
    "okx": ("private_get_account_config", "withdraw"),
}
"""The raw question that says what a key may do, and the word in it for taking money out."""


class Check(NamedTuple):
    """One of them.

    Attributes:
        name: `network`, `clock`, `precision`, `markets`, `streams`, `key`, `withdrawals` or
            `position mode`.
        detail: What was found, in words.
    """

    name: str
    ok: bool
    detail: str


async def run_checks(
    clients: Clients, access: Access, profile: Profile, names: Names
) -> Sequence[Check]:
    """All of them, in the order in which one makes sense after the other."""
    found = [
        _network(clients, access, profile),
        await _asked("clock", lambda: _clock(clients)),
        _precision(clients),
        _markets(clients, names),
        _streams(clients),
    ]
    if clients.trade is None:
        return [*found, Check("key", False, "none is set, so that only market data can be had")]
    found += [
        await _asked("key", lambda: _key(clients)),
        await _asked("withdrawals", lambda: _withdrawals(clients, access, profile)),
    ]
    if any(kind_of(each) is not InstrumentKind.SPOT for each in names.symbols):
        found.append(await _asked("position mode", lambda: _position_mode(clients, names)))
    return found


async def _asked(name: str, ask: Callable[[], Awaitable[Check]]) -> Check:
    """A check that asks the venue: no answer is a failed one."""
    try:
        return await ask()
    except VenueError as error:
        return Check(name, False, str(error))


def _network(clients: Clients, access: Access, profile: Profile) -> Check:
    if access.network is Network.LIVE:
        return Check("network", True, "live: orders are real")
    client = clients.trade or clients.data
    sent = {name: str(value) for name, value in _fields(client.raw.headers).items()}
    missing = [
        name for name, value in profile.test_network.headers.items() if sent.get(name) != value
    ]
    hosts = ", ".join(sorted(profile.test_network.hosts))
    where = "the built-in exchange, as " if access.local is not None else ""
    if missing:
        return Check("network", False, f"the header {missing[0]} is not sent to {hosts}")
    return Check("network", True, f"test network: {where}{hosts}; nothing private goes elsewhere")


def _fields(headers: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", headers) if isinstance(headers, Mapping) else {}


async def _clock(clients: Clients) -> Check:
    await clients.compare_clocks()
    ahead, trip = clients.clock.ahead_ms, clients.clock.round_trip * 1000
    detail = f"the venue's is {ahead:+d} ms from this machine's, known to {trip / 2:.0f} ms"
    return Check("clock", abs(ahead) <= MOST_SKEW_MS + trip / 2, detail)


def _precision(clients: Clients) -> Check:
    mode = clients.data.raw.precisionMode
    detail = "prices and quantities are told in steps" if mode == TICK_SIZE else f"mode {mode}"
    return Check("precision", mode == TICK_SIZE, detail)


def _markets(clients: Clients, names: Names) -> Check:
    halted = [s for s in names.symbols if clients.data.markets[s].get("active") is False]
    count = len(clients.data.markets)
    if halted:
        return Check("markets", False, f"halted: {', '.join(halted)}")
    return Check("markets", True, f"{count} listed; {len(names.symbols)} wanted, all trading")


def _streams(clients: Clients) -> Check:
    has = {
        each: (clients.trade or clients.data).streams(each)
        for each in ("watch_orders", "watch_my_trades", "watch_trades", "watch_bids_asks")
    }
    polled = [each.removeprefix("watch_") for each, is_there in has.items() if not is_there]
    return Check("streams", True, f"polled: {', '.join(polled)}" if polled else "all are streamed")


async def _key(clients: Clients) -> Check:
    assert clients.trade is not None  # noqa: S101 - asked only with one
    await clients.trade.call("fetch_balance")
    return Check("key", True, "accepted: the balance was told")


async def _withdrawals(clients: Clients, access: Access, profile: Profile) -> Check:
    assert clients.trade is not None  # noqa: S101 - asked only with one
    if access.network is not Network.LIVE:
        return Check("withdrawals", True, "a test network: there is nothing to take out")
    question, word = _PERMISSIONS.get(profile.ccxt_id, ("", ""))
    if not question:
        detail = f"{profile.title} does not tell what a key may do: look there"
        return Check("withdrawals", False, detail)
    answer = await clients.trade.call(question)
    may = _says(answer, word)
    detail = "the key may take money out: make one that may not" if may else "the key may not"
    return Check("withdrawals", not may, detail)


def _says(answer: object, word: str) -> bool:
    """Whether a permission is granted anywhere in an answer: as a true field, or in a list."""
    if isinstance(answer, Mapping):
        given = cast("Mapping[str, object]", answer)
        return given.get(word) is True or any(_says(each, word) for each in given.values())
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        return any(_says(each, word) for each in cast("Sequence[object]", answer))
    return isinstance(answer, str) and word in answer.split(",")


async def _position_mode(clients: Clients, names: Names) -> Check:
    trade = clients.trade
    assert trade is not None  # noqa: S101 - asked only with one
    if not trade.has("fetchPositionMode"):
        return Check("position mode", True, "the venue has no question for it")
    contract = next(each for each in names.symbols if kind_of(each) is not InstrumentKind.SPOT)
    answer = await trade.call("fetch_position_mode", contract)
    told = _fields(answer)
    is_hedged = told.get("hedged") is True
    detail = "hedge: long and short at once; set it to one-way" if is_hedged else "one-way"
    return Check("position mode", not is_hedged, detail)

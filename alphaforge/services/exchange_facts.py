"""What is known of exchanges without asking them: names, test networks, what each really does.

Read from our profiles and the text of ccxt's files. Must never open a connection, and must not
import a hundred exchanges for a list of their names.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from alphaforge.model.enums import InstrumentKind, OrderType
from alphaforge.services.credentials import MAIN_ACCOUNT
from alphaforge.services.venue_access import VenueWay
from alphaforge.venues.ccxt_instruments import emulated, unsupported
from alphaforge.venues.ccxt_loading import exchange_ids, has_streams
from alphaforge.venues.ccxt_profile import LookUp, Profile, WireId
from alphaforge.venues.ccxt_profiles import PROFILES, profile_of

BUILT_IN_TITLE = "the built-in exchange"

_NAME = re.compile(r"^ {12}'name': (.+),$", re.MULTILINE)
_NS_PER_DAY = 86_400 * 1_000_000_000
_NS_PER_MS = 1_000_000
_WIRE_IDS: Mapping[WireId, str] = {
    WireId.PLAIN: "32 hexadecimal digits",
    WireId.HEX_0X: "0x and 32 hexadecimal digits",
    WireId.T_BASE62: "t- and 22 letters and digits",
    WireId.UUID: "a UUID",
}


class ListedExchange(NamedTuple):
    """One line of the list.

    Attributes:
        id: As ccxt calls it, and as `--venue` takes it.
        title: As it calls itself.
        has_profile: Whether we know what it really does, beyond what ccxt says of all.
        test_network: `sandbox`, `demo`, `built-in`, or empty: none that can be proved to be one.
        has_streams: Whether ccxt can stream from it; otherwise it is polled.
    """

    id: str
    title: str
    has_profile: bool
    test_network: str
    has_streams: bool


def listed_exchanges(*, only_with_test_network: bool) -> Iterator[ListedExchange]:
    """The built-in exchange and every one of ccxt, by id."""
    yield ListedExchange("local", BUILT_IN_TITLE, True, "built-in", True)
    for name in exchange_ids():
        way = profile_of(name).test_network.way
        if way or not only_with_test_network:
            yield ListedExchange(name, title_of(name), name in PROFILES, way, has_streams(name))


@cache
def title_of(ccxt_id: str) -> str:
    """The name an exchange goes by, of its file in ccxt; its id where that does not say."""
    profile = PROFILES.get(ccxt_id)
    if profile is not None:
        return profile.title
    spec = find_spec("ccxt")
    file = Path(spec.origin).parent / f"{ccxt_id}.py" if spec and spec.origin else None
    text = file.read_text(encoding="utf-8") if file is not None and file.is_file() else ""
    found = _NAME.search(text)
    try:
        name: object = ast.literal_eval(found[1]) if found is not None else ccxt_id
    except (SyntaxError, ValueError):
        return ccxt_id
    return str(name)


def exchange_facts(way: VenueWay) -> dict[str, object]:
    """Everything `exchange info` says, ready for JSON: values as text, number, list, or None."""
    profile, section = way.profile, way.section
    is_local = section.kind == "local"
    return {
        "venue": way.name,
        "kind": section.kind,
        "exchange": profile.ccxt_id,
        "title": BUILT_IN_TITLE if is_local else title_of(profile.ccxt_id),
        "account": section.account or MAIN_ACCOUNT,
        "market": section.market,
        "has_profile": profile.is_known,
        "test_network": _test_network(way),
        "streams": sorted(profile.streams) if has_streams(profile.ccxt_id) else [],
        "spot": _orders(profile, InstrumentKind.SPOT),
        "contracts": _orders(profile, InstrumentKind.LINEAR),
        "time_in_force": sorted(profile.tifs),
        "post_only": profile.has_post_only,
        "reduce_only": profile.has_reduce_only,
        "modify": profile.amend.value,
        "market_buy_by_cost": profile.buys_by_cost,
        "stops_kept_apart": profile.trigger_store is not None,
        "client_order_id": _WIRE_IDS[profile.wire_id],
        "look_up": [_question(each) for each in profile.lookups.questions],
        "request_expires_after_ms": _positive(profile.capabilities.request_life_ns // _NS_PER_MS),
        "absence_can_be_proved": bool(
            profile.capabilities.request_life_ns and profile.lookups.is_proof
        ),
        "history_days": profile.capabilities.history_ns // _NS_PER_DAY,
        "trades_need_symbol": profile.trades_need_symbol,
        "request_weight_per_minute": _positive(profile.weight_limit),
        "notes": list(_notes(profile)),
    }


def _test_network(way: VenueWay) -> dict[str, object]:
    network = way.profile.test_network
    if way.section.kind == "local":
        return {"way": "built-in", "hosts": [], "headers": {}, "why_none": None}
    return {
        "way": network.way or None,
        "hosts": sorted(network.hosts),
        "headers": dict(network.headers),
        "why_none": network.why_none or None,
    }


def _orders(profile: Profile, kind: InstrumentKind) -> dict[str, object]:
    """Which order types are had there, which are held by the engine, and which are denied."""
    missing = unsupported(profile, kind)
    held = emulated(missing)
    denied = {*missing} - {*held}
    types = [each.value for each in OrderType]
    return {
        "native": [each for each in types if each not in missing],
        "held": [each for each in types if each in held],
        "denied": [each for each in types if each in denied],
        "brackets": not denied & {"BRACKET", OrderType.STOP_MARKET.value},
    }


def _question(question: LookUp) -> str:
    how = f"by {question.client_param}" if question.client_param else "searched for in the list"
    return f"{question.method} {how}"


def _positive(number: int) -> int | None:
    return number if number > 0 else None


def _notes(profile: Profile) -> Iterator[str]:
    """What somebody who trades there should know, in whole sentences."""
    if not profile.is_known:
        yield "Nobody wrote a table for it: only what ccxt does for all venues is relied upon."
    if not profile.capabilities.request_life_ns:
        yield (
            "A request has no expiry there: an order without an answer stays in doubt until the "
            "venue shows it, and is never taken for absent."
        )
    if profile.trigger_store is not None:
        yield f"Stops are kept apart from orders: {profile.trigger_store.child}."
    if profile.buys_by_cost:
        yield "A spot market buy is told what to spend, not what to get."
    if profile.pushed_fee_sign < 0:
        yield "Its stream counts fees the other way round; that is set right."


def markdown_table() -> str:
    """The profiles as a table, for docs/exchanges.md; a test holds the page to it."""
    head = ("exchange", "id", "test network", "order types: spot; contracts")
    head += ("modify", "request expiry", "streams")
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for profile in PROFILES.values():
        kept = "; ".join(
            ", ".join(each.value for each in OrderType if each in profile.order_types(kind))
            for kind in (InstrumentKind.SPOT, InstrumentKind.LINEAR)
        )
        expiry_ms = profile.capabilities.request_life_ns // _NS_PER_MS
        cells = (
            profile.title,
            f"`{profile.ccxt_id}`",
            profile.test_network.way or "none",
            kept,
            profile.amend.value,
            f"{expiry_ms} ms" if expiry_ms else "none",
            ", ".join(sorted(each.removeprefix("watch_") for each in profile.streams)),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)

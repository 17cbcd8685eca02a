"""What every profile must keep, and that ccxt has what the profiles name."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from alphaforge.engine.client_ids import read_client_order_id
from alphaforge.model.enums import InstrumentKind, OrderType, TimeInForce
from alphaforge.venues.ccxt_instruments import BECOMES, emulated, unsupported
from alphaforge.venues.ccxt_loading import load_exchange
from alphaforge.venues.ccxt_profiles import (
    LOCAL,
    PROFILES,
    UNSUPPORTED,
    Amend,
    ExpiryWay,
    Profile,
    WireId,
    from_wire,
    profile_of,
    to_wire,
)

ALL = [*PROFILES.values(), profile_of("bitstamp")]
OURS = st.text("0123456789abcdef", min_size=30, max_size=30).map(lambda text: f"af{text}")
ANY_PROFILE = pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.ccxt_id)

CHARSETS = {
    "binance": r"[.A-Z:/a-z0-9_-]{1,36}",
    "binanceusdm": r"[.A-Z:/a-z0-9_-]{1,36}",
    "binancecoinm": r"[.A-Z:/a-z0-9_-]{1,36}",
    "bybit": r"[A-Za-z0-9_-]{1,36}",
    "okx": r"[A-Za-z0-9]{1,32}",
    "coinbase": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "kraken": r"[0-9a-f]{32}",
    "krakenfutures": r"[A-Za-z0-9_-]{1,100}",
    "bitget": r"[A-Za-z0-9_-]{1,50}",
    "gate": r"t-[0-9A-Za-z_.-]{1,26}",
    "kucoin": r"[A-Za-z0-9_-]{1,40}",
    "hyperliquid": r"0x[0-9a-f]{32}",
    "deribit": r"[A-Za-z0-9_-]{1,64}",
}


class TestClientIds:
    @ANY_PROFILE
    @given(ours=OURS)
    def test_an_id_of_ours_comes_back_as_it_was(self, profile: Profile, ours: str) -> None:
        assert from_wire(profile.wire_id, to_wire(profile.wire_id, ours)) == ours

    @pytest.mark.parametrize("ccxt_id", sorted(CHARSETS))
    @given(ours=OURS)
    def test_what_is_sent_is_of_the_charset_and_length_that_the_venue_takes(
        self, ccxt_id: str, ours: str
    ) -> None:
        wire = to_wire(profile_of(ccxt_id).wire_id, ours)
        assert re.fullmatch(CHARSETS[ccxt_id], wire), wire

    def test_every_profile_has_its_charset_here(self) -> None:
        assert set(CHARSETS) == set(PROFILES)

    @pytest.mark.parametrize("rule", list(WireId))
    @given(foreign=st.text(string.printable, max_size=40))
    def test_an_id_of_somebody_else_is_never_made_into_another(
        self, rule: WireId, foreign: str
    ) -> None:
        read = from_wire(rule, foreign)
        assert read == foreign or to_wire(rule, read) == foreign

    @pytest.mark.parametrize("rule", list(WireId))
    @given(one=OURS, other=OURS)
    def test_two_ids_stay_two_on_the_wire(self, rule: WireId, one: str, other: str) -> None:
        assert (to_wire(rule, one) == to_wire(rule, other)) is (one == other)

    def test_the_engine_reads_back_what_the_wire_repeats(self) -> None:
        ours = "af0f3c9a7b21d4e6000003010000002a"
        for profile in ALL:
            read = read_client_order_id(from_wire(profile.wire_id, to_wire(profile.wire_id, ours)))
            assert read is not None
            assert (read.epoch, read.strategy, read.number) == (3, 1, 42)


class TestProofs:
    @ANY_PROFILE
    def test_the_codes_that_prove_are_told_apart(self, profile: Profile) -> None:
        does = profile.capabilities
        assert not does.refusals & (does.unknown_order | does.duplicates)
        assert not does.request_refusals & does.unknown_order
        assert does.throttled <= does.refusals

    @ANY_PROFILE
    def test_what_was_never_sent_is_refused_for_sure(self, profile: Profile) -> None:
        assert {LOCAL, UNSUPPORTED} <= profile.capabilities.refusals
        assert {LOCAL, UNSUPPORTED} <= profile.capabilities.request_refusals

    @ANY_PROFILE
    def test_a_code_that_leaves_the_outcome_open_proves_nothing(self, profile: Profile) -> None:
        does = profile.capabilities
        proving = does.refusals | does.request_refusals | does.unknown_order | does.duplicates
        assert not profile.unknown_codes & proving

    @ANY_PROFILE
    def test_absence_is_provable_only_where_requests_expire(self, profile: Profile) -> None:
        expires = profile.expiry.way is not ExpiryWay.NONE
        assert bool(profile.capabilities.request_life_ns) is expires
        life_ms = profile.capabilities.request_life_ns // 1_000_000
        assert life_ms <= profile.expiry.longest_ms

    @ANY_PROFILE
    def test_a_proof_needs_a_look_up_by_our_id(self, profile: Profile) -> None:
        asked_by_id = all(
            each.client_param or each.is_foreign for each in profile.lookups.questions
        )
        assert asked_by_id or not profile.lookups.is_proof
        assert not profile.lookups.is_proof or profile.capabilities.unknown_order


class TestUnknownVenue:
    def test_it_promises_nothing(self) -> None:
        profile = profile_of("bitstamp")
        assert not profile.is_known
        assert profile.capabilities.request_life_ns == 0
        assert not profile.lookups.is_proof
        assert profile.amend is Amend.NONE
        assert profile.tifs == {TimeInForce.GTC}
        assert not profile.has_post_only

    @pytest.mark.parametrize("kind", list(InstrumentKind))
    def test_it_has_market_and_limit_orders_alone(self, kind: InstrumentKind) -> None:
        assert profile_of("x").order_types(kind) == {OrderType.MARKET, OrderType.LIMIT}

    def test_it_has_no_test_network_and_says_why(self) -> None:
        assert not profile_of("bitstamp").test_network.way
        assert "bitstamp" in profile_of("bitstamp").test_network.why_none


def hosts_of(urls: object) -> set[str]:
    """Every host named in a tree of URLs."""
    if isinstance(urls, dict):
        return {host for each in urls.values() for host in hosts_of(each)}
    host = URL(urls).host if isinstance(urls, str) else None
    return {host} if host else set()


class TestAgainstCcxt:
    @ANY_PROFILE
    def test_ccxt_has_every_method_that_the_profile_names(self, profile: Profile) -> None:
        client = load_exchange(profile.ccxt_id)
        named = {each.method for each in profile.lookups.questions} | profile.streams
        assert {name for name in named if not hasattr(client, name)} == set()

    @ANY_PROFILE
    def test_every_trusted_stream_is_one_that_ccxt_has(self, profile: Profile) -> None:
        has = load_exchange(profile.ccxt_id)().has
        unified = {
            name: "watch" + "".join(part.title() for part in name.split("_")[1:])
            for name in profile.streams
        }
        missing = {name for name, known in unified.items() if not has.get(known)}
        assert missing == set() or not profile.is_known

    @ANY_PROFILE
    def test_prices_and_sizes_are_in_steps(self, profile: Profile) -> None:
        tick_size = 4
        assert load_exchange(profile.ccxt_id)().precisionMode == tick_size or not profile.is_known

    @pytest.mark.parametrize(
        "ccxt_id", ["bybit", "okx", "bitget", "hyperliquid", "deribit", "krakenfutures"]
    )
    def test_the_sandbox_is_on_the_hosts_that_prove_it(self, ccxt_id: str) -> None:
        network = profile_of(ccxt_id).test_network
        client = load_exchange(ccxt_id)()
        client.set_sandbox_mode(True)
        hostname = client.hostname or ""
        urls = str(client.urls["api"]).replace("{hostname}", hostname)
        found = set(re.findall(r"(?:https|wss)://([^/:'\"]+)", urls))
        # Its sandbox streams are listed besides the live ones, and take their place.
        assert found - {"ws.bitget.com"} == network.hosts

    @pytest.mark.parametrize(
        ("ccxt_id", "path", "api"),
        [
            ("okx", "account/balance", ["private"]),
            ("bitget", "v2/spot/account/assets", ["private", "spot"]),
        ],
    )
    def test_a_sandbox_on_the_live_hosts_is_proved_by_its_header(
        self, ccxt_id: str, path: str, api: list[str]
    ) -> None:
        client = load_exchange(ccxt_id)({"apiKey": "k", "secret": "s", "password": "p"})
        client.set_sandbox_mode(True)
        signed = client.sign(path, api, "GET", {})
        wanted = profile_of(ccxt_id).test_network.headers
        assert wanted
        assert wanted.items() <= {**client.headers, **signed["headers"]}.items()

    @pytest.mark.parametrize(
        ("ccxt_id", "keys"),
        [
            ("binance", ("public", "private", "ws.spot", "ws.ws-api.spot")),
            ("binanceusdm", ("fapiPublic", "fapiPrivate", "ws.linear", "ws.ws-api.linear")),
            ("binancecoinm", ("dapiPublic", "dapiPrivate", "ws.inverse", "ws.ws-api.inverse")),
        ],
    )
    def test_binances_are_on_the_hosts_that_prove_it(
        self, ccxt_id: str, keys: tuple[str, ...]
    ) -> None:
        network = profile_of(ccxt_id).test_network
        client = load_exchange(ccxt_id)()
        if network.way == "demo":
            client.enable_demo_trading(True)
        else:
            client.set_sandbox_mode(True)
        used: set[str] = set()
        for key in keys:
            here = client.urls["api"]
            for step in key.split("."):
                here = here[step]
            used |= hosts_of(here)
        assert used == network.hosts

    @pytest.mark.parametrize("ccxt_id", ["coinbase", "kraken", "kucoin"])
    def test_a_venue_without_a_sandbox_says_why(self, ccxt_id: str) -> None:
        network = profile_of(ccxt_id).test_network
        assert not network.way
        assert network.why_none
        assert not load_exchange(ccxt_id)().urls.get("test")


@pytest.mark.parametrize("kind", [InstrumentKind.SPOT, InstrumentKind.LINEAR])
@pytest.mark.parametrize("ccxt_id", list(PROFILES))
def test_the_engine_does_only_what_is_missing_and_becomes_something_that_is_there(
    ccxt_id: str, kind: InstrumentKind
) -> None:
    missing = unsupported(PROFILES[ccxt_id], kind)
    held = emulated(missing)
    assert {*held} <= {*missing} & {"STOP_MARKET", "STOP_LIMIT", "TRAILING_STOP", "BRACKET"}
    for stop, becomes in BECOMES.items():
        if stop.value in missing:
            assert (stop.value in held) is (becomes.value not in missing)

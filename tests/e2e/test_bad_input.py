"""What a person does wrong, or has done to them, on the way to a venue: said once, and what to do.

Commands run in this process, as `main` gets them: a process of its own for each would take minutes.
"""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from alphaforge.sandbox.tls import certificates
from alphaforge.venues.ccxt_profiles import profile_of
from tests.e2e.rig import Ended, Folder, Served, serving, trades_on

pytestmark = pytest.mark.slow

RUN = ("run", "busy.py", "--mode", "sandbox", "--headless", "--for", "1s")
SOON_S = 25.0
SOME_KEY = {"key": "q7kZ" * 16, "secret": "w8xY" * 16}
BINANCE = sorted(profile_of("binance").test_network.hosts)
PAGE = b"<!DOCTYPE html><html><body>Please log in to the hotel's network</body></html>"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(Folder(tmp_path_factory.mktemp("exchange"))) as served:
        yield served


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alphaforge.services.secrets.open_keyring", lambda: None)


@pytest.fixture
def folder(tmp_path: Path, exchange: Served) -> Folder:
    made = Folder(tmp_path / "here")
    made.configure(exchange.section("box") + exchange.section("bybox", "bybit"))
    return made


def refused(folder: Folder, key: dict[str, str], *arguments: str, code: int) -> Ended:
    """A run that never trades: it says so once, soon, and repeats nothing of the key."""
    for venue in ("box", "bybox", "binance"):
        folder.set_key(venue, key["key"], key["secret"])
    ended = folder.here(*RUN, *arguments)
    assert ended.code == code, ended
    assert ended.seconds < SOON_S
    assert ended.out == ""
    assert ended.err.count("×") == 1, ended.err
    assert "fix " in ended.err
    assert "Traceback" not in ended.err
    assert key["key"] not in ended.err
    assert key["secret"] not in ended.err
    return ended


@pytest.mark.parametrize("venue", ["box", "bybox"])
def test_a_wrong_key_is_refused_at_once_in_the_exchanges_words(folder: Folder, venue: str) -> None:
    ended = refused(folder, SOME_KEY, "--venue", venue, code=4)
    assert f"{venue} (the built-in exchange) refuses the key …{SOME_KEY['key'][-4:]}" in ended.err
    assert "API" in ended.err
    assert f"alphaforge keys set {venue}" in ended.err


@pytest.mark.parametrize("venue", ["box", "bybox"])
def test_a_wrong_secret_is_refused_for_its_signature(
    folder: Folder, exchange: Served, venue: str
) -> None:
    key = exchange.open_account(USDT="1000") | {"secret": SOME_KEY["secret"]}
    ended = refused(folder, key, "--venue", venue, code=4)
    assert "sign" in ended.err.lower()


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param({"expires": 1}, id="expired"),
        pytest.param({"addresses": ["203.0.113.7"]}, id="bound to another address"),
        pytest.param({"network": "live"}, id="of the real exchange"),
    ],
)
def test_a_key_that_is_good_elsewhere_or_was_once_is_refused(
    folder: Folder, exchange: Served, terms: dict[str, object]
) -> None:
    account = exchange.open_account(USDT="1000")["account"]
    ended = refused(folder, exchange.add_key(account, **terms), "--venue", "box", code=4)
    assert "refuses the key" in ended.err


def test_no_key_at_all_names_the_verb_that_sets_one(folder: Folder) -> None:
    ended = folder.here(*RUN, "--venue", "box")
    assert ended.code == 4
    assert "alphaforge keys set box" in ended.err


def test_a_venue_without_a_test_network_says_which_have_one(folder: Folder) -> None:
    ended = refused(folder, SOME_KEY, "--venue", "kraken", code=2)
    assert "kraken has no test network" in ended.err
    assert "local" in ended.err
    assert "bybit" in ended.err
    assert ended.seconds < 5


def test_an_unknown_venue_is_met_with_the_nearest_name(folder: Folder) -> None:
    ended = refused(folder, SOME_KEY, "--venue", "binnance", code=3)
    assert "there is no venue binnance" in ended.err
    assert "did you mean binance?" in ended.err


def test_a_symbol_that_does_not_exist_is_met_with_the_nearest_ones(
    folder: Folder, exchange: Served
) -> None:
    key = exchange.open_account(USDT="1000")
    ended = refused(folder, key, "--venue", "box", *trades_on("BTCC/USDT"), code=7)
    assert "BTCC/USDT" in ended.err
    assert "did you mean BTC/USDT" in ended.err


def test_a_symbol_that_is_halted_is_no_symbol_to_start_with(
    folder: Folder, exchange: Served
) -> None:
    key = exchange.open_account(USDT="1000")
    exchange.ask("POST", "act", {"kind": "halt", "symbol": "SOL/USDT"})
    try:
        ended = refused(folder, key, "--venue", "box", *trades_on("SOL/USDT"), code=5)
    finally:
        exchange.ask("POST", "act", {"kind": "resume", "symbol": "SOL/USDT"})
    assert "has halted SOL/USDT" in ended.err


def test_real_money_is_not_to_be_had_yet(folder: Folder) -> None:
    for venue in ("local", "binance"):
        ended = folder.here("run", "busy.py", "--mode", "live", "--venue", venue)
        assert ended.code == 6
        assert "not released yet" in ended.err
        assert "--mode sandbox" in ended.err


def test_an_exchange_that_is_not_there_is_exit_5_within_seconds(
    folder: Folder, exchange: Served, unused_tcp_port: int
) -> None:
    there = f':{exchange.told["port"]}"'
    folder.configure(exchange.section("box").replace(there, f':{unused_tcp_port}"'))
    ended = refused(folder, SOME_KEY, "--venue", "box", code=5)
    assert "was not reached" in ended.err
    assert "--venue local" in ended.err


def test_half_a_network_is_exit_5_within_seconds(folder: Folder, exchange: Served) -> None:
    """Connections are taken, and nothing ever comes back."""
    key = exchange.open_account(USDT="1000")
    exchange.ask("POST", "faults", {"kind": "hang"})
    try:
        ended = refused(folder, key, "--venue", "box", code=5)
    finally:
        exchange.ask("DELETE", "faults")
    assert "did not answer" in ended.err


class Hotel(BaseHTTPRequestHandler):
    """Answers whatever is asked with its own page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    do_POST = do_GET  # noqa: N815 - the standard library's name

    def log_message(self, *_arguments: object) -> None:
        pass


def test_a_proxy_that_answers_with_a_page_is_told_from_an_exchange(folder: Folder) -> None:
    made = certificates(BINANCE, folder.path, time.time_ns())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hotel)
    server.socket = made.context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    told = {"port": server.server_port, "ca_file": str(made.ca_file)}
    folder.configure(Served(told).section("box"))
    try:
        ended = refused(folder, SOME_KEY, "--venue", "box", code=5)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert "a web page came back" in ended.err
    assert "proxy" in ended.err


def test_a_clock_that_is_ten_seconds_off_is_put_right_by_the_exchanges(
    folder: Folder, exchange: Served
) -> None:
    key = exchange.open_account(USDT="1000")
    folder.set_key("box", key["key"], key["secret"])
    exchange.ask("POST", "faults", {"kind": "clock_skew", "seconds": 10})
    try:
        ended = folder.here(*RUN, "--venue", "box", "--json")
    finally:
        exchange.ask("DELETE", "faults")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["orders_in_doubt"] == 0
    assert "clock" in ended.err

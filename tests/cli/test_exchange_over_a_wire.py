"""`exchange` and `keys test` against the built-in exchange, and against servers that are none."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from alphaforge.sandbox.tls import certificates
from alphaforge.venues.ccxt_profiles import profile_of

REPOSITORY = Path(__file__).resolve().parents[2]
BINANCE = sorted(profile_of("binance").test_network.hosts)
PAGE = b"<!DOCTYPE html><html><body>Please log in to the hotel's network</body></html>"

pytestmark = [
    pytest.mark.slow,
    # A dial that ccxt began for itself may end with the loop: the process ends with it, too.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alphaforge.services.secrets.open_keyring", lambda: None)


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The built-in exchange as a process of its own, and what it said of itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "alphaforge", "sandbox", "serve", "--json", "--child"],
        cwd=tmp_path_factory.mktemp("exchange"),
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield SimpleNamespace(**json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def configure(folder: Path, port: int, ca_file: object, protocol: str = "binance") -> None:
    (folder / "alphaforge.toml").write_text(
        f'[venues.box]\nkind = "local"\nexchange = "{protocol}"\n'
        f'address = "localhost:{port}"\nca_file = "{ca_file}"\n'
    )


def set_key(monkeypatch: pytest.MonkeyPatch, api_key: str, secret: str) -> None:
    monkeypatch.setenv("ALPHAFORGE_KEY__BOX__API_KEY", api_key)
    monkeypatch.setenv("ALPHAFORGE_KEY__BOX__SECRET", secret)


@pytest.mark.parametrize("protocol", ["binance", "bybit"])
def test_a_good_key_passes_every_check(
    run, folder: Path, exchange, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(folder, exchange.port, exchange.ca_file, protocol)
    set_key(monkeypatch, exchange.api_key, exchange.secret)
    tested = run("exchange", "test", "box", "--json")
    assert (tested.code, tested.err) == (0, "")
    checks = tested.json["checks"]
    names = [each["name"] for each in checks]
    assert names[:5] == ["network", "clock", "markets", "stream", "key"]
    assert "withdrawals" in names
    assert all(each["ok"] is True and each["fix"] is None for each in checks), checks
    key = run("keys", "test", "box", "--json").json
    assert (key["venue"], key["account"], key["network"]) == ("box", "main", "test")
    assert "USDT" in key["currencies"]
    assert key["checks"]["withdrawals"]["ok"] is True


def test_without_a_key_the_rest_is_checked(run, folder: Path, exchange) -> None:
    configure(folder, exchange.port, exchange.ca_file)
    ended = run("exchange", "test", "box")
    assert ended.code == 0
    last = ended.out.splitlines()[-1]
    assert last.startswith("-")
    assert "alphaforge keys set box" in last


@pytest.mark.parametrize("protocol", ["binance", "bybit"])
@pytest.mark.parametrize("wrong", ["api_key", "secret"])
def test_a_wrong_key_is_exit_4_in_the_venues_words(
    run, folder: Path, exchange, protocol: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(folder, exchange.port, exchange.ca_file, protocol)
    key = {"api_key": exchange.api_key, "secret": exchange.secret, wrong: "0123456789abcdef"}
    set_key(monkeypatch, **key)
    for ended in (run("keys", "test", "box"), run("exchange", "test", "box")):
        told = ended.out + ended.err
        assert ended.code == 4, told
        assert "refuses the key" in told
        assert '"msg"' in told or '"retMsg"' in told
        assert "alphaforge keys set box" in told
        assert key["secret"] not in told
        assert key["api_key"] not in told


def test_markets_are_shown_with_their_rules(run, folder: Path, exchange) -> None:
    configure(folder, exchange.port, exchange.ca_file, "bybit")
    found = run("exchange", "markets", "box", "--match", "btc-usdt", "--json").json["markets"]
    assert [(each["symbol"], each["kind"]) for each in found] == [
        ("BTC/USDT", "spot"),
        ("BTC/USDT:USDT", "linear"),
    ]
    assert found[0] == {
        "symbol": "BTC/USDT",
        "kind": "spot",
        "status": "trading",
        "price_step": "0.01",
        "quantity_step": "0.00001",
        "min_quantity": "0.00001",
        "min_value": "5",
        "multiplier": "1",
        "maker_bps": "10",
        "taker_bps": "10",
    }
    none = run("exchange", "markets", "box", "--match", "nosuch")
    assert (none.code, none.out) == (0, "")


class Wrong(BaseHTTPRequestHandler):
    """Answers every request with `server.answer`."""

    def do_GET(self) -> None:
        kind, body = self.server.answer()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def wrong(tmp_path: Path, folder: Path) -> Iterator[ThreadingHTTPServer]:
    """A server under Binance's names that says what a test tells it to."""
    keys = tmp_path / "keys"
    keys.mkdir()
    made = certificates(BINANCE, keys, time.time_ns())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Wrong)
    server.socket = made.context.wrap_socket(server.socket, server_side=True)
    configure(folder, server.server_port, made.ca_file)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_web_page_instead_of_an_answer_is_exit_5_and_said(run, wrong) -> None:
    wrong.answer = lambda: ("text/html", PAGE)
    markets, tested = run("exchange", "markets", "box"), run("exchange", "test", "box")
    assert (markets.code, tested.code) == (5, 5)
    assert "a web page came back" in markets.err
    assert "a web page came back" in tested.out
    assert "proxy" in markets.err


def test_an_answer_without_a_single_market_is_exit_5(run, wrong) -> None:
    wrong.answer = lambda: ("application/json", b"{}")
    ended = run("exchange", "markets", "box")
    assert ended.code == 5
    assert "tells no markets" in ended.err


def test_a_clock_that_is_seconds_off_is_exit_5_and_said(run, wrong) -> None:
    def answer() -> tuple[str, bytes]:
        text = json.dumps({"serverTime": time.time_ns() // 1_000_000 + 10_000})
        return "application/json", text.encode()

    wrong.answer = answer
    checks = {
        each["name"]: each for each in run("exchange", "test", "box", "--json").json["checks"]
    }
    assert checks["network"]["ok"] is True
    assert checks["clock"]["ok"] is False
    assert "ms behind the exchange's" in checks["clock"]["detail"]
    assert "time server" in checks["clock"]["fix"]


def test_where_nothing_listens_is_exit_5_and_nothing_else_is_tried(
    run, folder: Path, exchange, unused_tcp_port: int
) -> None:
    configure(folder, unused_tcp_port, exchange.ca_file)
    tested, markets = run("exchange", "test", "box", "--json"), run("exchange", "markets", "box")
    assert (tested.code, markets.code) == (5, 5)
    assert [each["ok"] for each in tested.json["checks"]] == [False, None, None, None, None]
    assert "was not reached" in markets.err
    assert "local" in markets.err


def test_a_certificate_of_an_exchange_that_has_ended_is_told_before_anything_is_asked(
    run, folder: Path, exchange
) -> None:
    configure(folder, exchange.port, folder / "gone.pem")
    ended = run("exchange", "markets", "box")
    assert (ended.code, "gone.pem of box is not there" in ended.err) == (7, True)
    assert "sandbox serve" in ended.err


def test_a_certificate_of_somebody_else_is_exit_5(run, folder: Path, exchange, wrong) -> None:
    configure(
        folder, exchange.port, wrong.RequestHandlerClass and folder.parent / "keys" / "ca.pem"
    )
    ended = run("exchange", "markets", "box")
    assert ended.code == 5
    assert "was not reached" in ended.err

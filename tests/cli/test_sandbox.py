"""`alphaforge sandbox serve`: what it tells, how it ends, and what it keeps."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 20
"""How long a start or an end may take on a shared machine."""


class Served:
    """A server in a process of its own, and what it told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        self.told: dict[str, Any] = json.loads(line)

    def admin(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.told['urls']['rest']}/admin/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Admin-Token": self.told["admin_token"]},
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)

    def main(self) -> Any:
        return self.admin("GET", "books")["accounts"]["main"]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(SECONDS)


@contextmanager
def serving(folder: Path, *arguments: str, stdin: int = subprocess.DEVNULL) -> Iterator[Served]:
    environ = {name: value for name, value in os.environ.items() if "ALPHAFORGE" not in name}
    with subprocess.Popen(
        [sys.executable, "-m", "alphaforge", "sandbox", "serve", "--json", *arguments],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Served(process)
        finally:
            process.kill()


LIMIT = {"kind": "hand_trade", "symbol": "BTC/USDT", "quantity": "0.1", "price": "30000"}
MARKET = {"kind": "hand_trade", "symbol": "BTC/USDT", "quantity": "0.25", "side": "SELL"}


def test_it_tells_how_to_connect_answers_both_venues_and_ends_in_order(tmp_path) -> None:
    chosen = ("--seed", "7", "--cash", "500 USDT, 1.5 BTC", "--api-key", "mine", "--secret", "x")
    with serving(tmp_path, *chosen) as served:
        told = served.told
        assert told["urls"]["rest"] == f"http://127.0.0.1:{told['port']}"
        assert (told["seed"], told["pid"]) == (7, served.process.pid)
        assert (told["api_key"], told["secret"]) == ("mine", "x")
        assert "BTC/USDT" in told["symbols"]
        assert "/stream" in told["urls"]["ws"]["spot"]
        for path in ("/api/v3/time", "/v5/market/time"):
            with urllib.request.urlopen(told["urls"]["rest"] + path, timeout=SECONDS) as answer:
                assert answer.status == 200
        balances = served.main()["balances"]
        assert balances["USDT"]["free"] == "500"
        assert balances["BTC"]["free"] == "1.5"
        assert_trusted(told)
        assert served.end() == 0
        assert not Path(told["ca_file"]).exists()


def assert_trusted(told: dict[str, Any]) -> None:
    """The file it names is all a client needs to believe that it is those hosts."""
    trust = ssl.create_default_context(cafile=told["ca_file"])
    address = ("127.0.0.1", told["port"])
    for host in ("api.binance.com", "testnet.binance.vision", "stream.bybit.com"):
        with (
            socket.create_connection(address, SECONDS) as plain,
            trust.wrap_socket(plain, server_hostname=host) as secure,
        ):
            assert secure.version() in {"TLSv1.2", "TLSv1.3"}


def test_ctrl_c_ends_it_in_order_and_the_final_books_are_written(tmp_path) -> None:
    with serving(tmp_path, "--symbol", "BTC/USDT", "--books", "books.json") as served:
        served.admin("POST", "act", LIMIT)
        assert served.admin("POST", "act", MARKET)["done"]
        before = served.main()
        assert served.end(signal.SIGINT) == 0
    books = json.loads((tmp_path / "books.json").read_text())
    assert books["accounts"]["main"] == before
    assert before["executions"]
    assert [float(each["limit_price"]) for each in before["open_orders"]] == [30_000]


def test_state_survives_a_restart_and_even_a_kill(tmp_path) -> None:
    arguments = ("--symbol", "BTC/USDT", "--state", "exchange.state", "--seed", "3")
    with serving(tmp_path, *arguments) as first:
        first.admin("POST", "act", LIMIT)
        first.admin("POST", "act", MARKET)
        before, told = first.main(), first.told
        first.end()
    assert (tmp_path / "exchange.state").stat().st_mode & 0o777 == 0o600
    with serving(tmp_path, "--state", "exchange.state") as second:
        assert (second.told["api_key"], second.told["secret"]) == (told["api_key"], told["secret"])
        assert (second.told["seed"], second.told["symbols"]) == (3, ["BTC/USDT"])
        assert second.main() == before
        second.end(signal.SIGKILL)
    with serving(tmp_path, "--state", "exchange.state") as third:
        assert third.main() == before


def test_a_child_ends_when_its_parent_is_gone_and_not_by_ctrl_c(tmp_path) -> None:
    with serving(tmp_path, "--child", "--books", "books.json", stdin=subprocess.PIPE) as served:
        served.process.send_signal(signal.SIGINT)
        assert served.main()["balances"]["USDT"]["free"] == "100000"
        assert served.process.stdin is not None
        served.process.stdin.close()
        assert served.process.wait(SECONDS) == 0
    assert (tmp_path / "books.json").exists()


def test_faults_of_a_file_strike(tmp_path) -> None:
    (tmp_path / "faults.toml").write_text('[[fault]]\nkind = "maintenance"\ndialect = "binance"\n')
    with serving(tmp_path, "--symbol", "BTC/USDT", "--faults", "faults.toml") as served:
        rest = served.told["urls"]["rest"]
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{rest}/api/v3/time", timeout=SECONDS)
        assert caught.value.code == 503
        caught.value.close()
        with urllib.request.urlopen(f"{rest}/v5/market/time", timeout=SECONDS) as answer:
            assert answer.status == 200
        assert served.admin("GET", "counts")["faults"] == {"maintenance": 1}


def test_a_taken_port_says_what_to_type(run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run("sandbox", "serve", "--json", "--port", str(taken.getsockname()[1]))
    assert ended.code == 5
    assert ended.error["code"] == "AF-V100"
    assert "--port" in ended.error["fix"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--speed", "max"), 2, "--speed"),
        (("--speed", "-1"), 2, "--speed"),
        (("--cash", "lots"), 2, "--cash"),
        (("--port", "70000"), 2, "--port"),
        (("--faults", "nowhere.toml"), 7, "nowhere.toml"),
        (("--data", "nowhere.csv"), 7, "nowhere.csv"),
        (("--state", "nowhere/state"), 2, "mkdir -p"),
        (("--books", "nowhere/books.json"), 2, "mkdir -p"),
        (("--speed", "0"), 2, 'above 0, got "0"'),
        (("--symbol", "nonsense"), 2, "nonsense"),
        (("--host", "no.such.host.invalid"), 5, "no.such.host.invalid"),
        (("--host", "no.such.host.invalid"), 5, "--host is an address of this machine"),
    ],
)
def test_bad_input_is_told(run, arguments, code, words) -> None:
    ended = run("sandbox", "serve", *arguments)
    assert ended.code == code, ended.err
    assert words in ended.err


def test_a_damaged_state_is_not_overwritten(run, folder) -> None:
    (folder / "state").write_text("something else")
    assert run("sandbox", "serve", "--state", "state").code == 1
    assert (folder / "state").read_text() == "something else"


def test_a_typo_in_a_faults_file_is_shown_with_its_line(run, folder) -> None:
    (folder / "faults.toml").write_text('[[fault]]\nkind = "latencyy"\n')
    ended = run("sandbox", "serve", "--faults", "faults.toml")
    assert ended.code == 3
    assert "did you mean latency?" in ended.err
    assert "faults.toml:1" in ended.err


def test_a_currency_nobody_knows_is_told_as_one_whose_price_is_made_up(tmp_path) -> None:
    chosen = ("--symbol", "BTC/USTD", "--symbol", "ETH/USDT", "--symbol", "ETH/USTD")
    with serving(tmp_path, *chosen) as served:
        served.end()
        assert served.process.stderr is not None
        assert "nobody knows USTD:" in served.process.stderr.read()


def test_a_recording_without_a_symbol_of_its_own_is_named_on_the_command_line(tmp_path) -> None:
    lines = ["ts,price,size,side", "1700000000000,100,1,buy", "1700000001000,101,2,sell"]
    (tmp_path / "tape.csv").write_text("\n".join(lines))
    with serving(tmp_path, "--data", "tape.csv", "--symbol", "LTC/USDT") as served:
        assert served.told["symbols"] == ["LTC/USDT"]


def test_the_child_flag_needs_a_pipe(run) -> None:
    ended = run("sandbox", "serve", "--child")
    assert (ended.code, "stdin" in ended.err) == (2, True)

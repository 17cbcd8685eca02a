"""Who is let in: peers by their user, TCP by its tokens, pages by nothing at all."""

import asyncio
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import ConfigError, CredentialsError
from alphaforge.services.control.access import (
    Asked,
    Budget,
    Caller,
    Doorman,
    Scope,
    Tokens,
    names_of,
    need,
    peer_uid,
    tokens_from,
)
from alphaforge.services.control.listening import listen_unix, read_address
from alphaforge.services.control.refusal import RefusalError
from tests.services.control.api_rig import served

TOKENS = Tokens("r" * 32, "t" * 32)
HOSTS = names_of("127.0.0.1", 8799, ["desk.example"])
DOORMAN = Doorman(1000, TOKENS, HOSTS)


def tcp(host: str = "127.0.0.1:8799", origin: str = "", token: str = TOKENS.read) -> Asked:
    return Asked(None, False, host, origin, f"Bearer {token}")


def status_of(asked: Asked) -> int:
    with pytest.raises(RefusalError) as caught:
        DOORMAN.admit(asked)
    assert isinstance(caught.value.error, CredentialsError)
    return caught.value.status


def test_the_user_who_runs_the_engine_may_trade_by_its_socket() -> None:
    asked = Asked(1000, True, "localhost", "", "")
    assert DOORMAN.admit(asked) == Caller("socket:1000", Scope.TRADE)


@pytest.mark.parametrize("uid", [0, 1001, None])
def test_no_other_user_may_speak_by_the_socket_nor_one_the_system_does_not_name(
    uid: int | None,
) -> None:
    assert status_of(Asked(uid, True, "localhost", "", "")) == 403


def test_a_token_is_worth_nothing_on_the_socket_of_another_user() -> None:
    assert status_of(Asked(1001, True, "localhost", "", f"Bearer {TOKENS.trade}")) == 403


def test_a_page_in_a_browser_never_reaches_the_socket() -> None:
    assert status_of(Asked(1000, True, "localhost", "http://localhost", "")) == 403


def test_each_token_gives_its_own_scope() -> None:
    assert DOORMAN.admit(tcp()) == Caller("tcp:read", Scope.READ)
    assert DOORMAN.admit(tcp(token=TOKENS.trade)) == Caller("tcp:trade", Scope.TRADE)


@given(st.text(max_size=40))
def test_any_other_text_is_no_token(token: str) -> None:
    if token not in TOKENS:
        assert status_of(tcp(token=token)) == 401


@pytest.mark.parametrize("header", ["", "Basic cjpy", TOKENS.read, "Bearer", "Bearer "])
def test_without_a_bearer_token_nobody_gets_in_by_tcp(header: str) -> None:
    assert status_of(Asked(None, False, "127.0.0.1:8799", "", header)) == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8799", "", "127.0.0.1:80"])
def test_a_name_that_is_not_ours_is_refused_whatever_the_token(host: str) -> None:
    assert status_of(tcp(host=host, token=TOKENS.trade)) == 421


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8799", "localhost:8799", "[::1]:8799", "LOCALHOST", "desk.example:8799"]
)
def test_every_name_of_the_port_is_ours(host: str) -> None:
    assert DOORMAN.admit(tcp(host=host)).scope is Scope.READ


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:9999", "file://", "ws://localhost"]
)
def test_a_foreign_page_is_refused_with_any_token(origin: str) -> None:
    assert status_of(tcp(origin=origin, token=TOKENS.trade)) == 403


def test_the_engines_own_page_may_ask() -> None:
    assert DOORMAN.admit(tcp(origin="http://localhost:8799")).scope is Scope.READ


def test_what_needs_to_trade_says_so_to_who_may_only_read() -> None:
    with pytest.raises(RefusalError) as caught:
        need(Caller("tcp:read", Scope.READ), Scope.TRADE)
    assert caught.value.status == 403
    assert "needs the scope trade" in str(caught.value)
    need(Caller("tcp:trade", Scope.TRADE), Scope.TRADE)
    need(Caller("tcp:read", Scope.READ), Scope.READ)


def test_tokens_are_drawn_unless_somebody_set_them() -> None:
    drawn = iter(["first-of-them-all", "second-of-them-all"])
    assert tokens_from({}, lambda: next(drawn)) == Tokens("first-of-them-all", "second-of-them-all")
    own = {"ALPHAFORGE_API_READ_TOKEN": "r" * 16, "ALPHAFORGE_API_TRADE_TOKEN": "t" * 16}
    assert tokens_from(own, lambda: "unused") == Tokens("r" * 16, "t" * 16)


@pytest.mark.parametrize("token", ["short", "with spaces in it all over", "ü" * 20])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(token: str) -> None:
    with pytest.raises(CredentialsError, match="ALPHAFORGE_API_TRADE_TOKEN") as caught:
        tokens_from({"ALPHAFORGE_API_TRADE_TOKEN": token}, lambda: "x" * 32)
    assert token not in str(caught.value)


def test_one_token_for_both_scopes_is_refused() -> None:
    same = {"ALPHAFORGE_API_READ_TOKEN": "x" * 20, "ALPHAFORGE_API_TRADE_TOKEN": "x" * 20}
    with pytest.raises(CredentialsError, match="the same"):
        tokens_from(same, lambda: "y" * 20)


@given(
    st.integers(1, 20),
    st.integers(1, 50),
    st.lists(st.floats(0, 2, allow_nan=False), max_size=60),
)
def test_no_more_passes_a_budget_than_its_burst_and_its_rate_allow(
    most: int, per_second: int, pauses: list[float]
) -> None:
    now = 100.0
    budget = Budget(most, per_second, now)
    for count, pause in enumerate(pauses, start=1):
        now += pause
        try:
            budget.take(now)
        except RefusalError:
            assert count > most
            break
        assert count <= most + per_second * (now - 100.0) + 1e-6


def test_a_budget_says_that_it_is_spent_and_fills_up_again() -> None:
    budget = Budget(2, 10.0, 0.0)
    budget.take(0.0)
    budget.take(0.0)
    with pytest.raises(RefusalError, match="more than 2 messages") as caught:
        budget.take(0.0)
    assert caught.value.status == 429
    budget.take(1.0)


def test_the_system_says_who_is_at_the_other_end_of_a_socket() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_uid(ours) == os.getuid()


def test_a_system_that_does_not_say_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_PEERCRED", raising=False)
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_uid(ours) in {None, os.getuid()}
    assert peer_uid(ours) is None


def test_a_socket_file_is_its_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with listen_unix(path):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_socket_that_nobody_answers_is_taken_over_and_one_that_lives_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "engine.sock"
    listen_unix(path).close()
    assert path.is_socket()
    with listen_unix(path), pytest.raises(Exception, match=r"listens on .* already"):
        listen_unix(path)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:8799", "::1", 8799), ("localhost:1", "localhost", 1)],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    address = read_address(text, is_remote_allowed=False)
    assert (address.host, address.port, str(address)) == (host, port, text)


@pytest.mark.parametrize("text", ["8799", ":8799", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"])
def test_what_is_no_address_is_told_with_what_to_write(text: str) -> None:
    with pytest.raises(ConfigError, match="no address") as caught:
        read_address(text, is_remote_allowed=True)
    assert caught.value.key == "api.tcp"


@pytest.mark.parametrize("text", ["0.0.0.0:8799", "[::]:8799", "192.168.1.2:8799", "desk:8799"])
def test_other_machines_are_kept_out_until_somebody_says_otherwise(text: str) -> None:
    with pytest.raises(ConfigError, match="other machines"):
        read_address(text, is_remote_allowed=False)
    assert not read_address(text, is_remote_allowed=True).is_loopback


@pytest.mark.parametrize(
    "header", [("Authorization", b"Bearer \xff\xfe"), ("Origin", b"http://\xff")]
)
async def test_bytes_that_are_no_text_are_refused_like_any_stranger(
    header: tuple[str, bytes], tmp_path: Path
) -> None:
    name, value = header
    async with served(tmp_path, tcp="127.0.0.1:0") as engine:
        host, _, port = engine.record.tcp.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        start = f"GET /api/health HTTP/1.1\r\nHost: {engine.record.tcp}\r\n{name}: "
        writer.write(start.encode() + value + b"\r\n\r\n")
        async with asyncio.timeout(10):
            status = (await reader.readline()).split()[1]
        writer.close()
    assert status in {b"400", b"401", b"403"}

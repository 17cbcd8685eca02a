"""Which engines run: records are found, proven alive, chosen among, and cleaned up after."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alphaforge import __version__
from alphaforge.client import engines
from alphaforge.client.records import EngineRecord
from alphaforge.errors import ConfigError, NoEngineError, NotFoundError, UsageError
from tests.client.rows import engine_record

Begin = Callable[..., EngineRecord]


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    """A runtime directory with a short path: sockets need one."""
    with TemporaryDirectory(prefix="af-") as folder:
        yield {"ALPHAFORGE_RUNTIME_DIR": f"{folder}/run"}


@pytest.fixture
def begin(environ: dict[str, str]) -> Iterator[Begin]:
    """Leaves the record of an engine whose socket listens."""
    sockets: list[socket.socket] = []

    def begin_engine(run_id: str, **values: object) -> EngineRecord:
        engines.prepare_directory(environ)
        path = engines.socket_path(run_id, environ)
        listening = socket.socket(socket.AF_UNIX)
        sockets.append(listening)
        listening.bind(str(path))
        listening.listen()
        known = {"pid": os.getpid(), "socket": str(path)}
        record = engine_record(run_id, **{**known, **values})
        engines.write(record, environ)
        return record

    yield begin_engine
    for each in sockets:
        each.close()


def test_the_directory_is_named_by_the_environment_or_the_systems() -> None:
    assert engines.runtime_directory({"ALPHAFORGE_RUNTIME_DIR": "/a"}) == Path("/a")
    assert engines.runtime_directory({"XDG_RUNTIME_DIR": "/b"}) == Path("/b/alphaforge")
    assert engines.runtime_directory({}).name == f"alphaforge-{os.getuid()}"


def test_without_any_engine_there_is_none(environ) -> None:
    assert engines.running(environ) == []


def test_running_engines_are_listed_the_newest_first(environ, begin) -> None:
    begin("a", started="2026-11-20T09:00:00Z")
    begin("b", started="2026-11-20T10:00:00Z")
    assert [each.run_id for each in engines.running(environ)] == ["b", "a"]


def test_a_record_is_readable_by_its_owner_only_and_comes_back_whole(environ, begin) -> None:
    record = begin("a", trade_token="secret")
    path = engines.runtime_directory(environ) / "a.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert engines.record_of("a", environ) == record
    engines.remove("a", environ)
    engines.remove("a", environ)
    with pytest.raises(NotFoundError):
        engines.record_of("a", environ)


def test_the_record_of_a_dead_process_is_removed_with_its_socket(environ, begin) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    record = begin("a", pid=ended.pid)
    assert engines.running(environ) == []
    assert not Path(record.socket).exists()
    assert not list(engines.runtime_directory(environ).iterdir())


def test_a_record_whose_socket_refuses_is_removed(environ, begin) -> None:
    engines.prepare_directory(environ)
    closed = socket.socket(socket.AF_UNIX)
    path = engines.socket_path("a", environ)
    closed.bind(str(path))
    closed.close()
    engines.write(engine_record("a", pid=os.getpid(), socket=str(path)), environ)
    assert engines.running(environ) == []
    assert not path.exists()


def test_what_is_no_record_is_left_alone(environ) -> None:
    folder = engines.prepare_directory(environ)
    for name, text in {"a.json": "", "b.json": "[]", "c.json": '{"run_id": 5}'}.items():
        (folder / name).write_text(text)
    (folder / "d.json").symlink_to("/etc/hostname")
    (folder / "e.json").mkdir()
    os.mkfifo(folder / "f.json")
    assert engines.running(environ) == []
    assert len(list(folder.iterdir())) == 6


def test_a_folder_that_others_can_enter_is_refused(environ) -> None:
    folder = engines.prepare_directory(environ)
    folder.chmod(0o755)
    with pytest.raises(ConfigError, match="other users can look into it"):
        engines.running(environ)
    with pytest.raises(ConfigError, match="other users"):
        engines.write(engine_record(), environ)


def test_a_path_too_long_for_a_socket_is_said_to_be(tmp_path) -> None:
    with pytest.raises(ConfigError, match="at most"):
        engines.socket_path("x" * 90, {"ALPHAFORGE_RUNTIME_DIR": str(tmp_path)})


def test_none_running_says_how_to_start_one() -> None:
    with pytest.raises(NoEngineError) as caught:
        engines.choose([], None, None)
    assert "alphaforge run" in caught.value.remedy


ONE = engine_record("20261120-091500-k3f", project="/a", venue="local")
TWO = engine_record("20261120-101500-m4g", project="/b", venue="bybit")


def test_the_only_engine_is_meant_wherever_one_stands() -> None:
    assert engines.choose([ONE], None, Path("/elsewhere")) is ONE


def test_among_several_the_one_of_this_project_is_meant() -> None:
    assert engines.choose([ONE, TWO], None, Path("/b")) is TWO


def test_several_are_listed_and_one_is_to_be_named() -> None:
    with pytest.raises(UsageError) as caught:
        engines.choose([ONE, TWO], None, None)
    assert "2 engines are running" in caught.value.message
    assert "sma_cross on bybit" in caught.value.message
    assert caught.value.remedy == f"say which one: --run {ONE.run_id}"


@pytest.mark.parametrize("name", [TWO.run_id, "20261120-10", "m4g"])
def test_an_engine_is_named_by_its_run_or_an_end_of_it(name: str) -> None:
    assert engines.choose([ONE, TWO], name, None) is TWO
    assert engines.find([ONE, TWO], name) is TWO


def test_a_name_that_fits_two_is_not_guessed() -> None:
    with pytest.raises(UsageError, match="2 engines"):
        engines.choose([ONE, TWO], "2026", None)
    with pytest.raises(UsageError, match="could be"):
        engines.find([ONE, TWO], "2026")


def test_a_run_that_does_not_run_is_not_replaced_by_another() -> None:
    with pytest.raises(NoEngineError, match="run nope is not running; what runs: 20261120"):
        engines.choose([ONE], "nope", None)
    assert engines.find([ONE], "nope") is None


@pytest.mark.parametrize(
    ("version", "remedy"), [("0.0.1", "upgrade the engine"), ("99.0.0", "upgrade this program")]
)
def test_an_engine_of_another_version_says_which_one_is_older(version: str, remedy: str) -> None:
    other = engine_record("a", version=version)
    with pytest.raises(UsageError, match=f"version {version}, this program is {__version__}") as e:
        engines.choose([other], None, None)
    assert remedy in e.value.remedy
    assert engines.choose_any_version([other], None, None) is other


def test_a_record_of_another_shape_still_names_its_engine(environ, begin) -> None:
    record = begin("a")
    path = engines.runtime_directory(environ) / "a.json"
    written = {"schema": 2, "run_id": "a", "pid": os.getpid(), "version": "99.1"}
    path.write_text(json.dumps({**written, "socket": record.socket}))
    (found,) = engines.running(environ)
    with pytest.raises(UsageError, match=r"version 99\.1") as caught:
        engines.check_version(found)
    assert "upgrade this program to 99.1" in caught.value.remedy

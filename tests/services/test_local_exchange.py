"""The exchange that a run starts: it tells where it listens, and ends with the block or the run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from alphaforge.errors import VenueUnavailableError
from alphaforge.services import local_exchange as module
from alphaforge.services.local_exchange import LocalTerms, local_exchange
from tests.e2e.rig import REPOSITORY, is_alive, until


def terms(folder: Path, **changed: object) -> LocalTerms:
    made = LocalTerms(
        symbols=("BTC/USDT",),
        seed=3,
        speed="1",
        cash="1000 USDT",
        state=folder / "local" / "x.state",
        books=folder / "x.json",
        log=folder / "local" / "x.log",
    )
    return made._replace(**changed)


def test_what_it_is_started_with_is_what_serve_takes() -> None:
    folder = Path("/f")
    assert terms(folder, faults="f.toml").arguments() == [
        *("--seed", "3", "--speed", "1", "--cash", "1000 USDT"),
        *("--state", "/f/local/x.state", "--books", "/f/x.json"),
        *("--symbol", "BTC/USDT", "--faults", "f.toml"),
    ]
    assert "--faults" not in terms(folder).arguments()


@pytest.mark.slow
async def test_it_listens_until_the_block_ends_and_leaves_its_books(tmp_path: Path) -> None:
    async with local_exchange(terms(tmp_path)) as listening:
        assert listening.port > 0
        assert os.access(listening.ca_file, os.R_OK)
        assert listening.api_key != listening.secret
    assert not os.access(listening.ca_file, os.F_OK)
    books = msgspec.json.decode((tmp_path / "x.json").read_bytes())
    assert books["accounts"]["main"]["balances"] == {"USDT": {"free": "1000", "locked": "0"}}
    assert (tmp_path / "local" / "x.state").stat().st_mode & 0o077 == 0


@pytest.mark.slow
async def test_what_there_is_to_do_meanwhile_is_done_as_it_starts(tmp_path: Path) -> None:
    done: list[list[int]] = []
    async with local_exchange(terms(tmp_path), lambda: done.append(_serving(tmp_path))):
        assert [len(processes) for processes in done] == [1]


@pytest.mark.slow
async def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    wrong = terms(tmp_path, cash="a lot")
    with pytest.raises(VenueUnavailableError, match="did not start") as caught:
        async with local_exchange(wrong):
            pytest.fail("it started")
    assert "--cash" in caught.value.message
    assert "sandbox serve" in caught.value.remedy


@pytest.mark.slow
async def test_one_that_does_not_end_when_it_is_told_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "END_SECONDS", 0.2)
    async with local_exchange(terms(tmp_path)) as listening:
        (pid,) = _serving(tmp_path)
        os.kill(pid, signal.SIGSTOP)
        assert listening.port
    assert not is_alive(pid)


HOLDER = """
import asyncio, sys
from pathlib import Path
from alphaforge.services.local_exchange import local_exchange
from tests.services.test_local_exchange import terms

async def main():
    async with local_exchange(terms(Path(sys.argv[1]))) as listening:
        print(listening.port, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.slow
def test_it_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        (exchange,) = _serving(tmp_path)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    until(lambda: not is_alive(exchange), "the end of the exchange")
    assert (tmp_path / "x.json").exists()


def _serving(folder: Path) -> list[int]:
    """Processes whose command names a folder's state file."""
    state = str(folder / "local" / "x.state").encode()
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                words = (each / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            found += [int(each.name)] if state in words else []
    return found

"""The state file: whole or not at all, and its owner's alone."""

import stat

import pytest

from alphaforge.errors import DataError, StoreError
from alphaforge.sandbox.api_keys import ApiKey
from alphaforge.sandbox.state import SavedExchange, read_state, write_state

SAVED = SavedExchange(
    seed=3,
    symbols=("BTC/USDT",),
    keys=(ApiKey(key="k", secret="s", account="main"),),
    exchange=b"\x00\xff",
    saved_at=7,
)


def test_what_is_written_is_read_and_only_its_owner_may(tmp_path) -> None:
    path = tmp_path / "state"
    write_state(path, SAVED)
    write_state(path, SAVED)
    assert read_state(path) == SAVED
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_no_file_is_nothing_to_restore(tmp_path) -> None:
    assert read_state(tmp_path / "state") is None


@pytest.mark.parametrize("kept", [0, 1, 10, 30, -1])
def test_a_damaged_file_is_never_taken_for_an_empty_exchange(tmp_path, kept: int) -> None:
    path = tmp_path / "state"
    write_state(path, SAVED)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError) as caught:
        read_state(path)
    assert "--state" in caught.value.remedy


def test_a_folder_that_is_not_there_is_told(tmp_path) -> None:
    with pytest.raises(StoreError):
        write_state(tmp_path / "nowhere" / "state", SAVED)

"""One engine for the tests that only look at it."""

from collections.abc import Iterator

import pytest

from tests.e2e.terminal.desk import BUSY, Desk, desk


@pytest.fixture(scope="session")
def running_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose engine trades on the built-in exchange, and goes on whatever an app does."""
    with desk(tmp_path_factory.mktemp("desk")) as opened:
        opened.start(*BUSY)
        yield opened

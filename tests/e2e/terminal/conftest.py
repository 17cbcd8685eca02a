"""One engine for the tests that only look at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.terminal.desk import BUSY, Desk, desk

SHORT = {
    "test_an_order_from_the_ticket_fills_and_counts_and_a_late_client_sees_the_same",
    "test_killing_the_app_leaves_its_engine_trading",
}
"""What `make test` runs of them; `make terminal` runs all."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    for item in items:
        is_short = getattr(item, "originalname", item.name) in SHORT
        if str(item.path).startswith(here) and not is_short:
            item.add_marker(pytest.mark.terminal)


@pytest.fixture(scope="session")
def running_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose engine trades on the built-in exchange, and goes on whatever an app does."""
    with desk(tmp_path_factory.mktemp("desk")) as opened:
        opened.start(*BUSY)
        yield opened

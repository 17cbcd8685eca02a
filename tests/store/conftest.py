"""What store tests share: a database file of their own, and a writer that is closed after them."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alphaforge.store.writer import Writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "alphaforge.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def writer(url: str) -> Iterator[Writer]:
    opened = Writer(url)
    yield opened
    opened.close()


@pytest.fixture
def rows(path: Path) -> Callable[[str], list[tuple[object, ...]]]:
    """What another program sees: the committed rows of a query."""

    def query(sql: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(path)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    return query

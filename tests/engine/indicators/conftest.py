"""Recorded bars as columns, for the tests that compare indicators with TA-Lib."""

import csv
from typing import NamedTuple

import numpy as np
import pytest


class Columns(NamedTuple):
    """The columns of some bars, as TA-Lib takes them."""

    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray


@pytest.fixture(scope="session")
def recorded(data_file):
    """`recorded(name)` are the columns of a recorded CSV file of bars."""

    def load(name: str) -> Columns:
        with data_file(name).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        return Columns(*(np.array([float(row[c]) for row in rows]) for c in Columns._fields))

    return load


@pytest.fixture(scope="session")
def columns():
    """The type, for tests that make bars up."""
    return Columns

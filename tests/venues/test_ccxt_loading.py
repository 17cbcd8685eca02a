"""One exchange of ccxt is loaded without the others, and gives what the whole package gives."""

import json
import subprocess
import sys
from difflib import get_close_matches

import pytest

from alphaforge.errors import NotFoundError
from alphaforge.venues.ccxt_loading import ccxt_version, exchange_ids, has_streams, load_exchange

LOADED = """
import json, sys
from alphaforge.venues.ccxt_loading import load_exchange
found = load_exchange({ccxt_id!r})
modules = [name for name in sys.modules if name.partition(".")[0] == "ccxt"]
exchanges = [m for m in modules if m.rpartition(".")[2] in {ids!r}]
print(json.dumps([found.__module__, len(modules), exchanges]))
"""

FALLEN_BACK = """
import sys
from alphaforge.venues import ccxt_loading
def no_attribute(self, name):
    raise AttributeError(name)
ccxt_loading._StandIn.__getattr__ = no_attribute
found = ccxt_loading.load_exchange("binance")
import ccxt.pro
assert found is ccxt.pro.binance
assert not isinstance(ccxt, ccxt_loading._StandIn)
print("fallen back")
"""

STANDS_ASIDE = """
import ccxt.pro
from alphaforge.venues.ccxt_loading import _StandIn, load_exchange
assert load_exchange("bybit") is ccxt.pro.bybit
assert not isinstance(ccxt, _StandIn)
print("stood aside")
"""

SAME_NAMES = """
from alphaforge.venues.ccxt_loading import load_exchange
binance = load_exchange("binance")
import ccxt, ccxt.pro, ccxt.async_support
from ccxt.pro import bybit
from ccxt import NetworkError, Exchange, TICK_SIZE
assert ccxt.pro.binance is binance
assert ccxt.pro.bybit is bybit and isinstance(bybit, type)
assert issubclass(ccxt.InvalidOrder, ccxt.BaseError) and issubclass(NetworkError, ccxt.BaseError)
assert ccxt.errors.InvalidOrder is ccxt.InvalidOrder
assert len(ccxt.exchanges) > len(ccxt.pro.exchanges) > 70
assert not hasattr(ccxt.pro, "no_such_exchange")
print(ccxt.__version__)
"""


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize(("ccxt_id", "most"), [("binance", 3), ("binanceusdm", 6), ("zaif", 2)])
def test_one_exchange_comes_without_the_hundred_others(ccxt_id: str, most: int) -> None:
    module, modules, exchanges = json.loads(run(LOADED.format(ccxt_id=ccxt_id, ids=exchange_ids())))
    assert module == f"ccxt.{'pro' if has_streams(ccxt_id) else 'async_support'}.{ccxt_id}"
    assert modules < 40
    assert len(exchanges) <= most


@pytest.mark.slow
def test_what_the_stand_ins_can_not_bear_falls_back_to_the_packages() -> None:
    assert run(FALLEN_BACK) == "fallen back"


@pytest.mark.slow
def test_ccxt_imported_by_somebody_before_is_left_alone() -> None:
    assert run(STANDS_ASIDE) == "stood aside"


@pytest.mark.slow
def test_whoever_imports_ccxt_later_finds_what_he_expects() -> None:
    assert run(SAME_NAMES) == ccxt_version()


def test_an_unknown_exchange_is_named_with_the_nearest_ones() -> None:
    with pytest.raises(NotFoundError) as raised:
        load_exchange("binanse")
    assert "binanse" in str(raised.value)
    assert get_close_matches("binanse", exchange_ids(), n=1)[0] in raised.value.remedy


def test_the_ids_are_those_of_the_package_and_no_file_beside_them() -> None:
    assert {"binance", "bybit", "okx", "kraken"} <= set(exchange_ids())
    assert not {"base", "__init__", "abstract"} & set(exchange_ids())
    assert len(exchange_ids()) > 90

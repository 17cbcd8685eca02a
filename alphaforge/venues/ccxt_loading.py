"""Imports one exchange of ccxt without the other hundred: half the start-up time and memory.

`import ccxt.pro` imports every exchange three times over. Here the three packages are stand-ins
that import a submodule only when it is asked for, and give the same names. Should a release of
ccxt not bear that, the packages are imported as they are. Must never change what ccxt does, and
must stand aside where somebody has imported ccxt before.
"""

import ast
import importlib
import sys
from difflib import get_close_matches
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import cast

from alphaforge.errors import InternalError, NotFoundError

_PACKAGES = ("ccxt", "ccxt.async_support", "ccxt.pro")

# Where the names live that the packages give out beside their exchanges.
_SOURCES = {
    "ccxt": ("ccxt.base.exchange", "ccxt.base.errors", "ccxt.base.decimal_to_precision"),
    "ccxt.async_support": ("ccxt.async_support.base.exchange", "ccxt.base.errors"),
    "ccxt.pro": ("ccxt.async_support.base.exchange", "ccxt.base.errors"),
}


@cache
def ccxt_version() -> str:
    """The installed version, read without importing it."""
    for line in (_folder() / "__init__.py").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(" = ")
        if name == "__version__":
            return str(ast.literal_eval(value))
    return ""


@cache
def exchange_ids() -> tuple[str, ...]:
    """Every exchange ccxt knows, sorted; read from its folder, nothing is imported."""
    files = (_folder() / "async_support").glob("*.py")
    return tuple(sorted(file.stem for file in files if not file.stem.startswith("_")))


def has_streams(ccxt_id: str) -> bool:
    """Whether ccxt can stream from it at all; otherwise it is polled."""
    return (_folder() / "pro" / f"{ccxt_id}.py").is_file()


def load_exchange(ccxt_id: str) -> type[object]:
    """The class of one exchange, with streams where ccxt has them.

    Raises `NotFoundError` naming the nearest ids where there is no such exchange.
    """
    if ccxt_id not in exchange_ids():
        near = get_close_matches(ccxt_id, exchange_ids(), n=3)
        meant = f"did you mean {', '.join(near)}? " if near else ""
        raise NotFoundError(
            f"ccxt {ccxt_version()} has no exchange {ccxt_id!r}",
            remedy=f"{meant}alphaforge exchange list",
        )
    package = "ccxt.pro" if has_streams(ccxt_id) else "ccxt.async_support"
    try:
        _install()
        return _class_of(package, ccxt_id)
    except Exception:  # noqa: BLE001 - whatever a release of ccxt does in there, see the next line
        _uninstall()
        return _class_of(package, ccxt_id)


@cache
def _folder() -> Path:
    """Where ccxt is installed."""
    spec = find_spec("ccxt") if "ccxt" not in sys.modules else sys.modules["ccxt"].__spec__
    if spec is None or spec.origin is None:
        raise InternalError("ccxt is not installed", remedy="pip install ccxt")
    return Path(spec.origin).parent


def _class_of(package: str, ccxt_id: str) -> type[object]:
    found = getattr(importlib.import_module(f"{package}.{ccxt_id}"), ccxt_id)
    if not isinstance(found, type):
        raise InternalError(f"{package}.{ccxt_id} holds no class of that name")
    return cast("type[object]", found)


def _install() -> None:
    """Put the stand-ins where the packages would be, unless something is there already."""
    if any(name in sys.modules for name in _PACKAGES):
        return
    folder = _folder()
    for name in _PACKAGES:
        path = folder.joinpath(*name.split(".")[1:])
        sys.modules[name] = _StandIn(name, path)
    for name in _PACKAGES[1:]:
        parent, _, child = name.rpartition(".")
        sys.modules[parent].__dict__[child] = sys.modules[name]


def _uninstall() -> None:
    """Take the stand-ins out, and every module that was imported through them."""
    if not isinstance(sys.modules.get("ccxt"), _StandIn):
        return
    for name in [name for name in sys.modules if name.partition(".")[0] == "ccxt"]:
        del sys.modules[name]


class _StandIn(ModuleType):
    """One of ccxt's packages, which imports what it holds when that is asked for."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        origin = str(folder / "__init__.py")
        spec = ModuleSpec(name, None, origin=origin, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        self.__dict__.update(
            __path__=[str(folder)], __file__=origin, __spec__=spec, __version__=ccxt_version()
        )

    def __getattr__(self, name: str) -> object:
        if name == "exchanges":
            return [each for each in exchange_ids() if self._holds(each)]
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "errors":
            return importlib.import_module("ccxt.base.errors")
        if self._holds(name):
            importlib.import_module(f"{self.__name__}.{name}")
            return self.__dict__[name]
        for source in _SOURCES[self.__name__]:
            module = importlib.import_module(source)
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        """An imported exchange is known by its class, as in the package itself."""
        if isinstance(value, ModuleType) and name in exchange_ids():
            value = getattr(value, name, value)
        self.__dict__[name] = value

    def _holds(self, name: str) -> bool:
        return name in exchange_ids() and (Path(self.__path__[0]) / f"{name}.py").is_file()

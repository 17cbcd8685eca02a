"""Loads a strategy from a file: by path, with errors that show the user's own line.

Whatever is wrong with the file ends as a `StrategyError` (or `NotFoundError`) before anything is
started. What it prints goes to stderr: stdout is data. Must never leave a trace in `sys.path`, nor
let a file's neighbours leak into another's.
"""

import hashlib
import importlib.util
import inspect
import linecache
import sys
import traceback
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from alphaforge.engine.strategy import Strategy
from alphaforge.errors import NotFoundError, StrategyError
from alphaforge.services.strategy_class import check_class, strategies_in
from alphaforge.services.strategy_parameters import Parameter, apply_parameters, parameters_of


class StrategySyntaxError(StrategyError):
    """The file is not Python.

    Attributes:
        column: Where on the line, counted from 1.
    """

    def __init__(self, message: str, *, path: Path, line: int | None, column: int | None) -> None:
        super().__init__(message, remedy="correct the marked place", path=path, line=line)
        self.column = column


class LoadedStrategy(NamedTuple):
    """A strategy class and all that says which one it was.

    Attributes:
        name: File stem, `-2` for a second instance: the `strategy` column of every row.
        stem: File stem: the `[strategies.NAME]` of the settings.
        path: The file, absolute.
        cls: The class.
        parameters: By name.
        source: The file's text, for the journal.
        sha256: Of the file's bytes, hexadecimal.
    """

    name: str
    stem: str
    path: Path
    cls: type[Strategy]
    parameters: dict[str, Parameter]
    source: str
    sha256: str


def load_strategies(targets: Sequence[str]) -> list[LoadedStrategy]:
    """Load `FILE.py` or `FILE.py:ClassName`, each; a stem that comes again is numbered `-2`, `-3`.

    Raises `NotFoundError` for a missing file and `StrategyError` for everything else.
    """
    loaded: list[LoadedStrategy] = []
    seen: dict[str, int] = {}
    for target in targets:
        strategy = load_strategy(target)
        count = seen[strategy.stem] = seen.get(strategy.stem, 0) + 1
        name = strategy.stem if count == 1 else f"{strategy.stem}-{count}"
        loaded.append(strategy._replace(name=name))
    return loaded


def load_strategy(target: str) -> LoadedStrategy:
    """Load one `FILE.py` or `FILE.py:ClassName`; raises as `load_strategies`."""
    path, class_name = split_target(target)
    content = _read(path)
    source = _decoded(content, path)
    module = _import(path, source)
    cls = _pick(module, path, class_name)
    check_class(cls, path)
    return LoadedStrategy(
        name=path.stem,
        stem=path.stem,
        path=path,
        cls=cls,
        parameters=parameters_of(cls),
        source=source,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def build_strategy(strategy: LoadedStrategy, values: Mapping[str, object]) -> Strategy:
    """A new instance with every parameter set; nothing of it has run but its constructor.

    Raises `StrategyError` with the user's own frame if the constructor does.
    """
    try:
        with redirect_stdout(sys.stderr):
            instance = strategy.cls()
    except (Exception, SystemExit) as error:
        raise frame_error(error, strategy.path) from error
    apply_parameters(instance, values)
    return instance


def split_target(target: str) -> tuple[Path, str]:
    """`bots/x.py:Cross` → (absolute path, `Cross`); without a class the name is empty."""
    file, colon, name = target.rpartition(":")
    if colon and name.isidentifier() and file.endswith(".py"):
        return Path(file).resolve(), name
    return Path(target).resolve(), ""


def frame_error(error: BaseException, path: Path) -> StrategyError:
    """An exception out of a strategy's code, told by the user's own last frame.

    The frame is the last one in the strategy's folder; ours and the libraries' are left out.
    """
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent == path.parent
    ]
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if not frames:
        return StrategyError(what, path=path, remedy=_import_remedy(error))
    frame = frames[-1]
    source = (frame.line or "").strip()
    message = f"{what}, at `{source}` in {frame.name}" if source else what
    return StrategyError(
        message.removesuffix(" in <module>"),
        path=frame.filename,
        line=frame.lineno,
        remedy=_import_remedy(error),
    )


def _import_remedy(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return (
            f"install {error.name.partition('.')[0]} into the environment that runs alphaforge, "
            "or put the module beside the strategy"
        )
    return "correct the shown line; alphaforge -v shows the whole trace"


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise NotFoundError(
            f"{path} is a folder, not a strategy file",
            remedy=f"type: alphaforge strategy list {path}",
        )
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no strategy file {path}", remedy=_nearest_files(path)
        ) from None
    except OSError as error:
        raise StrategyError(f"the file cannot be read: {error.strerror}", path=path) from error


def _nearest_files(path: Path) -> str:
    folders = (path.parent, Path.cwd(), Path.cwd() / "strategies")
    found = {
        file.stem: file
        for folder in folders
        if folder.is_dir()
        for file in sorted(folder.glob("*.py"))
        if not file.name.startswith(("_", "test_", "conftest"))
    }
    matches = get_close_matches(path.stem, found, n=3, cutoff=0.5)
    if matches:
        names = " or ".join(_short(found[match]) for match in matches)
        return f"did you mean {names}?"
    return f"make one: alphaforge strategy new {path.stem or 'NAME'}"


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StrategyError(
            "the file is not UTF-8 text", remedy="save it as UTF-8", path=path, line=line
        ) from error


def _import(path: Path, source: str) -> ModuleType:
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise StrategyError(
            "this is no Python file", remedy="name a file that ends in .py", path=path
        )
    linecache.checkcache(str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        code = compile(source, str(path), "exec", dont_inherit=True)
        with _beside(path.parent), redirect_stdout(sys.stderr):
            exec(code, module.__dict__)  # noqa: S102 - running the user's file is what was asked
    except SyntaxError as error:
        del sys.modules[name]
        raise _syntax_error(error, path) from error
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise frame_error(error, path) from error
    return module


def _module_name(path: Path) -> str:
    """A name that no other module has: the stem, and the place by its digest."""
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    stem = "".join(letter if letter.isalnum() else "_" for letter in path.stem)
    return f"alphaforge_strategy_{stem}_{digest}"


@contextmanager
def _beside(folder: Path) -> Generator[None]:
    """Let a file import its neighbours while it is loaded, and forget them afterwards.

    Two strategies in two folders may each have a `signals.py`.
    """
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name not in before]:
            if _is_neighbour(name.partition(".")[0], folder):
                sys.modules.pop(name)


def _is_neighbour(name: str, folder: Path) -> bool:
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or name.startswith("alphaforge"):
        return False
    place = Path(file)
    home = place.parent.parent if place.name == "__init__.py" else place.parent
    return home == folder


def _syntax_error(error: SyntaxError, path: Path) -> StrategyError:
    file = Path(error.filename) if error.filename else path
    source = (error.text or "").rstrip()
    message = f"SyntaxError: {error.msg}" + (f", at `{source.strip()}`" if source else "")
    return StrategySyntaxError(message, path=file, line=error.lineno, column=error.offset)


def _pick(module: ModuleType, path: Path, class_name: str) -> type[Strategy]:
    if class_name:
        return _named(module, path, class_name)
    found = strategies_in(module)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(cls.__name__ for cls in found)
        raise StrategyError(
            f"the file has {len(found)} strategies: {names}",
            remedy=f"name one: {_short(path)}:{found[0].__name__}",
            path=path,
        )
    raise StrategyError("the file has no Strategy", remedy=_no_strategy(module, path), path=path)


def _named(module: ModuleType, path: Path, class_name: str) -> type[Strategy]:
    cls = getattr(module, class_name, None)
    if inspect.isclass(cls) and issubclass(cls, Strategy):
        return cls
    if inspect.isclass(cls):
        raise StrategyError(
            f"{class_name} is no Strategy",
            remedy=f"write: class {class_name}(Strategy)",
            path=path,
            line=cls.__dict__.get("__firstlineno__"),
        )
    names = ", ".join(found.__name__ for found in strategies_in(module))
    raise StrategyError(
        f"the file has no class {class_name}",
        remedy=f"it has: {names}" if names else _no_strategy(module, path),
        path=path,
    )


def _no_strategy(module: ModuleType, path: Path) -> str:
    """What to write: the class that looks like one, or where to find one, or how to begin."""
    for cls in vars(module).values():
        if not inspect.isclass(cls) or cls is Strategy:
            continue
        if issubclass(cls, Strategy):
            return f"{cls.__name__} is imported; name it: {_short(path)}:{cls.__name__}"
        if cls.__module__ == module.__name__ and any(name.startswith("on_") for name in vars(cls)):
            return f"write: class {cls.__name__}(Strategy), with `from alphaforge import Strategy`"
    return "write a class that subclasses alphaforge.Strategy, or type: alphaforge strategy new"

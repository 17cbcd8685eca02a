"""alphaforge.toml, the environment and the flags become one frozen `Configuration`.

Precedence: flag > environment `ALPHAFORGE__SECTION__KEY` > profile `[env.NAME.*]` > project file >
user file > default. Everything wrong in any of them is reported at once, with file and line. Must
never hold a secret: keys and passwords come from elsewhere, and one found in a file is refused.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from alphaforge.errors import ConfigError, NotFoundError
from alphaforge.services.config_check import Values, build, is_secret, password_in
from alphaforge.services.config_keys import all_keys
from alphaforge.services.config_layers import (
    Layer,
    SecretInFileError,
    environment_layer,
    file_layer,
    flag_layer,
    profile_layers,
)
from alphaforge.services.config_origin import KeyPath, Origin, Source, TomlText, dotted
from alphaforge.services.config_sections import Settings
from alphaforge.services.routing import Router
from alphaforge.services.suggestions import nearest
from alphaforge.services.venue_choice import exchange_problem, is_known_venue, nearest_venue

PROJECT_FILE = "alphaforge.toml"
PROFILE_VARIABLE = "ALPHAFORGE_ENV"
PROFILES = ("development", "staging", "production")
"""Profiles that exist even where no file says anything about them."""

_POSITION = re.compile(r" \(at line (\d+), column \d+\)")
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/)(?!:memory:)(.+)")
_MASK = "****"


class ConfigProblemsError(ConfigError):
    """Several settings are wrong.

    Attributes:
        problems: Each of them, in the order of the files.
    """

    def __init__(self, problems: Iterable[ConfigError]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            f"{len(self.problems)} settings are wrong",
            remedy="correct them and type: alphaforge config check",
        )

    def __str__(self) -> str:
        return "\n".join([self.message, *(str(problem) for problem in self.problems)])


class Configuration:
    """The settings that apply and where each came from.

    Attributes:
        settings: Frozen, complete.
        profile: The profile laid over the files; empty when none.
        files: The settings files read, weakest first.
        directory: What relative paths of the default settings are relative to: the project
            file's folder, else the working directory.
    """

    def __init__(self, layers: list[Layer], profile: str, files: tuple[Path, ...]) -> None:
        self.profile = profile
        self.files = files
        self.directory = files[-1].parent if files else Path.cwd()
        self._values: Values = {}
        self._origins: dict[KeyPath, Origin] = {}
        for layer in layers:
            self._values.update(layer.values)
            self._origins.update(layer.origins)
        self.settings: Settings = build(self._values)

    def origin(self, key: str) -> Origin:
        """Where a key's value came from; `key` as in `origins()`. Unknown keys: the default."""
        return self.origins().get(key, Origin())

    def origins(self) -> dict[str, Origin]:
        """Every key that has a value, dotted, in the order of the file."""
        return {dotted(path): self._origins.get(path, Origin()) for path in self.values()}

    def values(self) -> dict[KeyPath, object]:
        """Every leaf with its value, defaults included; passwords in URLs are masked."""
        found: Values = {}
        for key in all_keys():
            path = tuple(key.name.split("."))
            if "*" not in path and key.default is not None:
                found[path] = key.default
        for path, value in self._values.items():
            if value != {}:
                found[path] = value
        found["store", "url"] = _masked(str(found["store", "url"]))
        order = {name: place for place, name in enumerate(Settings.__struct_fields__)}
        return dict(sorted(found.items(), key=lambda item: order[item[0][0]]))

    @property
    def masked_store_url(self) -> str:
        """`store_url` fit to be shown: without its password."""
        return _masked(self.store_url)

    @cached_property
    def store_url(self) -> str:
        """The database URL; a relative SQLite path is made absolute.

        It is relative to the folder of the file that says it, to the working directory when a
        flag or a variable says it, and to the project's folder when nobody does.
        """
        url = self.settings.store.url
        found = _SQLITE.fullmatch(url)
        if found is None:
            return url
        origin = self._origins.get(("store", "url"), Origin())
        base = self.directory if origin.source is Source.DEFAULT else Path.cwd()
        base = origin.path.parent if origin.path is not None else base
        return f"{found[1]}{(base / found[2]).resolve()}"

    def problem(self, path: KeyPath, message: str, remedy: str = "") -> ConfigError:
        """An error about a value that is well-formed but does not fit the rest."""
        origin = self._origins.get(path, Origin())
        named = f" (from {origin.name})" if origin.name and origin.path is None else ""
        return ConfigError(
            message + named, remedy=remedy, path=origin.path, line=origin.line, key=dotted(path)
        )


def _masked(url: str) -> str:
    password = password_in(url)
    return url.replace(f":{password}@", f":{_MASK}@") if password else url


def load_configuration(
    *,
    file: Path | None = None,
    profile: str = "",
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Configuration:
    """Read every layer and put them together.

    Args:
        file: `--config`; None searches `alphaforge.toml` from `directory` upwards.
        profile: `--profile`; empty takes ALPHAFORGE_ENV.
        overrides: Flags by the key they set, `{"paper.cash": "5000"}`; text is converted.
        environ: Environment variables; None takes the process's.
        directory: Where the search begins; None is the working directory.

    Raises:
        ConfigError: Something in a file or a variable is wrong; `ConfigProblemsError` for several.
        UsageError: An override is wrong.
        NotFoundError: `file` does not exist.
    """
    variables = os.environ if environ is None else environ
    texts = [
        _read(path, source) for source, path in _files(file, variables, directory or Path.cwd())
    ]
    problems: list[ConfigError] = []
    contents = [_parse(text, problems) for text, _source in texts]
    bases: list[Layer] = []
    profiles: dict[str, list[Layer]] = {}
    for (text, source), content in zip(texts, contents, strict=True):
        bases.append(file_layer(text, source, content, problems))
        for name, layer in profile_layers(text, content, problems):
            profiles.setdefault(name, []).append(layer)
    chosen = profile or variables.get(PROFILE_VARIABLE, "")
    _check_profile(chosen, "--profile" if profile else PROFILE_VARIABLE, profiles, problems)
    layers = [*bases, *profiles.get(chosen, [])]
    layers.append(environment_layer(variables, layers, problems))
    layers.append(flag_layer(overrides or {}))
    _raise(problems)
    configuration = Configuration(layers, chosen, tuple(text.path for text, _source in texts))
    _raise(_misfits(configuration))
    return configuration


def _raise(problems: Iterable[ConfigError]) -> None:
    found = list(problems)
    if len(found) == 1:
        raise found[0]
    if found:
        raise ConfigProblemsError(found)


def _files(
    file: Path | None, variables: Mapping[str, str], directory: Path
) -> Iterator[tuple[Source, Path]]:
    """The settings files that apply, weakest first."""
    home = variables.get("XDG_CONFIG_HOME") or str(Path(variables.get("HOME", "~")) / ".config")
    user = Path(home).expanduser() / "alphaforge" / "config.toml"
    if user.is_file():
        yield Source.USER_FILE, user
    project = file if file is not None else find_project_file(directory)
    if project is not None:
        yield Source.PROJECT_FILE, project


def find_project_file(directory: Path) -> Path | None:
    """`alphaforge.toml` of a folder or the nearest one above it; None when there is none."""
    start = directory.resolve()
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
    return None


def _read(path: Path, source: Source) -> tuple[TomlText, Source]:
    try:
        return TomlText(path, path.read_text(encoding="utf-8-sig")), source
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no settings file {path}", remedy="name an existing one with --config FILE"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the settings file cannot be read: {error}", path=path) from error


def _parse(text: TomlText, problems: list[ConfigError]) -> dict[str, object]:
    try:
        return tomllib.loads(text.content)
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.search(str(error))
        line = int(found[1]) if found else text.content.count("\n") + 1
        message = _POSITION.sub("", str(error)).removesuffix(" (at end of document)")
        source = text.content.splitlines()[line - 1 : line]
        is_open = not (source and is_secret(source[0].partition("=")[0].strip()))
        kind = ConfigError if is_open else SecretInFileError
        problems.append(
            kind(
                f"this is not TOML: {message}",
                remedy='write key = value; text stands in quotes: mode = "paper"',
                path=text.path,
                line=line,
            )
        )
        return {}


def _check_profile(
    chosen: str, said_by: str, profiles: Mapping[str, object], problems: list[ConfigError]
) -> None:
    known = [*profiles, *(name for name in PROFILES if name not in profiles)]
    if not chosen or chosen in known:
        return
    guess = nearest(chosen, known)
    remedy = f"did you mean {guess}?" if guess else "known profiles: " + ", ".join(known)
    problems.append(ConfigError(f"there is no profile {chosen} ({said_by})", remedy=remedy))


def _misfits(configuration: Configuration) -> Iterator[ConfigError]:
    """What only shows when everything is put together: names that point nowhere."""
    settings = configuration.settings
    for name, section in settings.venues.items():
        wrong = exchange_problem(name, section)
        if wrong is not None:
            key = ("exchange",) if section.exchange else ()
            yield configuration.problem(("venues", name, *key), *wrong)
    wanted = {("engine", "venue"): settings.engine.venue}
    wanted |= {("routing", symbol): venue for symbol, venue in settings.routing.items()}
    for path, venue in wanted.items():
        if not is_known_venue(settings.venues, venue):
            guess = nearest_venue(settings.venues, venue)
            remedy = f"did you mean {guess}? or add" if guess else "add"
            remedy += f" a table [venues.{venue}]"
            yield configuration.problem(path, f"there is no venue {venue}", remedy)
    try:
        Router(settings.routing, settings.engine.venue)
    except ConfigError as error:
        yield configuration.problem(("routing",), error.message, error.remedy)

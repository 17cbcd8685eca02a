"""`alphaforge config show|check|schema`: the settings as they are, and whether they are right.

Must never read a file itself: `services.config` does.
"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.printing import print_json, print_table, short_path, talk

if TYPE_CHECKING:
    from alphaforge.services.config import Configuration

app = typer.Typer(no_args_is_help=True, help="Show and check the settings.")


class SchemaFormat(StrEnum):
    """How `config schema` writes."""

    JSON = "json"
    MARKDOWN = "markdown"


@app.command()
def show(
    ctx: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value is from.")] = False,
) -> None:
    """Show every setting that applies.

    alphaforge config show --origin
    """
    configuration = configuration_of(ctx)
    if invocation_of(ctx).as_json:
        print_json(_as_json(configuration))
        return
    from alphaforge.services.config_keys import toml_text
    from alphaforge.services.config_origin import dotted

    origins = configuration.origins()
    columns = ("key", "value", "origin") if origin else ("key", "value")
    rows = [
        (dotted(path), toml_text(value), origins[dotted(path)].told(short_path))
        for path, value in configuration.values().items()
    ]
    print_table(columns, [row[: len(columns)] for row in rows])


def _as_json(configuration: "Configuration") -> dict[str, object]:
    from alphaforge.services.config_origin import dotted

    settings: dict[str, object] = {}
    for path, value in configuration.values().items():
        table = settings
        for part in path[:-1]:
            table = cast("dict[str, object]", table.setdefault(part, {}))
        table[path[-1]] = value
    return {
        "profile": configuration.profile or None,
        "files": [str(file) for file in configuration.files],
        "store_url": configuration.masked_store_url,
        "settings": settings,
        "origins": {
            dotted(path): {
                "source": found.source.value,
                "path": str(found.path) if found.path is not None else None,
                "line": found.line,
                "name": found.name or None,
            }
            for path in configuration.values()
            for found in (configuration.origins()[dotted(path)],)
        },
    }


@app.command()
def check(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Instead of yours.")] = None,
) -> None:
    """Check a settings file and the environment; every problem is named with its line.

    alphaforge config check alphaforge.toml
    """
    call = invocation_of(ctx)
    if file is not None:
        call.config = file
    configuration = configuration_of(ctx)
    files = [str(path) for path in configuration.files]
    if call.as_json:
        print_json({"ok": True, "files": files, "profile": configuration.profile or None})
    else:
        talk("the settings are right: " + (", ".join(files) or "no file, every key at its default"))


@app.command()
def schema(
    ctx: typer.Context,
    form: Annotated[
        SchemaFormat, typer.Option("--format", help="JSON schema, or tables of every key.")
    ] = SchemaFormat.JSON,
) -> None:
    """Write what alphaforge.toml may hold, for editors and for reading.

    alphaforge config schema > alphaforge.schema.json
    """
    from alphaforge.services.config_schema import json_schema, markdown_tables

    del ctx
    if form is SchemaFormat.MARKDOWN:
        print(markdown_tables())
    else:
        print_json(json_schema())

"""`alphaforge completion SHELL`: the script that makes a shell complete commands and options."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from alphaforge.cli.printing import talk
from alphaforge.errors import UsageError

_SHELLS = {
    "bash": "alphaforge completion bash >> ~/.bashrc",
    "zsh": "alphaforge completion zsh >> ~/.zshrc",
    "fish": "alphaforge completion fish > ~/.config/fish/completions/alphaforge.fish",
}


def completion(
    ctx: typer.Context,
    shell: Annotated[str | None, typer.Argument(metavar="bash|zsh|fish")] = None,
) -> None:
    """Print the completion script of a shell; without a name, of the one you are in.

    alphaforge completion bash >> ~/.bashrc
    """
    from typer.completion import get_completion_inspect_parameters, shell_complete

    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in _SHELLS:
        raise UsageError(
            f"there is no completion for {name}" if name else "which shell?",
            remedy="type: alphaforge completion bash, or zsh, or fish",
        )
    get_completion_inspect_parameters()
    root: Any = ctx.find_root().command
    shell_complete(root, {}, "alphaforge", "_ALPHAFORGE_COMPLETE", f"source_{name}")
    talk(f"to keep it: {_SHELLS[name]}")

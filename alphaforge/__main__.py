"""The door of the `alphaforge` command and of `python -m alphaforge`; must never do more.

The program is imported inside, so that Ctrl-C while it loads ends in a word and not in a trace.
"""

import sys


def start() -> int:
    """Run the command line of this process and return its exit code."""
    try:
        from alphaforge.cli.main import main  # noqa: PLC0415 - so that Ctrl-C while it loads is met here
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201 - what prints is not loaded yet
        return 130
    return main()


if __name__ == "__main__":
    raise SystemExit(start())

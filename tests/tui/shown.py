"""Runs the app on a scripted feed in this process's terminal: the child of the terminal tests."""

import sys

from alphaforge.tui.app import ForgeApp
from alphaforge.tui.guards import TerminalGuard, end_with_terminal, install_decoder
from alphaforge.tui.options import AppOptions
from tests.tui.scene import ScriptedFeed


def main() -> int:
    install_decoder()
    end_with_terminal()
    with TerminalGuard() as guard:
        app = ForgeApp(ScriptedFeed(), AppOptions())
        if "crash" in sys.argv:
            app.do_theme = lambda: 1 / 0  # type: ignore[method-assign]
        result = app.run()
        guard.left_cleanly()
    return result if isinstance(result, int) else app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.killtest --rounds 200 [--seed N] [--json]`: exit code 1 if anything is wrong."""

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.fake_venue.admin import serving
from tests.killtest.report import as_json, as_text
from tests.killtest.rounds import KillTest


def main() -> int:
    """Run it and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.killtest", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", type=Path, default=None, help="an empty folder for all files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="killtest-") as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with serving(folder / "venue.sock", "--seed", str(arguments.seed)) as admin:
            tally = KillTest(admin, folder, arguments.seed).run(arguments.rounds)
    if arguments.json:
        print(msgspec.json.encode(as_json(tally)).decode())
    else:
        print(as_text(tally))
    return 1 if tally.found else 0


if __name__ == "__main__":
    sys.exit(main())

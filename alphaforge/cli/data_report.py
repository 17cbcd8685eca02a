"""What was wrong with the data of a run, told on stderr when it has ended.

Must never decide whether that is an error: `--strict` did while the files were read.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from alphaforge.cli.printing import counted, talk

if TYPE_CHECKING:
    from alphaforge.marketdata.report import ReadReport


def tell_data(reports: Iterable["ReadReport"], rejected: Mapping[str, int]) -> None:
    """Name the lines that could not be read, by file, and count the events that made no sense.

    `rejected` counts events by reason.
    """
    for report in reports:
        _tell_report(report)
    for reason, count in rejected.items():
        talk(f"not passed on: {counted(count, 'event')} ({reason})")


def _tell_report(report: "ReadReport") -> None:
    for row in report.bad:
        talk(f"skipped: {row.error(report.path)}")
    if report.bad_count > len(report.bad):
        talk(f"{report.path}: {counted(report.bad_count, 'line')} skipped in all")
    if report.truncated:
        talk(f"{report.path} is not whole: what was readable was used; get the file again")
    if report.gaps:
        talk(f"{report.path}: {counted(report.gaps, 'gap')} in the order book's sequence")
    for note in report.notes:
        talk(f"{report.path}: {note}")

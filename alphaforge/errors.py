"""Every error the program raises on purpose, split by what the operator does next.

    AlphaForgeError
    ├── UsageError              exit 2    the command was typed wrong: type it again
    ├── ConfigError             exit 3    a setting is wrong: edit the named line
    ├── CredentialsError        exit 4    a key is missing or wrong: type alphaforge keys set VENUE
    ├── VenueError              exit 5    an exchange or the network: read whether anything happened
    │   ├── VenueUnavailableError             not reached: try again, or trade on --venue local
    │   ├── VenueRefusedError                 it answered no, nothing happened: change the request
    │   ├── OutcomeUnknownError               it may have happened: ask the venue, never send again
    │   └── LeaseHeldError                    another engine trades the account: end that one first
    ├── RiskRefusedError        exit 6    our own risk gate said no: change the order or the limit
    ├── NotFoundError           exit 7    no such run, file, symbol, order
    ├── NoEngineError           exit 8    nothing is running to talk to: start it
    ├── DataError               exit 1    a data file is wrong: fix the named line
    ├── StrategyError           exit 1    the strategy is wrong: fix the named frame
    ├── StoreError              exit 1    the database cannot be read or written: free or repair it
    │   └── JournalCorruptError  exit 1      a row is not what was written: restore a backup
    ├── PartlyDoneError         exit 9    some things were done: see which, do the rest
    ├── DifferenceError         exit 10   a check found differences: look at them
    └── InternalError           exit 1    a fault of ours: report it

A message says what happened, where and why; a remedy says what to type next. What a market or an
order can do in the ordinary course (a denial, a rejection, a late trade) is a value, never one of
these. This module imports nothing of the package and must never print, log or exit.
"""

from enum import IntEnum
from pathlib import Path
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process returns to the shell; the meanings are public and never change."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    CREDENTIALS = 4
    VENUE = 5
    RISK_REFUSED = 6
    NOT_FOUND = 7
    NO_ENGINE = 8
    PARTLY_DONE = 9
    DIFFERENCES = 10
    INTERRUPTED = 130


class AlphaForgeError(Exception):
    """The root of the tree; raise one of its children.

    Attributes:
        message: What happened, where and why, in one sentence without a full stop.
        remedy: What to do or type next; empty when there is nothing to suggest.
        code: A stable name for `alphaforge explain CODE`: `AF-`, a letter for the class, three
            digits. A raise may give a narrower one (`AF-C012`); the class's own ends in 00.
        exit_code: What the process returns when the error reaches the top.
    """

    default_code: ClassVar[str] = "AF-A000"
    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, *, remedy: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.code = code or self.default_code

    def __str__(self) -> str:
        return self.message


class UsageError(AlphaForgeError):
    """The command line asks for something that does not exist or does not go together."""

    default_code = "AF-U000"
    exit_code = ExitCode.USAGE


class ConfigError(AlphaForgeError):
    """A setting is unknown, of the wrong type or out of range.

    Attributes:
        path: The file that holds it; None for a flag or an environment variable.
        line: Its line, counted from 1; None when not known.
        key: Its full dotted name, `risk.max_order_value`; empty for a file that cannot be parsed.
    """

    default_code = "AF-C000"
    exit_code = ExitCode.CONFIG

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        code: str = "",
        path: Path | str | None = None,
        line: int | None = None,
        key: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.path = path
        self.line = line
        self.key = key

    def __str__(self) -> str:
        return _located(self.message, self.path, self.line, self.key)


class CredentialsError(AlphaForgeError):
    """A key of an exchange is missing, cannot be read, or is refused there.

    Never holds the key itself.
    """

    default_code = "AF-K000"
    exit_code = ExitCode.CREDENTIALS


class VenueError(AlphaForgeError):
    """An exchange, or the way to it, failed; the message says whether anything happened there.

    Raise a child, which says it by its class.
    """

    default_code = "AF-V000"
    exit_code = ExitCode.VENUE


class VenueUnavailableError(VenueError):
    """The request did not reach the venue: nothing happened there and trying again is safe."""

    default_code = "AF-V100"


class VenueRefusedError(VenueError):
    """The venue answered no: nothing happened there and the same request will fail again."""

    default_code = "AF-V200"


class OutcomeUnknownError(VenueError):
    """The request left and no answer came: it may have happened, so it is never sent again."""

    default_code = "AF-V300"


class LeaseHeldError(VenueError):
    """Another process trades the same account at the same venue: this one sent nothing."""

    default_code = "AF-V500"


class RiskRefusedError(AlphaForgeError):
    """An operator's command was refused by the risk gate; the message lists every reason."""

    default_code = "AF-R000"
    exit_code = ExitCode.RISK_REFUSED


class NotFoundError(AlphaForgeError):
    """A file, run, order, symbol or name that was asked for does not exist."""

    default_code = "AF-N000"
    exit_code = ExitCode.NOT_FOUND


class NoEngineError(AlphaForgeError):
    """The command needs a running engine and there is none."""

    default_code = "AF-E000"
    exit_code = ExitCode.NO_ENGINE


class DataError(AlphaForgeError):
    """A data file is damaged or is not what it was taken for.

    Attributes:
        path: The file.
        line: Its line, counted from 1 and with the header; None when the whole file is meant.
        column: The name of the column; empty when the whole line is meant.
        expected: What would have been right, in words.
    """

    default_code = "AF-D000"

    def __init__(  # noqa: PLR0913 - all keyword-only: the parts of one place in a file
        self,
        message: str,
        *,
        remedy: str = "",
        code: str = "",
        path: Path | str | None = None,
        line: int | None = None,
        column: str = "",
        expected: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.path = path
        self.line = line
        self.column = column
        self.expected = expected

    def __str__(self) -> str:
        column = f"column {self.column}" if self.column else ""
        text = _located(self.message, self.path, self.line, column)
        return f"{text}; expected {self.expected}" if self.expected else text


class StrategyError(AlphaForgeError):
    """A strategy file cannot be used, or a callback of it raised.

    Attributes:
        path: The strategy's file; None when it is not a file.
        line: The line of the user's own frame, counted from 1; None when not known.
    """

    default_code = "AF-S000"

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        code: str = "",
        path: Path | str | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.path = path
        self.line = line

    def __str__(self) -> str:
        return _located(self.message, self.path, self.line, "")


class StoreError(AlphaForgeError):
    """The database cannot be opened, read or written; what was committed is still there."""

    default_code = "AF-J000"


class JournalCorruptError(StoreError):
    """A row of the journal is not what was written, or the row before it is gone.

    Attributes:
        run_id: Whose journal.
        table: `inputs`, `decisions` or `recording_blocks`.
        sequence: Of the first row that fails; all rows before it are good.
    """

    default_code = "AF-J100"

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        code: str = "",
        run_id: str = "",
        table: str = "",
        sequence: int = 0,
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.run_id = run_id
        self.table = table
        self.sequence = sequence


class PartlyDoneError(AlphaForgeError):
    """Of several things asked for some were done; the message says which and which not."""

    default_code = "AF-P000"
    exit_code = ExitCode.PARTLY_DONE


class DifferenceError(AlphaForgeError):
    """A comparison ran to its end and the two sides are not the same."""

    default_code = "AF-X000"
    exit_code = ExitCode.DIFFERENCES


class InternalError(AlphaForgeError):
    """Something that cannot happen did: a fault of the program, worth a report."""

    default_code = "AF-I000"


def _located(message: str, path: Path | str | None, line: int | None, detail: str) -> str:
    """`file, line 3, column price: message`, leaving out what is not known."""
    place = [str(path)] if path is not None else []
    if line is not None:
        place.append(f"line {line}")
    if detail:
        place.append(detail)
    return f"{', '.join(place)}: {message}" if place else message

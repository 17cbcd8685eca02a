"""What a control API answers instead of 2xx, as errors with the same words and exit code.

Each is of the class that the engine itself would have raised, and a `ControlError` besides: a
screen catches all of them at once. Must never invent a remedy the engine did not give.
"""

from typing import Final

from alphaforge.client.requests import Problem
from alphaforge.errors import (
    AlphaForgeError,
    ConfigError,
    CredentialsError,
    NoEngineError,
    NotFoundError,
    PartlyDoneError,
    RiskRefusedError,
    UsageError,
    VenueError,
)


class ControlError(AlphaForgeError):
    """The engine answered no; nothing happened there beyond what the message says."""

    default_code = "AF-I000"


class ControlUsageError(ControlError, UsageError):
    """The request does not make sense to it."""

    exit_code = UsageError.exit_code


class ControlConfigError(ControlError, ConfigError):
    """A setting of the engine does not allow it."""

    exit_code = ConfigError.exit_code


class ControlForbiddenError(ControlError, CredentialsError):
    """No token, a wrong one, or one whose scope is too narrow."""

    exit_code = CredentialsError.exit_code


class ControlVenueError(ControlError, VenueError):
    """Its venue failed; the message says whether anything happened there."""

    exit_code = VenueError.exit_code


class ControlRiskError(ControlError, RiskRefusedError):
    """Its risk gate refused; the message lists every reason."""

    exit_code = RiskRefusedError.exit_code


class ControlNotFoundError(ControlError, NotFoundError):
    """It knows no such order, symbol, strategy or run."""

    exit_code = NotFoundError.exit_code


class ControlPartlyError(ControlError, PartlyDoneError):
    """It did some of it; the message says which."""

    exit_code = PartlyDoneError.exit_code


class EngineLostError(NoEngineError):
    """The engine does not answer any more.

    Attributes:
        may_have_happened: A request that changes something was on its way and its answer never
            came: look before doing it again.
    """

    default_code = "AF-E001"

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        code: str = "",
        may_have_happened: bool = False,
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.may_have_happened = may_have_happened


_KINDS: Final[dict[int, type[ControlError]]] = {
    int(kind.exit_code): kind
    for kind in (
        ControlUsageError,
        ControlConfigError,
        ControlForbiddenError,
        ControlVenueError,
        ControlRiskError,
        ControlNotFoundError,
        ControlPartlyError,
    )
}


def error_of(problem: Problem) -> ControlError:
    """The error that says what a `Problem` says."""
    kind = _KINDS.get(problem.exit_code, ControlError)
    return kind(problem.message, remedy=problem.remedy, code=problem.code)


def unreadable(reason: str) -> ControlError:
    """The error for an answer that is not in the words of this program's version."""
    return ControlError(
        f"the engine answered what this version cannot read: {reason}",
        remedy="use the version of alphaforge that started the engine",
    )

"""An error on its way to an HTTP answer: which status it has and what it says.

Must know no web framework: whoever answers makes the response.
"""

from typing import Final

from alphaforge.client.requests import Problem
from alphaforge.errors import (
    AlphaForgeError,
    ConfigError,
    CredentialsError,
    DataError,
    NoEngineError,
    NotFoundError,
    RiskRefusedError,
    StoreError,
    StrategyError,
    UsageError,
    VenueError,
)

_STATUSES: Final[tuple[tuple[type[AlphaForgeError], int], ...]] = (
    (UsageError, 400),
    (ConfigError, 400),
    (DataError, 400),
    (CredentialsError, 403),
    (NotFoundError, 404),
    (RiskRefusedError, 422),
    (StrategyError, 422),
    (VenueError, 502),
    (NoEngineError, 503),
    (StoreError, 503),
)
_OURS: Final = 500


class RefusalError(Exception):
    """An answer that is not 2xx.

    Attributes:
        status: Of HTTP.
        error: What it says.
    """

    def __init__(self, status: int, error: AlphaForgeError) -> None:
        super().__init__(str(error))
        self.status = status
        self.error = error


def status_of(error: AlphaForgeError) -> int:
    """The HTTP status that fits an error."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), _OURS)


def problem_of(error: AlphaForgeError) -> Problem:
    """The words of an error, place included, as they go to a client."""
    return Problem(
        code=error.code,
        message=str(error),
        remedy=error.remedy,
        exit_code=int(error.exit_code),
    )

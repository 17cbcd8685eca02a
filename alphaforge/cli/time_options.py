"""Times as a person types them after a flag: ISO text, an epoch number, or `7d` for days ago."""

from alphaforge.errors import UsageError


def read_time(text: str | None, flag: str) -> int | None:
    """The time in ns UTC; None for a flag that was not given; raises `UsageError`."""
    from alphaforge.marketdata.times import EXPECTED, time_ns
    from alphaforge.services.clock import SystemClock
    from alphaforge.services.flag_values import read_duration_ns
    from alphaforge.services.values import WrongValueError

    if text is None:
        return None
    try:
        if text[:1].isdigit() and text[-1:] in "smhd":
            return SystemClock().wall_ns() - read_duration_ns(text)
        return time_ns(text)
    except (ValueError, WrongValueError):
        raise UsageError(
            f"{flag} {text} is no time", remedy=f"write {EXPECTED}, or 7d for seven days ago"
        ) from None

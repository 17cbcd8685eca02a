"""Why the simulator does not notice some breakages within 500 seeds, and which test does.

Each of those tests was seen to fail on that very breakage.
"""

from typing import Final

SEEN_ELSEWHERE: Final[dict[str, str]] = {
    "horizon-without-read-lag": (
        "an arrival in the last second must meet the oldest answer, and the other margin covers "
        "one of them; tests/services/test_inquiry.py sees it"
    ),
    "horizon-without-clock-bound": (
        "an arrival in the last second must meet the slowest clock, and the other margin covers "
        "one of them; tests/services/test_inquiry.py sees it"
    ),
    "old-terms-are-taken": (
        "the next claim, pushed or asked for, brings the true terms back; "
        "tests/engine/test_claims.py sees it"
    ),
    "foreign-modifications-are-ignored": (
        "nobody but us modifies our orders here, unless a power cut takes a modification alone; "
        "tests/engine/test_claims.py sees it"
    ),
    "cursor-without-bounds": (
        "the oldest answer must meet a slow clock and a lost push in one reconciliation; "
        "tests/services/test_inquiry.py sees it"
    ),
}

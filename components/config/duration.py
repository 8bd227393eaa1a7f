"""Durations as people write them: 90m, 12h, 3d."""

import re

DURATION = re.compile(r"([1-9]\d*)([smhd])$")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MAX_SECONDS = 2**31 - 1
"""Limit of KFP."""


def seconds(text: str) -> int:
    """Seconds of a duration such as 90m.

    Raises:
        ValueError: it is not one.
    """
    found = DURATION.match(text)
    number = int(found[1]) * SECONDS[found[2]] if found else 0
    if not 0 < number <= MAX_SECONDS:
        raise ValueError("it must be a whole number followed by s, m, h or d, such as 90m")
    return number

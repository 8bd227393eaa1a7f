"""SIGTERM and SIGINT ask the loop to stop after the step it is in, with a checkpoint."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Preempted(KeyboardInterrupt):
    """Training was asked to stop; a checkpoint holds all it did. To whoever runs it this is what Ctrl-C always is."""


class StopRequest:
    """Whether a signal has asked to stop; a second one acts at once, as it would without us."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Listen for SIGTERM and SIGINT while training (main thread only)."""
    request = StopRequest()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, _frame: FrameType | None) -> None:
        request.signal = number
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Signals ask the loop to stop; whoever runs it sees what Ctrl-C always is."""

import os
import signal
from collections.abc import Iterator

import pytest

from stillhouse.components.training.preemption import Preempted, stop_request


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, even where the tests run in the background and it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_to_stop(number: signal.Signals) -> None:
    with stop_request() as stop:
        assert not stop
        os.kill(os.getpid(), number)
        assert stop
        assert stop.signal == number


def test_a_second_ctrl_c_acts_at_once(ctrl_c: None) -> None:
    with stop_request():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with stop_request():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_stopped_training_ends_a_step_as_ctrl_c_does() -> None:
    with pytest.raises(KeyboardInterrupt):
        raise Preempted("stopped at step 3 of 8")

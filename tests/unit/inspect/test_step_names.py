"""Where the names of steps and parameters are spelled out again, they are the same."""

import inspect as signatures

from stillhouse.components.inspect.component import inspect
from stillhouse.components.inspect.inspect import Inspected
from stillhouse.components.inspect.settings import STEPS, Parameters
from stillhouse.components.runtime import steps


def test_every_step_but_the_first_has_settings_in_the_order_they_run() -> None:
    assert tuple(STEPS) == steps.STEPS[1:]


def test_the_first_step_hands_on_the_settings_of_all_others() -> None:
    assert Inspected._fields[-len(STEPS) :] == tuple(STEPS)


def test_the_first_step_is_given_each_parameter_by_its_name() -> None:
    given = set(signatures.signature(inspect.python_func).parameters)  # pyrefly: ignore[missing-attribute]
    assert given - {"gpus", "pretrains", "scheduled_time"} == set(Parameters.model_fields)

"""Checkpoints are found again by the same command, and by no other."""

import pytest

from stillhouse.components.storage.fingerprint import fingerprint

SETTINGS = {"loop": {"epochs": 3, "seed": 1}, "task": "text"}


def test_the_same_inputs_have_the_same_fingerprint_in_any_order_of_keys() -> None:
    turned = {"task": "text", "loop": {"seed": 1, "epochs": 3}}
    assert fingerprint("finetune", SETTINGS, ["a", "b"]) == fingerprint("finetune", turned, ["a", "b"])


@pytest.mark.parametrize(
    ("step", "settings", "inputs"),
    [
        ("distill", SETTINGS, ["a", "b"]),
        ("finetune", {**SETTINGS, "loop": {"epochs": 4, "seed": 1}}, ["a", "b"]),
        ("finetune", SETTINGS, ["a", "c"]),
    ],
    ids=["step", "settings", "inputs"],
)
def test_another_step_setting_or_input_has_another(step: str, settings: dict, inputs: list[str]) -> None:
    assert fingerprint(step, settings, inputs) != fingerprint("finetune", SETTINGS, ["a", "b"])


def test_it_begins_with_the_name_of_the_step() -> None:
    assert fingerprint("finetune", SETTINGS, []).startswith("finetune-")

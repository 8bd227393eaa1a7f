"""Models that are a few arrays: their file, and answers out of logits."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from stillhouse.components.models.array_files import WEIGHTS, answers_of, load_arrays


def test_arrays_come_in_the_order_of_the_names(tmp_path: Path) -> None:
    save_file({"one": np.array([1.0]), "two": np.array([2.0])}, tmp_path / WEIGHTS)
    assert [float(array[0]) for array in load_arrays(tmp_path, ("two", "one"))] == [2.0, 1.0]


@pytest.mark.parametrize("content", [b"", b"\x80\x04."])
def test_a_file_that_is_not_safetensors_is_said(content: bytes, tmp_path: Path) -> None:
    (tmp_path / WEIGHTS).write_bytes(content)
    with pytest.raises(ValueError, match=r"^model\.safetensors cannot be read: "):
        load_arrays(tmp_path, ("one",))


def test_an_array_that_is_missing_is_said(tmp_path: Path) -> None:
    save_file({"one": np.array([1.0])}, tmp_path / WEIGHTS)
    with pytest.raises(ValueError, match=r"^model\.safetensors cannot be read: 'two'"):
        load_arrays(tmp_path, ("two",))


def test_answers_are_probabilities_or_the_number_itself() -> None:
    logits = np.array([[0.0, np.log(3)], [-1000.0, 1000.0]])
    assert answers_of("classes", logits) == pytest.approx(np.array([[0.25, 0.75], [0.0, 1.0]]))
    assert answers_of("multi_label", logits) == pytest.approx(np.array([[0.5, 0.75], [0.0, 1.0]]))
    assert answers_of("number", logits[:, :1]).tolist() == [[0.0], [-1000.0]]

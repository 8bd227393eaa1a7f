"""Gradient-boosted trees as a model of its own."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from stillhouse.components.models.boosted_trees import BoostedTrees, Trees


def _trees() -> Trees:
    """A tree on a number (column 1; missing goes left) for label 0, and one on categories 1 and 40 (column 0; missing
    goes right) for label 1."""
    sets = np.zeros((1, 8), np.uint32)
    sets[0, 0], sets[0, 1] = 1 << 1, 1 << 8
    return Trees(
        roots=np.array([0, 3], np.int32),
        labels=np.array([0, 1], np.int32),
        feature=np.array([1, -1, -1, 0, -1, -1], np.int32),
        value=np.array([2.5, 1.0, -1.0, 0.0, 3.0, 0.5]),
        left=np.array([1, 0, 0, 4, 0, 0], np.int32),
        right=np.array([2, 0, 0, 5, 0, 0], np.int32),
        missing_left=np.array([True, False, False, False, False, False]),
        category_set=np.array([-1, -1, -1, 0, -1, -1], np.int32),
        sets=sets,
    )


ROWS = np.array([[1, 2.5], [40, 2.6], [2, np.nan], [np.nan, -9.0], [255, np.inf]])
LOGITS = [[1.0, 5.0], [-1.0, 5.0], [1.0, 2.5], [1.0, 2.5], [-1.0, 2.5]]
"""Label 1 begins with 2."""
BIAS = np.array([0.0, 2.0])


def test_rows_go_left_up_to_the_threshold_and_by_sets_of_categories() -> None:
    assert BoostedTrees("number", BIAS, _trees()).score(ROWS).tolist() == LOGITS


def test_classes_are_a_softmax_and_labels_of_a_set_a_sigmoid_each() -> None:
    classes = BoostedTrees("classes", BIAS, _trees()).score(ROWS)
    labels = BoostedTrees("multi_label", BIAS, _trees()).score(ROWS)
    assert classes[0] == pytest.approx([1 / (1 + np.exp(4)), 1 / (1 + np.exp(-4))])
    assert labels[0] == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-5))])


def test_a_label_without_trees_is_answered_with_its_bias() -> None:
    bias = np.array([0.0, 2.0, -np.inf])
    assert BoostedTrees("classes", bias, _trees()).score(ROWS)[:, 2].tolist() == [0.0] * 5
    assert BoostedTrees("multi_label", bias, _trees()).score(ROWS)[:, 2].tolist() == [0.0] * 5


def test_no_trees_at_all_answer_with_the_bias() -> None:
    none = Trees(*(array[:0] for array in _trees()))
    assert BoostedTrees("number", np.array([3.5]), none).score(ROWS).tolist() == [[3.5]] * 5


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    BoostedTrees("number", BIAS, _trees()).save(tmp_path)
    loaded = BoostedTrees.load(tmp_path, "number")
    assert loaded.score(ROWS).tolist() == LOGITS
    assert loaded.parameters == 6 + 2


def test_arrays_that_lie_otherwise_in_memory_are_written_in_their_order(tmp_path: Path) -> None:
    """safetensors writes memory as it lies."""
    wide = np.zeros((6, 2))
    wide[:, 0] = _trees().value
    BoostedTrees("number", BIAS, _trees()._replace(value=wide[:, 0])).save(tmp_path)
    assert BoostedTrees.load(tmp_path, "number").score(ROWS).tolist() == LOGITS


@pytest.mark.parametrize(
    ("name", "array", "why"),
    [
        ("left", np.array([0, 0, 0, 4, 0, 0], np.int32), "a node does not lead on"),  # in a circle
        ("right", np.array([9, 0, 0, 5, 0, 0], np.int32), "a node does not lead on"),
        ("roots", np.array([0, 6], np.int32), "a node is not there"),
        ("labels", np.array([0, 2], np.int32), "a node is not there"),
        ("category_set", np.array([-1, -1, -1, 1, -1, -1], np.int32), "a node is not there"),
        ("feature", np.array([-2, -1, -1, 0, -1, -1], np.int32), "a node is not there"),
        ("value", np.zeros(5), "its arrays are not of one length"),
        ("sets", np.zeros((1, 4), np.uint32), "its sets are not of 256 bits"),
    ],
)
def test_a_file_that_does_not_hang_together_is_refused(name: str, array: np.ndarray, why: str, tmp_path: Path) -> None:
    BoostedTrees("number", BIAS, _trees()).save(tmp_path)
    save_file(load_file(tmp_path / "model.safetensors") | {name: array}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=rf"does not hold trees: {why}"):
        BoostedTrees.load(tmp_path, "number")


def test_a_file_that_is_not_of_this_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be read"):
        BoostedTrees.load(tmp_path, "number")
    save_file({"other": np.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be read: 'bias'"):
        BoostedTrees.load(tmp_path, "number")
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x04 a pickle")
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be read"):
        BoostedTrees.load(tmp_path, "number")

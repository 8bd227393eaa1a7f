"""Where candidate and champion are held against each other: by value, on labels that only one of them knows."""

import numpy as np
from measuring import measure

from stillhouse.components.targets.labels import Classes, LabelSets, Number
from stillhouse.components.targets.shared_labels import OTHER, SharedLabels, listed, respelt

OURS = ["billing", "hardware", "login"]
THEIRS = ["billing", "login", "refund"]
TARGETS = np.array([0, 0, 1, 2, 2, 1])


def one_hot(answers: list[str], labels: list[str]) -> np.ndarray:
    return np.eye(len(labels))[[labels.index(answer) for answer in answers]]


SHARED = SharedLabels(Classes(OURS), Classes(THEIRS))


def test_rows_count_whose_label_both_know() -> None:
    assert SHARED.known(TARGETS).tolist() == [True, True, False, True, True, False]


def test_labels_are_shared_added_or_lost() -> None:
    assert (SHARED.shared, SHARED.added, SHARED.lost) == (["billing", "login"], ["hardware"], ["refund"])


def test_targets_are_told_by_the_shared_labels() -> None:
    assert SHARED.targets(TARGETS[SHARED.known(TARGETS)]).tolist() == [0, 0, 1, 1]


def test_an_answer_outside_the_shared_labels_is_wrong_and_no_class_of_its_own() -> None:
    candidate = one_hot(["billing", "hardware", "login"], OURS)
    champion = one_hot(["billing", "refund", "login"], THEIRS)
    for scores, labels in ((candidate, OURS), (champion, THEIRS)):
        here = SHARED.scores(scores, labels)
        assert here.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
        found = measure("classes", here, SHARED.targets(np.array([0, 0, 2])), SHARED.target.labels)
        # billing: one of two found, nothing else called so: 2/3; login: 1.
        assert np.isclose(found["f1_macro"], (2 / 3 + 1) / 2)
        assert np.isclose(found["accuracy"], 2 / 3)


def test_the_same_labels_in_another_order_are_the_same() -> None:
    both = SharedLabels(Classes(["a", "b"]), Classes(["b", "a"]))
    champion = np.array([[0.1, 0.9], [0.8, 0.2]])

    assert both.same_labels
    assert both.scores(champion, both.theirs.labels).tolist() == [[0.9, 0.1], [0.2, 0.8]]
    assert both.targets(np.array([0, 1])).tolist() == [0, 1]


def test_of_label_sets_a_row_counts_when_both_know_all_its_labels() -> None:
    targets = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]], np.float32)
    sets = SharedLabels(LabelSets(OURS), LabelSets(THEIRS))
    known = sets.known(targets)
    assert known.tolist() == [True, False, True, True]
    assert sets.target.labels == ["billing", "login", OTHER]
    assert sets.targets(targets[known]).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]

    answered = np.array([[0.9, 0.7, 0.2], [0, 0, 0], [0.1, 0.2, 0.8], [0.1, 0.3, 0.2]])
    here = sets.scores(answered[known], OURS)
    assert here.tolist() == [[0.9, 0.2, 0.7], [0.1, 0.8, 0.2], [0.1, 0.2, 0.3]]
    # 'hardware' on a row of billing is a false positive: 2 hits of 3 answers, 2 wanted.
    found = measure("multi_label", here, sets.targets(targets[known]), sets.target.labels)
    assert np.isclose(found["f1_micro"], 4 / 5)


def test_numbers_are_compared_on_all_rows() -> None:
    numbers, targets = SharedLabels(Number(), Number()), np.array([1.0, 2.0])
    assert numbers.known(targets).all()
    assert numbers.scores(np.array([[5.0]]), []).tolist() == [[5.0]]
    assert numbers.targets(targets).tolist() == [1.0, 2.0]


def test_labels_that_are_only_written_otherwise_are_found() -> None:
    lost, added = ["Spam", "log in", "refund"], ["spam", "Log-In", "hardware"]
    assert respelt(lost, added) == {"Spam": "spam", "log in": "Log-In"}


def test_many_labels_are_cut_in_a_sentence() -> None:
    assert listed(["a", "b", "c"], most=2) == "'a', 'b' and 1 more"

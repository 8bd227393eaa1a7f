"""Where candidate and champion are held against each other: by value, on labels that only one of them knows."""

import numpy as np

from stillhouse.components.evaluate.ground import OTHER, Ground, listed, respelt
from stillhouse.components.targets.label_metrics import measure

OURS = ["billing", "hardware", "login"]
THEIRS = ["billing", "login", "refund"]
TARGETS = np.array([0, 0, 1, 2, 2, 1])
SEEN_LAST_LOGIN = np.array([True, True, True, True, False, True])


def one_hot(answers: list[str], labels: list[str]) -> np.ndarray:
    return np.eye(len(labels))[[labels.index(answer) for answer in answers]]


def ground(targets: np.ndarray = TARGETS, unseen: np.ndarray = SEEN_LAST_LOGIN) -> Ground:
    return Ground.of("classes", OURS, THEIRS, targets, unseen)


def test_rows_count_whose_label_both_know_and_which_the_champion_never_saw() -> None:
    assert ground().rows.tolist() == [True, True, False, True, False, False]


def test_labels_are_shared_added_or_lost() -> None:
    assert (ground().shared, ground().added, ground().lost) == (["billing", "login"], ["hardware"], ["refund"])


def test_targets_are_told_by_the_shared_labels() -> None:
    assert ground().targets(TARGETS).tolist() == [0, 0, 1]


def test_an_answer_outside_the_shared_labels_is_wrong_and_no_class_of_its_own() -> None:
    candidate = one_hot(["billing", "hardware", "hardware", "login", "login", "hardware"], OURS)
    champion = one_hot(["billing", "refund", "billing", "login", "login", "refund"], THEIRS)
    for scores, labels in ((candidate, OURS), (champion, THEIRS)):
        here = ground().scores(scores, labels)
        assert here.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
        found = measure("classes", here, ground().targets(TARGETS), ground().labels)
        # billing: one of two found, nothing else called so: 2/3; login: 1.
        assert np.isclose(found["f1_macro"], (2 / 3 + 1) / 2)
        assert np.isclose(found["accuracy"], 2 / 3)


def test_the_same_labels_in_another_order_are_the_same_ground() -> None:
    both = Ground.of("classes", ["a", "b"], ["b", "a"], np.array([0, 1]), np.ones(2, bool))
    champion = np.array([[0.1, 0.9], [0.8, 0.2]])

    assert both.same_labels
    assert both.scores(champion, both.theirs).tolist() == [[0.9, 0.1], [0.2, 0.8]]
    assert both.targets(np.array([0, 1])).tolist() == [0, 1]


def test_of_label_sets_a_row_counts_when_both_know_all_its_labels() -> None:
    targets = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]], np.float32)
    sets = Ground.of("multi_label", OURS, THEIRS, targets, np.ones(4, bool))
    assert sets.rows.tolist() == [True, False, True, True]
    assert sets.labels == ["billing", "login", OTHER]
    assert sets.targets(targets).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]

    answered = np.array([[0.9, 0.7, 0.2], [0, 0, 0], [0.1, 0.2, 0.8], [0.1, 0.3, 0.2]])
    here = sets.scores(answered, OURS)
    assert here.tolist() == [[0.9, 0.2, 0.7], [0.1, 0.8, 0.2], [0.1, 0.2, 0.3]]
    # 'hardware' on a row of billing is a false positive: 2 hits of 3 answers, 2 wanted.
    assert np.isclose(measure("multi_label", here, sets.targets(targets), sets.labels)["f1_micro"], 4 / 5)


def test_numbers_are_compared_on_all_rows_that_the_champion_never_saw() -> None:
    numbers = Ground.of("number", [], [], np.array([1.0, 2.0]), np.array([True, False]))
    assert numbers.scores(np.array([[5.0], [6.0]]), []).tolist() == [[5.0]]
    assert numbers.targets(np.array([1.0, 2.0])).tolist() == [1.0]


def test_labels_that_are_only_written_otherwise_are_found() -> None:
    lost, added = ["Spam", "log in", "refund"], ["spam", "Log-In", "hardware"]
    assert respelt(lost, added) == {"Spam": "spam", "log in": "Log-In"}


def test_many_labels_are_cut_in_a_sentence() -> None:
    assert listed(["a", "b", "c"], most=2) == "'a', 'b' and 1 more"

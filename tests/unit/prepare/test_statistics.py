"""Statistics of a dataset and drift between two."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.prepare.rows import Row, digest
from stillhouse.components.prepare.statistics import read_reference
from stillhouse.components.prepare.write_dataset import Prepared
from stillhouse.components.targets.profile import Profile
from stillhouse.components.tasks import task_of


def dataset(texts: list[str], targets: list[Any], kind: Any = "classes", labels: Any = ("ham", "spam")) -> Prepared:
    rows = [Row(digest(text), {"text": text}, target, (), "train") for text, target in zip(texts, targets, strict=True)]
    splits: Any = {"train": rows, "validation": [], "test": [], "unlabelled": []}
    spec = Spec(format=1, task="text_classification", target=kind, labels=list(labels), content_digest="")
    return Prepared(task_of(spec), splits, len(rows), {}, [])


def profile_of(prepared: Prepared) -> Profile:
    return prepared.task.profile(
        [row.example for rows in prepared.splits.values() for row in rows], [row.target for row in prepared.labelled]
    )


def reference(prepared: Prepared) -> dict[str, Any]:
    """What a later run reads of this one."""
    return json.loads(json.dumps({"target": prepared.kind, "statistics": profile_of(prepared).statistics()}))


def test_statistics_count_words_labels_and_lengths() -> None:
    found = profile_of(dataset(["a b a", "a" * 40], [0, 1])).statistics()
    assert found["labels"] == {"ham": 0.5, "spam": 0.5}
    assert found["words"] == {"total": 4, "distinct": 3, "shares": {"a": 0.5, "a" * 40: 0.25, "b": 0.25}}
    assert found["characters"] == {"mean": 22.5, "median": 22.5, "largest": 40}
    assert sum(found["lengths"]["counts"]) == 2


def test_a_length_lies_between_the_edges_of_its_bin() -> None:
    lengths = profile_of(dataset(["a" * 999, "b" * 1000], [0, 1])).statistics()["lengths"]
    assert [lengths["edges"][i] for i, count in enumerate(lengths["counts"]) if count] == pytest.approx(
        [562.3, 1000], 1e-3
    )


def test_rows_that_lost_their_label_do_not_count_as_labelled() -> None:
    prepared = dataset(["a", "b", "c"], [0, 1, 1])
    prepared.splits["unlabelled"].append(prepared.splits["train"].pop())
    assert profile_of(prepared).statistics()["labels"] == {"ham": 0.5, "spam": 0.5}


def test_a_dataset_has_not_drifted_from_itself(texts: Callable[[int], list[str]]) -> None:
    prepared = dataset(texts(40), [0, 1] * 20)
    assert profile_of(prepared).drift(reference(prepared)) == {"words": 0, "lengths": 0, "labels": 0}


def test_other_words_of_the_same_length_are_drift_of_words_alone() -> None:
    before, after = dataset(["aa bb", "cc dd"], [0, 1]), dataset(["xx yy", "zz dd"], [0, 1])
    drift = profile_of(after).drift(reference(before))
    assert (drift["lengths"], drift["labels"]) == (0, 0)
    assert 0.7 < drift["words"] < 1


def test_the_distance_of_disjoint_lengths_is_one() -> None:
    before, after = dataset(["a", "b"], [0, 1]), dataset(["a " * 500, "b " * 500], [0, 1])
    assert profile_of(after).drift(reference(before))["lengths"] == pytest.approx(1)


def test_the_distance_of_label_shares_is_that_of_the_formula() -> None:
    before, after = dataset(["a", "b"], [0, 1]), dataset(["a", "b"], [0, 0])
    # P = (1/2, 1/2), Q = (1, 0), M = (3/4, 1/4): the root of (H(M) - (H(P) + H(Q)) / 2) in bits.
    assert profile_of(after).drift(reference(before))["labels"] == pytest.approx(0.5579, abs=1e-4)


def test_a_new_label_is_drift() -> None:
    before, after = dataset(["a", "b"], [0, 1]), dataset(["a", "b"], [0, 2], labels=("ham", "spam", "news"))
    assert profile_of(after).drift(reference(before))["labels"] > 0.5


def test_numbers_are_compared_in_the_bins_of_the_reference() -> None:
    texts = [f"text {i}" for i in range(100)]
    before = dataset(texts, [float(i) for i in range(100)], "number", ())
    near, far = (dataset(texts, [i + shift for i in range(100)], "number", ()) for shift in (0.5, 500.0))
    known = reference(before)
    assert profile_of(near).drift(known)["labels"] < 0.1
    assert profile_of(far).drift(known)["labels"] > 0.8


def test_another_kind_of_target_is_all_drift() -> None:
    before = dataset(["a", "b"], [0.5, 1.5], "number", ())
    assert profile_of(dataset(["a", "b"], [0, 1])).drift(reference(before))["labels"] == 1


def test_a_reference_is_read_from_its_uri(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{"format": 1}')
    assert read_reference(str(tmp_path / "dataset.json")) == {"format": 1}
    assert read_reference(f"file://{tmp_path}/dataset.json") == {"format": 1}


def test_a_reference_that_is_gone_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_reference(str(tmp_path / "dataset.json")) is None
    assert "is gone" in caplog.text

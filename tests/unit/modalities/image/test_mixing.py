"""Labels of mixed pictures."""

import pytest
import torch

from stillhouse.components.modalities.image.mixing import with_mixed_labels

SHARE = torch.tensor([0.75, 1.0, 0.5])


def test_a_batch_that_is_not_mixed_stays_as_it_is() -> None:
    batch = {"labels": torch.tensor([0, 1])}
    assert with_mixed_labels(batch, 2) is batch


def test_classes_become_shares_and_nothing_where_there_is_no_label() -> None:
    batch = {"labels": torch.tensor([0, 1, -100]), "other_labels": torch.tensor([2, 0, 1]), "own_share": SHARE}
    assert with_mixed_labels(batch, 3)["labels"].tolist() == [[0.75, 0, 0.25], [0, 1, 0], [0, 0.5, 0]]


@pytest.mark.parametrize("shape", [(3,), (3, 2)], ids=["numbers", "label sets"])
def test_numbers_and_label_sets_are_mixed_as_they_are(shape: tuple[int, ...]) -> None:
    batch = {"labels": torch.ones(shape), "other_labels": torch.zeros(shape), "own_share": SHARE}
    mixed = with_mixed_labels(batch, 2)["labels"]
    assert mixed.reshape(3, -1)[:, 0].tolist() == SHARE.tolist()

"""All parts together on the real tables that scikit-learn ships."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn import datasets
from torch.nn.functional import cross_entropy, mse_loss

from stillhouse.components.modalities.tabular.baseline import fit_boosting, rows_for_boosting
from stillhouse.components.modalities.tabular.build import new_model
from stillhouse.components.modalities.tabular.columns import fit_columns
from stillhouse.components.modalities.tabular.encode import Encoded, encode
from stillhouse.components.modalities.tabular.samples import TabularSamples
from stillhouse.components.models.tabular_settings import TabularArchitecture

TEST_SHARE = 0.25
Parts = tuple[dict[str, pa.Array], np.ndarray, dict[str, pa.Array], np.ndarray]


def _parts(data: Any) -> Parts:
    """Columns and targets of training rows, and of test rows."""
    order = np.random.default_rng(0).permutation(len(data.data))
    test, train = np.split(order, [int(TEST_SHARE * len(order))])
    names = list(data.feature_names)
    tables = [{name: pa.array(data.data[rows, i]) for i, name in enumerate(names)} for rows in (train, test)]
    return tables[0], data.target[train], tables[1], data.target[test]


def _learnt(encoded: Encoded, samples: TabularSamples, labels: int, epochs: int) -> tuple[Any, np.ndarray]:
    """Logits [rows, labels] of a small MLP for the rows of `encoded`, once it has learnt from `samples`."""
    torch.manual_seed(0)
    model = new_model(samples.columns, TabularArchitecture(network="mlp", layers=1, width=32), {"num_labels": labels})
    optimizer = torch.optim.AdamW(model.parameters(), 0.003, weight_decay=0.01)
    for epoch in range(epochs):
        order = np.random.default_rng(epoch).permutation(len(samples.lengths))
        for rows in np.array_split(order, -(-len(order) // 32)):
            batch = samples.batch(rows, epoch)
            logits = model(batch["numbers"], batch["categories"]).logits
            loss = cross_entropy(logits, batch["labels"]) if labels > 1 else mse_loss(logits[:, 0], batch["labels"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.inference_mode():
        logits = model(torch.from_numpy(encoded.numbers), torch.from_numpy(encoded.categories)).logits
    return model, logits.numpy()


@pytest.mark.parametrize(
    ("data", "num_columns", "boosting", "network"),
    [
        (datasets.load_wine(), 13, 0.93, 0.95),
        (datasets.load_breast_cancer(), 30, 0.93, 0.95),
    ],
    ids=["wine", "breast cancer"],
)
def test_classes_are_learnt(data: Any, num_columns: int, boosting: float, network: float) -> None:
    train, targets, test, wanted = _parts(data)
    columns = fit_columns(train)
    assert [column.kind for column in columns.columns] == ["number"] * num_columns
    labels = len(data.target_names)
    trees = fit_boosting(columns, train, "classes", targets, labels, 0)
    assert (trees.score(rows_for_boosting(columns, test)).argmax(axis=1) == wanted).mean() >= boosting
    _, logits = _learnt(encode(columns, test), TabularSamples(columns, encode(columns, train), targets), labels, 8)
    assert (logits.argmax(axis=1) == wanted).mean() >= network


def test_a_number_is_learnt() -> None:
    train, targets, test, wanted = _parts(datasets.load_diabetes())
    columns = fit_columns(train)
    assert (len(columns.columns), columns.left_out) == (10, {})
    trees = fit_boosting(columns, train, "number", targets, 0, 0)
    mean, spread = targets.mean(), targets.std()
    samples = TabularSamples(columns, encode(columns, train), (targets - mean) / spread)
    _, logits = _learnt(encode(columns, test), samples, 1, 4)
    error = np.square(targets.mean() - wanted).mean()
    assert np.square(trees.score(rows_for_boosting(columns, test))[:, 0] - wanted).mean() < 0.75 * error
    assert np.square(logits[:, 0] * spread + mean - wanted).mean() < 0.75 * error


def test_pixels_that_are_always_white_are_left_out() -> None:
    train, _, _, _ = _parts(datasets.load_digits())
    left_out = fit_columns(train).left_out
    assert {"pixel_0_0", "pixel_4_0", "pixel_4_7"} <= set(left_out)
    assert set(left_out.values()) == {"has the same value in all training rows"}

"""What a model on pictures has to beat: principal components with a linear model."""

from collections.abc import Sequence

import numpy as np

from stillhouse.components.modalities.image.decode import decode
from stillhouse.components.modalities.linear import fit_linear
from stillhouse.components.models.pca_linear import PcaLinear

SIDE = 28
"""Pixels either way that pictures are resized to."""
NUM_COMPONENTS = 100
MOST_ROWS = 20_000
"""Training rows that are looked at; drawn at random where there are more."""
REGULARISATION = 1.0
"""Inverse strength of the logistic regression's."""


def fit_pca_linear(
    target: str, pictures: Sequence[bytes], targets: np.ndarray, num_labels: int, seed: int
) -> PcaLinear:
    """Fit logistic regression (one against the rest for multi_label, ridge for number) on principal components.

    A class or label without a training row is never answered.

    Args:
        target: classes, multi_label or number.
        pictures: files of the training rows, which `decode` takes.
        targets: int64 [rows], float32 [rows, labels] or float64 [rows].
        num_labels: classes or labels that are answered.
        seed: of the draw of rows.
    """
    from sklearn.decomposition import PCA

    chosen = np.arange(len(pictures))
    if len(chosen) > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, MOST_ROWS, replace=False))
    rows, targets = rows_for_pca([pictures[row] for row in chosen.tolist()]), targets[chosen]
    # Exact, and the same each time: randomised solvers are quicker only on far wider rows.
    pca = PCA(min(NUM_COMPONENTS, *rows.shape), svd_solver="covariance_eigh").fit(rows)  # pyrefly: ignore[bad-argument-type]
    weights, bias = fit_linear(target, pca.transform(rows), targets, num_labels, seed, REGULARISATION)
    return PcaLinear(target, pca.mean_, pca.components_, weights, bias)


def rows_for_pca(pictures: Sequence[bytes]) -> np.ndarray:
    """What `PcaLinear.score` is given: float32 [pictures, 28 * 28 * 3], from 0 to 1."""
    from PIL import Image

    rows = np.zeros((len(pictures), SIDE * SIDE * 3), np.float32)
    for row, data in enumerate(pictures):
        image = Image.fromarray(decode(data)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        rows[row] = np.asarray(image, np.float32).ravel() / 255
    return rows

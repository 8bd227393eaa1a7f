"""The strong baseline on pictures."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from stillhouse.components.modalities.image.baseline import fit_pca_linear, rows_for_pca
from stillhouse.components.models.pca_linear import PcaLinear

CLASSES = np.arange(36) % 3


def _files() -> list[bytes]:
    """Noise; the brighter the greater the class."""
    noise = np.random.default_rng(0).integers(0, 100, (36, 4, 4, 3))
    files = []
    for pixels, label in zip(noise, CLASSES, strict=True):
        file = io.BytesIO()
        Image.fromarray((pixels + 60 * label).astype(np.uint8)).save(file, "PNG")
        files.append(file.getvalue())
    return files


FILES = _files()
ROWS = rows_for_pca(FILES)


def test_answers_are_those_of_scikit_learn_and_survive_saving(tmp_path: Path) -> None:
    fitted = fit_pca_linear("classes", FILES, CLASSES, 3, 0)
    expected = make_pipeline(PCA(36), LogisticRegression(solver="newton-cg")).fit(ROWS, CLASSES).predict_proba(ROWS)
    np.testing.assert_allclose(fitted.score(ROWS), expected, atol=2e-3)
    assert (fitted.score(ROWS).argmax(1) == CLASSES).all()
    fitted.save(tmp_path)
    loaded = PcaLinear.load(tmp_path, "classes")
    assert (loaded.score(ROWS) == fitted.score(ROWS)).all()
    assert loaded.parameters == 2352 + 36 * 2352 + 3 * 36 + 3


def test_a_class_without_a_row_is_never_answered() -> None:
    scores = fit_pca_linear("classes", FILES, np.where(CLASSES == 1, 3, CLASSES), 5, 0).score(ROWS)
    assert (scores[:, [1, 4]] == 0).all()
    assert scores.sum(1) == pytest.approx(1)


def test_labels_of_a_set_and_numbers() -> None:
    labels = np.stack([CLASSES == 2, np.zeros(36), CLASSES > 0], axis=1).astype(np.float32)
    scores = fit_pca_linear("multi_label", FILES, labels, 3, 0).score(ROWS)
    assert ((scores >= 0.5) == (labels > 0.5)).all()
    assert (scores[:, 1] == 0).all()
    values = fit_pca_linear("number", FILES, CLASSES * 10.0, 1, 0).score(ROWS)
    assert values.shape == (36, 1)
    assert np.abs(values[:, 0] - CLASSES * 10).max() < 5


def test_a_file_that_is_not_of_this_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be read"):
        PcaLinear.load(tmp_path, "classes")
    arrays = {"mean": np.zeros(3), "components": np.zeros((2, 3)), "weights": np.zeros((4, 2)), "bias": np.zeros(5)}
    save_file(arrays, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="holds arrays whose shapes do not fit each other"):
        PcaLinear.load(tmp_path, "classes")

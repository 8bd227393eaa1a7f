"""A whole run on a folder of small pictures: from files to answers."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from pictures import CORNERS, picture
from runs import Outcome, run_recipe, stillhouse

pytestmark = pytest.mark.pipeline

TINY = {"loop": {"epochs": 10, "batch_tokens": 16}, "optimizer": {"learning_rate": 0.01}}
BROKEN = {"empty.pgm": b"", "cut off.pgm": b"P5\n12 12\n255\n...", "notes.png": b"not a picture"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder for each class, and in one of them files that are not pictures."""
    folder, draw = tmp_path_factory.mktemp("photos"), np.random.default_rng(1)
    for corner, name in enumerate(CORNERS):
        (folder / name).mkdir()
        for number in range(70):
            (folder / name / f"{number}.pgm").write_bytes(picture(corner, draw))
    for name, content in BROKEN.items():
        (folder / CORNERS[0] / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def outcome(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("run")
    recipe = {
        "name": "corners",
        "task": "image_classification",
        "budget": "none",
        "data": {"source": str(photos), "columns": {"image": "image", "label": "label"}},
        "model": {
            "teacher": {"layers": 2, "width": 8},
            "student": {"architecture": {"layers": 2, "width": 6}},
        },
        "input": {"flip": False, "shift": 0.1},
        "prepare": {"near_duplicates": 1.0},
        "pretrain": {"objective": "autoencoder", "loop": {"epochs": 1, "batch_tokens": 16}},
        "finetune": TINY,
        "distill": TINY,
        # Networks so small take no time that could be compared.
        "promote": {"within_teacher": 0.3, "must_beat": ["majority"], "max_latency_vs_teacher": 100.0},
    }
    (folder / "corners.yaml").write_text(yaml.safe_dump(recipe))
    return run_recipe(folder / "corners.yaml", folder / "runs")


def test_a_model_is_promoted(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.printed
    assert outcome.verdict["decision"] == "promoted", outcome.printed
    models = outcome.verdict["evaluation"]["models"]
    assert {"student", "teacher", "majority", "pca_logistic"} <= models.keys()
    assert models["teacher"]["metrics"]["accuracy"]["value"] > 0.7


def test_what_is_not_a_picture_is_dropped_and_counted(outcome: Outcome) -> None:
    described = next(outcome.folder.rglob("dataset.json"), None) or next(outcome.folder.parent.rglob("dataset.json"))
    dropped = json.loads(described.read_text())["dropped"]
    assert dropped == {"empty": 1, "truncated or broken": 1, "not a picture of a known format": 1}


def test_the_promoted_model_answers_pictures(outcome: Outcome, tmp_path: Path) -> None:
    draw = np.random.default_rng(9)
    for number, corner in enumerate([0, 1, 2] * 4):
        (tmp_path / f"{number:02}.pgm").write_bytes(picture(corner, draw))
    answers = tmp_path / "answers.parquet"
    done = stillhouse("predict", "models:/corners@champion", tmp_path, "--out", answers, home=outcome.folder.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    found = pq.read_table(answers)["predicted_label"].to_pylist()  # the folder has a column label
    assert np.mean([label == CORNERS[corner] for label, corner in zip(found, [0, 1, 2] * 4, strict=True)]) > 0.6

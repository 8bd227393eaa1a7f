"""evaluation.json of this release and of 0.1.0; that evaluate's is read whole is tested beside evaluate."""

import json
from pathlib import Path

from stillhouse.components.artifacts.evaluation import Evaluation

BEFORE = Path(__file__).parents[2] / "data/verdict-by-5c44ae6/verdict.json"
"""Holds an evaluation with a champion."""


def before() -> Evaluation:
    return Evaluation.model_validate(json.loads(BEFORE.read_text())["evaluation"])


def test_an_evaluation_of_0_1_0_is_read_whole() -> None:
    assert before().model_dump(mode="json") == json.loads(BEFORE.read_text())["evaluation"]


def test_what_0_1_0_did_not_know_is_empty() -> None:
    found = before()

    assert (found.champion, found.seed, found.candidates, found.latency_ratio_bounds) == (None, None, {}, {})
    assert (found.evidence.half_rows, found.evidence.still_gaining, found.trained_with) == (None, [], {})
    assert found.models["tfidf_logistic"].bytes is None


def test_its_figures_have_their_names() -> None:
    found = before()

    assert (found.main_metric, found.greater_is_better, found.confidence) == ("f1_macro", True, 0.95)
    assert (found.rows.test, found.rows.unseen_by_champion, found.differences["champion"].rows) == (40, 25, 25)
    assert found.estimate("student") == found.models["student"].metrics["f1_macro"]
    assert found.slices["list=no"].rows == 30
    assert [measures.label for measures in found.models["student"].per_label] == ["ham", "spam"]

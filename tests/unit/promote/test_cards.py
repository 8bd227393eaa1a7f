"""Model card and technical file: facts of the verdict, and what is not known."""

from typing import Any

import pytest
from huggingface_hub import ModelCard
from tests.unit.promote.conftest import BEATEN, Workplace, facts

from stillhouse.components.artifacts.nights import nights_of
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.promote.approval import decide
from stillhouse.components.promote.model_card import NOT_KNOWN, About, model_card
from stillhouse.components.promote.technical_file import POINTS, technical_file

NAMES = ("model_card.md", "technical_file.md")


def about(verdict: dict[str, Any], spec: dict[str, Any] | None = None) -> About:
    """What a card is made from."""
    model = {"load": "transformers", "git_sha": "c0ffee", "stillhouse_version": "0.1.0"}
    return About(Verdict.model_validate(verdict), Spec.model_validate(facts("a") | (spec or {})), model, "d" * 64)


def read(card: str) -> Any:
    """The metadata, as the hub's own reader has them."""
    return ModelCard(card).data


def test_both_lie_beside_the_model_in_the_run_and_as_outputs(workplace: Workplace) -> None:
    workplace.promote("a")
    champion = workplace.record.champion
    assert champion
    for name in NAMES:
        text = workplace.store.get(f"cards/{champion.digest}/{name}")
        assert text == (workplace.folder / "home" / "run-a" / name).read_bytes()
        assert text == (workplace.folder / "run-a" / name).read_bytes()
        assert champion.digest.encode() in text


def test_a_model_that_is_not_promoted_has_none_in_the_store(workplace: Workplace) -> None:
    workplace.promote("a", {"differences/teacher/upper": -0.5})

    assert list(workplace.store.list("cards")) == []
    card = (workplace.folder / "run-a" / "model_card.md").read_text()
    assert "not promoted" in card
    assert "- The gate within_teacher failed: " in card


def test_a_candidate_that_waited_has_them_when_it_is_approved(workplace: Workplace) -> None:
    workplace.promote("a", approval="human")
    assert list(workplace.store.list("cards")) == []
    decide(workplace.store, workplace.name, approves=True, by="Ada")
    champion = workplace.record.champion

    assert champion
    assert b"| decision | promoted |" in workplace.store.get(f"cards/{champion.digest}/model_card.md")
    assert [night.decision for night in nights_of(workplace.store, workplace.name)] == ["promoted"]


def test_the_hub_reads_the_metadata(workplace: Workplace) -> None:
    bases = [{"address": "hf://google/bert@" + "c" * 40}]
    found = read(model_card(about(workplace.promote("a"), {"bases": bases})))

    assert (found.pipeline_tag, found.library_name, found.license) == ("text-classification", "transformers", "unknown")
    assert found.base_model == ["google/bert"]
    assert found.tags == ["stillhouse", "text_classification"]
    assert found.eval_results
    result = found.eval_results[0]
    assert (result.task_type, result.metric_type, result.metric_value) == ("text-classification", "f1_macro", 0.97)


@pytest.mark.parametrize(
    ("task", "target", "tag"),
    [
        ("tabular", "number", "tabular-regression"),
        ("tabular", "classes", "tabular-classification"),
        ("recommendation", "items", None),
        ("of-a-package-that-is-not-here", "classes", None),
    ],
)
def test_kinds_that_the_hub_has_no_word_for_have_no_tag(
    workplace: Workplace, task: str, target: str, tag: str | None
) -> None:
    found = read(model_card(about(workplace.promote("a"), {"task": task, "target": target})))

    assert found.pipeline_tag == tag


def test_the_card_is_of_the_candidate(workplace: Workplace) -> None:
    verdict = workplace.promote("a", BEATEN)
    result = read(model_card(about(verdict))).eval_results

    assert verdict["candidate"] == "tfidf_logistic"
    assert result
    assert result[0].metric_value == 0.99


def test_what_is_not_known_is_said(workplace: Workplace) -> None:
    text = model_card(about(workplace.promote("a")))

    assert f"| licence | {NOT_KNOWN} |" in text
    assert "What it is meant for, and what it must not be used for: not known to the run." in text
    assert "| code | Stillhouse 0.1.0, commit c0ffee |" in text


def test_text_of_the_data_breaks_neither_table_nor_metadata(workplace: Workplace) -> None:
    spec = {"source": "a|b\n---\nc", "labels": ["x|y", "---"]}
    text = model_card(about(workplace.promote("a"), spec))

    assert "| source | a\\|b --- c |" in text
    assert read(text).pipeline_tag == "text-classification"


def test_the_technical_file_has_every_point_of_the_annex(workplace: Workplace) -> None:
    text = technical_file(about(workplace.promote("a")))
    numbers = [line.split()[1] for line in text.splitlines() if line.startswith("## ")]

    assert numbers == [f"{number}." for number in range(1, 10)]
    assert [f"{point.number} {point.title}" in text for point in POINTS] == [True] * 25
    assert f"## 5. Risk management\n\n{NOT_KNOWN}\n" in text

"""Candidates beside the anchor: on rows that it never saw and that have not decided too often."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.decided_rows import DecidedRows
from stillhouse.components.evaluate import anchor as module
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.row_key import row_key


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLHOUSE_STORE", str(tmp_path / "store"))


def entry(folder: Path, digest: str) -> dict[str, str]:
    return {"version": "3", "digest": digest, "uri": str(folder)}


def told(champion: Path, anchor: dict[str, Any], **more: Any) -> str:
    return json.dumps({**entry(champion, "c" * 64), "anchor": anchor, **more})


def test_a_champion_that_is_the_anchor_is_asked_once(
    workplace: Any, evaluate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = workplace.write_model("one", saw=10)
    monkeypatch.setattr(module, "answers_of", lambda *_: pytest.fail("it was asked again"))
    found = evaluate(workplace, champion=told(model, entry(model, "c" * 64))).document

    champion = found["differences"]["champion"]
    assert found["anchor"] == {
        "name": "anchor (version 3)",
        "digest": "c" * 64,
        "compared": True,
        "why_not": "",
        "spared": 0,
    }
    assert (found["to_anchor"]["rows"], found["to_anchor"]["difference"]) == (30, champion["difference"])
    assert found["candidates"]["tfidf_logistic"]["to_anchor"]["rows"] == 30
    assert found["shelf_life"] == {"rows": 40, "fresh": 40, "fresh_since_champion": 40, "times": 0, "limit": 100}


def test_another_anchor_is_compared_on_rows_of_its_own_that_are_not_used_up(workplace: Any, evaluate: Any) -> None:
    champion, anchor = workplace.write_model("young", saw=0), workplace.write_model("old", width=32, saw=10)
    hashes = read_split(workplace.folder / "dataset", "test").hashes
    decided = DecidedRows(row_key(local_store())).after(hashes[:25], 1).after(hashes[:15], 2)
    more = {"decided": decided.put(local_store()), "look": 1, "shelf_life": 2}

    found = evaluate(workplace, champion=told(champion, entry(anchor, "a" * 64), **more)).document

    assert (found["anchor"]["digest"], found["anchor"]["spared"]) == ("a" * 64, 5)
    assert found["to_anchor"]["rows"] == 25  # the last ones: 10 it learnt from, 5 others have decided twice
    assert found["differences"]["champion"]["rows"] == 40
    assert found["shelf_life"] == {"rows": 40, "fresh": 15, "fresh_since_champion": 15, "times": 2, "limit": 2}


def test_an_anchor_that_is_gone_is_said(workplace: Any, evaluate: Any, tmp_path: Path) -> None:
    champion = workplace.write_model("here", saw=0)
    found = evaluate(workplace, champion=told(champion, entry(tmp_path / "gone", "a" * 64))).document

    assert not found["anchor"]["compared"]
    assert found["anchor"]["why_not"].startswith("its model cannot be read")
    assert "to_anchor" not in found


def test_rows_that_differ_weigh_what_the_measure_gives_them() -> None:
    from stillhouse.components.evaluate.intervals import Measured, paired_estimate

    generator = np.random.default_rng(0)
    first = Measured({"f": 0.9}, {"f": generator.normal(0.9, 0.03, 2000)})
    second = Measured({"f": 0.9}, {"f": np.full(2000, 0.9)})
    errors = np.zeros(100), np.r_[np.ones(4), np.zeros(96)]

    found = paired_estimate("f", first, second, errors)

    assert found["standard_error"] == pytest.approx(0.03, rel=0.05)
    assert found["row_cost"] == pytest.approx(0.015, rel=0.05)  # four rows make a spread of 0.03, not of 0.02
    assert paired_estimate("f", second, second, (errors[0], errors[0]))["row_cost"] == 0.01

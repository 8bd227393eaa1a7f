"""A home folder with a store, small candidates, and evaluations to hold against the gates."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.promotion_record import Record, load
from stillhouse.components.artifacts.verdict import Gate
from stillhouse.components.promote.gates import judge
from stillhouse.components.promote.promote import promote
from stillhouse.components.promote.settings import Inspected, PromoteSettings
from stillhouse.components.storage.store import Store, open_store
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

GOOD: dict[str, Any] = {
    "format": 1,
    "task": "text_classification",
    "main_metric": "f1_macro",
    "greater_is_better": True,
    "confidence": 0.95,
    "rows": {"test": 1000, "unseen_by_champion": None},
    "models": {
        "student": {"metrics": {"f1_macro": {"value": 0.97, "low": 0.96, "high": 0.98}}, "bytes": 4_000_000},
        "teacher": {
            "metrics": {"f1_macro": {"value": 0.975, "low": 0.965, "high": 0.985}},
            "bytes": 9_000_000,
        },
    },
    "differences": {
        "teacher": {"rows": 1000, "difference": -0.005, "lower": -0.01, "upper": 0.0, "p_value": 0.2},
        "majority": {"rows": 1000, "difference": 0.5, "lower": 0.45, "upper": 0.55, "p_value": 0.0},
    },
    "latency_ratio": {"teacher": 0.4},
    "slices": {},
    "notes": ["TF-IDF with logistic regression is better."],
}
"""An evaluation that passes all default gates."""


ABOUT: dict[str, Any] = {
    "name": "champion (version 1)",
    "digest": "",
    "compared": True,
    "why_not": "",
    "rows": 1000,
    "shared_labels": ["ham", "spam"],
    "lost_labels": [],
    "respelt_labels": {},
    "added_labels": {},
}
"""What an evaluation says of a champion that it compares; it names no digest, so that any may be meant."""

CHAMPION: dict[str, Any] = {
    "champion": ABOUT,
    "differences/champion": {"rows": 1000, "difference": 0.0, "lower": -0.002, "upper": 0.01, "p_value": 1.0},
    "latency_ratio/champion": 1.0,
    "anchor": {"name": "anchor", "digest": "d1", "compared": True},
    "to_anchor": {"rows": 1000, "difference": 0.0, "standard_error": 0.001, "row_cost": 0.001},
}
"""What is added when there was a champion to compare with, and an anchor."""


def facts(weights: str) -> dict[str, Any]:
    """dataset.json of the data that a candidate is made from."""
    rows = {"train": 8000, "validation": 1000, "test": 1000, "unlabelled": 0}
    kind = {"format": 1, "task": "text_classification", "target": "classes", "labels": ["ham", "spam"]}
    columns = {"text": ["text"], "label": "label"}
    return {
        **kind,
        "columns": columns,
        "rows": rows,
        "source": "/data/mails.parquet",
        "content_digest": f"data-{weights}",
    }


BEATEN: dict[str, Any] = {
    "differences/tfidf_logistic": {
        "rows": 1000,
        "difference": -0.052,
        "lower": -0.083,
        "upper": -0.021,
        "p_value": 0.0,
    },
    "models/tfidf_logistic": {
        "metrics": {"f1_macro": {"value": 0.99, "low": 0.98, "high": 1.0}},
        "title": "TF-IDF + logistic regression",
        "bytes": 1_000_000,
    },
    "candidates": {
        "tfidf_logistic": {
            "differences": {
                "majority": {"rows": 1000, "difference": 0.6, "lower": 0.55, "upper": 0.65, "p_value": 0.0},
                "champion": {"rows": 1000, "difference": 0.05, "lower": 0.03, "upper": 0.07, "p_value": 0.0},
            },
            "latency_ratio": {"champion": 0.1},
            "latency_ratio_bounds": {"champion": [0.09, 0.11]},
            "slices": {},
            "to_anchor": {"rows": 1000, "difference": 0.05, "standard_error": 0.001, "row_cost": 0.001},
        }
    },
    "evidence": {
        "half_rows": {"rows": 2000, "of": 4000, "difference": 0.031, "lower": 0.01, "upper": 0.05},
        "random_start": True,
        "still_gaining": ["finetune", "distill"],
    },
}
"""What is changed when the student is worse than TF-IDF with a linear model."""

Changes = dict[str, Any]
"""Values by their path: keys with '/' between them."""
Evaluate = Callable[..., Evaluation]
Gates = Callable[..., dict[str, Gate]]


def _evaluate(changes: Changes | None = None, *, champion: bool = False) -> dict[str, Any]:
    """A good evaluation with some values replaced; `champion` says whether one was compared.

    None takes a part away that is only there with a champion.
    """
    document = copy.deepcopy(GOOD)
    for path, value in copy.deepcopy({**(CHAMPION if champion else {}), **(changes or {})}).items():
        *parents, last = path.split("/")
        inner = document
        for key in parents:
            inner = inner[key]
        inner[last] = value
        if value is None and path in CHAMPION:
            del inner[last]
    if not champion:
        for candidate in document.get("candidates", {}).values():
            for what in ("differences", "latency_ratio", "latency_ratio_bounds"):
                candidate[what].pop("champion", None)
            candidate.pop("to_anchor", None)
    return document


@pytest.fixture
def evaluate() -> Evaluate:
    """Makes evaluations, see `_evaluate`."""

    def make(changes: Changes | None = None, *, champion: bool = False) -> Evaluation:
        return Evaluation.model_validate(_evaluate(changes, champion=champion))

    return make


@dataclass
class Workplace:
    """Everything that the step promote meets, in one folder."""

    folder: Path
    name: str
    test_rows: np.ndarray = field(default_factory=lambda: np.arange(1000, dtype=np.int64))
    """Short hashes of the rows that candidates are tested on."""
    learnt_rows: np.ndarray = field(default_factory=lambda: np.arange(2000, 2100, dtype=np.int64))
    """Of those that they learn from."""
    seen_rows: np.ndarray = field(default_factory=lambda: np.arange(3000, 3010, dtype=np.int64))
    """Of those without a label."""

    @property
    def store(self) -> Store:
        return open_store(self.folder / "home" / "store")

    @property
    def record(self) -> Record:
        return load(self.store, self.name)[0]

    def student(self, weights: str) -> Path:
        """A model folder whose content depends on `weights`."""
        folder = self.folder / f"student-{weights}"
        folder.mkdir(exist_ok=True)
        (folder / "model.safetensors").write_text(weights)
        (folder / "config.json").write_text("{}")
        info = {"target": "classes", "labels": ["ham", "spam"], "dataset_digest": f"data-{weights}"}
        (folder / "model.json").write_text(json.dumps(info))
        return folder

    def baseline(self, weights: str) -> Path:
        """The same of TF-IDF with a linear model."""
        folder = self.student(f"{weights} words")
        about = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps({**about, "load": "tfidf_linear"}))
        return folder

    def promote(
        self,
        weights: str,
        changes: Changes | None = None,
        *,
        inputs: str = "",
        against: str | None = "",
        run: str = "",
        recipe: dict[str, Any] | None = None,
        **settings: Any,
    ) -> dict[str, Any]:
        """Run the step on the candidate `weights`; its verdict.

        Args:
            changes: Of the evaluation, which is a good one otherwise.
            inputs: What inspect says the candidate is made from; `weights` when left out.
            against: Weights of the champion that inspect saw (None: none); the present one by default.
            run: Id of the pipeline run, by default made of `weights`.
            recipe: What inspect was asked for.
        """
        folder = self.folder / (run or f"run-{weights}")
        folder.mkdir(exist_ok=True)
        dataset = folder / "dataset"
        dataset.mkdir(exist_ok=True)
        (dataset / "dataset.json").write_text(json.dumps(facts(weights)))
        (dataset / "card.html").write_text("<main>card</main>")
        (folder / "report.html").write_text("<main><p>report</p></main>")
        seen = self.record.champion if against == "" else self._entry(against)
        anchor = self.record.reference if seen else None
        evaluation = _evaluate(changes, champion=seen is not None)
        if anchor and not (changes or {}).get("anchor"):
            evaluation["anchor"]["digest"] = anchor.digest
        save_file({"hashes": self.test_rows}, dataset / "test_rows.safetensors")
        save_file({"labelled": self.learnt_rows, "unlabelled": self.seen_rows}, dataset / "learnt_rows.safetensors")
        (folder / "evaluation.json").write_text(json.dumps(evaluation))
        step = StepRun("promote", folder.name, self.folder / "home")
        promote(
            PromoteSettings(
                model_name=self.name,
                task="text_classification",
                inspected=Inspected(
                    inputs=inputs or weights,
                    champion=seen.alone() if seen else None,
                    anchor=anchor,
                    recipe=recipe or {},
                ),
                **settings,
            ),
            snapshot=json.dumps({"inputs": f"prepare {weights}", "reference": None, "champion": None, "window": None}),
            dataset=str(dataset),
            student=str(self.student(weights)),
            baseline=str(self.baseline(weights)),
            evaluation=str(folder / "evaluation.json"),
            report=str(folder / "report.html"),
            verdict=str(folder / "verdict.json"),
            summary=str(folder / "summary.md"),
            lock=str(folder / "recipe_lock"),
            cards={name: str(folder / name) for name in ("model_card.md", "technical_file.md")},
            run=step,
        )
        return json.loads((folder / "verdict.json").read_text())

    def _entry(self, weights: str | None) -> Any:
        record = self.record
        data = f"data-{weights}"
        return next((e for e in (record.champion, record.previous) if e and e.dataset_digest == data), None)

    def weights(self, alias: str) -> str | None:
        """Weights of the model behind an alias of MLflow."""
        from stillhouse.components.tracking.registry import resolve

        try:
            return (resolve(f"models:/{self.name}@{alias}") / "model.safetensors").read_text()
        except UserError:
            return None


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """MLflow's database for all tests of this folder; to make one takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def workplace(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, database: str
) -> Workplace:
    """A home with an empty store and a model name of its own."""
    name = request.node.name.replace("[", "-").replace("]", "")[:90]
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", name)
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    return Workplace(tmp_path, name)


@pytest.fixture
def promoted(workplace: Workplace) -> Workplace:
    """b is the champion, a was the one before."""
    workplace.promote("a")
    workplace.promote("b")
    return workplace


@pytest.fixture
def no_mlflow(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not there; the step does not wait long for it."""
    from stillhouse.components.tracking import settings

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr(settings, "REGISTRY_SECONDS", 0.2)


Together = Callable[[Callable[[int], Any], int], list[Any]]


@pytest.fixture
def together() -> Together:
    """Run a function in several threads at the same moment, with the number of each; their answers."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    def race(function: Callable[[int], Any], workers: int) -> list[Any]:
        barrier = Barrier(workers)

        def work(number: int) -> Any:
            barrier.wait()
            return function(number)

        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(work, range(workers)))

    return race


@pytest.fixture
def gates(evaluate: Evaluate) -> Gates:
    """The gates by name, of an evaluation with some changes and of some settings."""

    def judged(changes: dict[str, Any] | None = None, *, champion: bool = False, **settings: Any) -> dict[str, Gate]:
        chosen = PromoteSettings(model_name="spam", task="text_classification", **settings)
        return {gate.name: gate for gate in judge(evaluate(changes, champion=champion), chosen)}

    return judged

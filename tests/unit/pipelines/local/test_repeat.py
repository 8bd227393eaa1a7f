"""A run is trained again from its proof alone: what goes into its home, and what is said of the two."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from tampering import promoted

from stillhouse.components.artifacts.kept import model_key
from stillhouse.components.artifacts.promotion_record import Entry, load
from stillhouse.components.artifacts.proof import Proof
from stillhouse.components.signing.envelope import Unverified, seal
from stillhouse.components.signing.keys import FILE, SECRET, TRUSTED, signing_key
from stillhouse.components.storage.digests import PROOF, SIGNATURE
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.store import FileStore
from stillhouse.errors import UserError
from stillhouse.pipelines.local.repeat import ELSEWHERE, Repeat

RECIPE = {"name": "mails", "task": "text_classification", "seed": 3, "data": {"source": "/data/mails.parquet"}}
TRAINED_WITH = {
    "finetune": {"base": "", "architecture": {"layers": 1}, "loop": {"epochs": 2, "seed": 3}},
    "distill": {"student": {"layers": 1, "base": ""}, "loop": {"epochs": 4, "seed": 3}},
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (FILE, SECRET, TRUSTED, *ELSEWHERE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def statement(run: str, champion: Entry | None = None, weights: str = "a" * 64) -> dict[str, Any]:
    """What a run was signed as, as far as it is read here."""
    gate = {"name": "beat_majority", "passed": True, "measured": 0.51}
    fast = {"name": "latency_vs_teacher", "passed": True, "measured": 0.31 if run == "then" else 0.29}
    entry = champion and champion.model_dump(mode="json")
    digests = [
        {"name": "dataset", "digest": {"sha256": "d" * 64}},
        {"name": "code", "digest": {"gitCommit": "1" * 40}},
        {"name": "packages", "digest": {"sha256": run}, "annotations": {"torch": "2.15.0"}},
        {"name": "hardware", "annotations": {"processor": "EPYC", "threads": 1, "accelerators": []}},
    ]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "model.safetensors", "digest": {"sha256": weights}},
            {"name": "model.json", "digest": {"sha256": run}},
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "externalParameters": {"model_name": "mails", "recipe": RECIPE},
                "internalParameters": {
                    "trained_with": TRAINED_WITH,
                    "record_before": {"champion": entry, "anchor": entry, "ledger": {"looks": 4, "spent": 0.01}},
                },
                "resolvedDependencies": digests,
            },
            "runDetails": {"metadata": {"invocationId": run}},
            "stillhouse_verdict": {"decision": "promoted", "gates": [gate, fast]},
        },
    }


def sealed(folder: Path, document: dict[str, Any], *, signed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    key = signing_key(local_store()) if signed else None
    (folder / PROOF).write_bytes(seal(json.dumps(document).encode(), key))
    return folder / PROOF


def test_it_brings_recipe_and_champion_of_then_into_a_home_of_its_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = promoted(home).entry
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example")
    repeat = Repeat(sealed(home / "then", statement("then", champion)), home)
    recipe = yaml.safe_load(repeat.write().read_text())

    assert repeat.home == home / "repeats/then"
    assert (recipe["budget"], recipe["seed"], recipe["finetune"]["loop"]) == ("none", 3, {"epochs": 2})
    assert os.environ["STILLHOUSE_HOME"] == str(repeat.home)
    assert "MLFLOW_TRACKING_URI" not in os.environ
    store = FileStore(repeat.home / "store")
    record, _ = load(store, "mails")
    assert record.champion is not None and record.champion.digest == champion.digest
    assert (record.anchor, record.ledger.looks) == (record.champion, 4)
    files = {entry.key.rpartition("/")[2] for entry in store.list(model_key(champion.digest))}
    assert "model.safetensors" in files
    assert not {PROOF, SIGNATURE} & files


def test_a_champion_that_is_gone_is_said(home: Path) -> None:
    entry = promoted(home).entry.model_copy(update={"digest": "f" * 64})
    repeat = Repeat(sealed(home / "then", statement("then", entry)), home)
    repeat.write()
    assert repeat.notes == [
        f"The champion and the anchor of then are not in {home / 'store'} any more: the verdict is reached without."
    ]


def told(home: Path, changed: dict[str, Any]) -> tuple[bool, list[str]]:
    repeat = Repeat(sealed(home / "then", statement("then")), home)
    said: list[str] = []
    sealed(home / "now", changed)
    return repeat.compare(home / "now", said.append), said


def test_the_same_weights_and_the_same_gates_are_the_same(home: Path) -> None:
    same, said = told(home, statement("now"))
    assert same
    assert said == [
        "dataset    the same",
        "code       the same",
        "packages   the same",
        "hardware   the same",
        "weights    the same, bit for bit",
        "verdict    the same: promoted, and each gate",
    ]


def test_what_differs_is_said_and_how_far(home: Path) -> None:
    changed = statement("now", weights="b" * 64)
    dependencies = changed["predicate"]["buildDefinition"]["resolvedDependencies"]
    dependencies[0]["digest"] = {"sha256": "e" * 64}
    dependencies[1]["digest"] = {"gitCommit": "2" * 40}
    dependencies[2]["annotations"] = {"torch": "2.16.0"}
    dependencies[3]["annotations"] = {"processor": "Xeon", "threads": 1, "accelerators": []}
    changed["predicate"]["stillhouse_verdict"] = {
        "decision": "rejected",
        "gates": [{"name": "beat_majority", "passed": False, "measured": -0.1}],
    }
    same, said = told(home, changed)
    assert not same
    assert said == [
        "dataset    differs: sha256 dddddddddddd then, eeeeeeeeeeee now",
        "code       differs: gitCommit 111111111111 then, 222222222222 now",
        "packages   differs: torch 2.15.0 then, 2.16.0 now",
        "hardware   differs: processor EPYC then, Xeon now",
        "weights    1 of 1 files differ (model.safetensors)",
        "verdict    promoted then, rejected now; gate beat_majority: 0.51 (held) then, -0.1 (failed) now; "
        "gate latency_vs_teacher: 0.31 (held) then, none now",
    ]


def test_a_proof_that_was_changed_is_refused_and_one_that_nobody_signed_is_said(home: Path) -> None:
    path = sealed(home / "then", statement("then"))
    assert Repeat(path, home).notes == []
    path.write_bytes(path.read_bytes().replace(b'"sig": "ME', b'"sig": "MD'))
    with pytest.raises(Unverified):
        Repeat(path, home)
    unsigned = sealed(home / "then", statement("then"), signed=False)
    assert Repeat(unsigned, home).notes == ["Nobody has signed the proof."]
    assert Proof.read(unsigned.read_bytes(), "", None).run == "then"


def test_a_run_without_a_recipe_cannot_be_repeated(home: Path) -> None:
    document = statement("then")
    document["predicate"]["buildDefinition"]["externalParameters"]["recipe"] = {}
    with pytest.raises(UserError, match="the run then has trained no models by a recipe"):
        Repeat(sealed(home / "then", document), home)
    with pytest.raises(UserError, match="cannot be read"):
        Repeat(home / "nothing", home)

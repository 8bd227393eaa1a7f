"""The service follows the record. KServe is played: its controller runs nowhere here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.artifacts.promotion_record import Entry, Record
from stillhouse.components.promote import serving
from stillhouse.components.promote.serving import serve
from stillhouse.components.storage.store import Store, open_store

READY = {"conditions": [{"type": "Ready", "status": "True"}]}


class KServe:
    """An InferenceService; after each change its status is what comes next in `after`, and the last for ever."""

    def __init__(self, uri: str = "s3://bucket/models/old", *after: dict[str, Any]) -> None:
        self.service: dict[str, Any] = {
            "metadata": {"generation": 1},
            "spec": {"predictor": {"model": {"storageUri": uri}}},
            "status": {"observedGeneration": 1, **READY},
        }
        self.after = list(after)
        self.asked: list[dict[str, str]] = []
        self.changes = 0

    def get_namespaced_custom_object(self, **where: str) -> dict[str, Any]:
        self.asked.append(where)
        if self.changes and self.after:
            self.service["status"] = self.after.pop(0)
        return self.service

    def patch_namespaced_custom_object(self, body: dict[str, Any], **where: str) -> dict[str, Any]:
        self.changes += 1
        self.service["spec"]["predictor"]["model"].update(body["spec"]["predictor"]["model"])
        self.service["metadata"]["generation"] += 1
        return self.service

    @property
    def uri(self) -> str:
        return self.service["spec"]["predictor"]["model"]["storageUri"]


Play = Callable[[KServe], list[str]]


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """A champion, of the kind that the parameter says."""
    kind = getattr(request, "param", "transformers")
    about = {"run": "r", "dataset_digest": "d", "statistics_uri": "s", "promoted_at": "2026-11-22"}
    entry = Entry(digest="new", uri="models/new", load=kind, **about)
    return Record().promoted(entry)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Holds that model."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.json").write_text("{}")
    store = open_store(tmp_path / "store")
    store.put_folder(tmp_path / "model", "models/new")
    return store


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, record: Record, store: Store) -> Play:
    """The notes of `serve` before a KServe."""
    monkeypatch.setenv("STILLHOUSE_SERVING", "shop/champion")
    monkeypatch.setattr(serving, "POLL_SECONDS", 0.0)

    def run(kserve: KServe) -> list[str]:
        monkeypatch.setattr(serving, "_api", lambda: kserve)
        return serve(record, store)

    return run


def test_the_service_gets_the_champions_address_and_is_waited_for(play: Play, store: Store) -> None:
    loading = {"observedGeneration": 2, "modelStatus": {"transitionStatus": "InProgress"}, **READY}
    kserve = KServe("s3://bucket/models/old", loading, {"observedGeneration": 2, **READY})
    assert play(kserve) == []
    assert (kserve.uri, kserve.after) == (store.uri("models/new"), [])
    assert (kserve.asked[0]["namespace"], kserve.asked[0]["name"]) == ("shop", "champion")


@pytest.mark.parametrize("record", ["tfidf_linear"], indirect=True)
def test_a_champion_that_it_cannot_load_is_said_and_nothing_is_changed(play: Play) -> None:
    kserve = KServe()
    (note,) = play(kserve)
    assert note.startswith(
        "The service shop/champion goes on with the model that it has: it loads transformers, and the"
    )
    assert (kserve.changes, kserve.asked) == (0, [])


def test_what_the_service_said_of_the_model_before_does_not_count(play: Play) -> None:
    kserve = KServe("s3://bucket/models/old", {"observedGeneration": 1, **READY}, {"observedGeneration": 2, **READY})
    assert play(kserve) == []
    assert kserve.after == []


def test_a_service_that_has_the_champion_is_left_as_it_is(play: Play, store: Store) -> None:
    kserve = KServe(store.uri("models/new"))
    assert play(kserve) == []
    assert (kserve.changes, len(kserve.asked)) == (0, 1)


def test_a_model_that_cannot_be_loaded_is_a_note_in_kserves_words(play: Play) -> None:
    failed = {"transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": {"message": "no such bucket"}}
    (note,) = play(KServe("s3://bucket/models/old", {"observedGeneration": 2, "modelStatus": failed}))
    assert note == (
        "The service shop/champion does not serve the champion (it could not load the model: no such bucket); "
        "the next run or rollback tries again."
    )


def test_a_model_that_was_changed_is_not_handed_to_it(play: Play, tmp_path: Path) -> None:
    (tmp_path / "store/models/new/model.json").write_text("[]")
    kserve = KServe()
    (note,) = play(kserve)
    assert "model.json' is damaged" in note
    assert (kserve.changes, kserve.uri) == (0, "s3://bucket/models/old")


def test_a_service_that_is_not_ready_in_time_is_a_note(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "READY_SECONDS", 0.01)
    waiting = {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "False", "message": "no GPU"}]}
    (note,) = play(KServe("s3://bucket/models/old", waiting))
    assert "it was not ready within 0 s; no GPU" in note


def test_a_cluster_out_of_reach_undoes_no_promotion(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(KServe):
        def get_namespaced_custom_object(self, **where: str) -> dict[str, Any]:
            raise ConnectionError("no route")

    (note,) = play(Away())
    assert "does not serve the champion (no route)" in note


def test_nothing_is_asked_where_no_service_is_named(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STILLHOUSE_SERVING", raising=False)
    monkeypatch.setattr(serving, "_api", lambda: pytest.fail("asked"))
    assert serve(record, open_store("s3://bucket")) == []

"""A bucket that was copied under another name, the old one removed: promoted models are found in the new one."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from stillhouse.components.artifacts.kept import place_of
from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.prepare.statistics import read_reference
from stillhouse.components.promote.presence import present
from stillhouse.components.storage.store import Store, open_store
from stillhouse.errors import UserError

OLD = Entry(
    digest="abc",
    uri="s3://old-bucket/team/models/abc",
    run="r",
    dataset_digest="d",
    statistics_uri="s3://old-bucket/team/datasets/d/dataset.json",
    reference="s3://old-bucket/team/datasets/c/dataset.json",
    reference_model="s3://old-bucket/team/models/before",
    promoted_at="2026-11-22T00:00:00+00:00",
)
"""As 5c44ae6 wrote it."""


@pytest.fixture
def renamed(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A copy of the bucket `old-bucket`, which is no more."""
    name = f"new-{uuid4().hex}"
    s3.create_bucket(Bucket=name)
    monkeypatch.setenv("STILLHOUSE_STORE", f"s3://{name}/renamed")
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_text("weights")
    store = open_store(f"s3://{name}/renamed")
    store.put_folder(model, "models/abc")
    store.put("datasets/d/dataset.json", b'{"read": 7}')
    return store


def test_model_and_statistics_are_read_from_the_new_bucket(renamed: Store) -> None:
    champion = present(renamed, "spam", OLD)

    store, key = place_of(champion.uri)
    assert store.get(f"{key}/model.safetensors") == b"weights"
    assert read_reference(champion.statistics_uri) == {"read": 7}
    assert (champion.reference, champion.reference_model) == (
        "store://datasets/c/dataset.json",
        "store://models/before",
    )


def test_what_was_not_copied_is_one_sentence(renamed: Store) -> None:
    renamed.delete("models/abc/model.safetensors")

    with pytest.raises(UserError, match=r"its model is not whole at s3://new-\w+/renamed/models/abc; copy it back"):
        present(renamed, "spam", OLD)

"""A file of torchvision's weights as a base: looked at, fetched, and known by its content."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models.resnet import BasicBlock, ResNet

from stillhouse.components.artifacts.base_facts import facts_of, look
from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.components.artifacts.weights_file import is_weights_file
from stillhouse.components.inspect.bases import resolve_base
from stillhouse.components.modalities.image.preprocessing import Preprocessing
from stillhouse.components.storage.store import open_store
from stillhouse.errors import UserError
from stillhouse.pipelines.recipes.check_base import settle_base


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state_dict of a small ResNet with three labels."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    torch.manual_seed(0)
    torch.save(ResNet(BasicBlock, [1, 1, 1, 1], num_classes=3).state_dict(), tmp_path / "small.pth")
    return tmp_path / "small.pth"


@pytest.mark.parametrize(
    ("address", "is_one"),
    [("a/b.pth", True), ("s3://bucket/b.PT", True), ("hf://owner/b.pt", False), ("a.pth/", False), ("a.bin", False)],
)
def test_a_file_of_weights_is_told_by_its_name(address: str, is_one: bool) -> None:
    assert is_weights_file(address) == is_one


def test_it_is_fetched_as_a_folder_with_the_preprocessing_that_was_published(weights: Path) -> None:
    folder = fetch_model(str(weights))
    asked = Preprocessing.load(folder)
    assert (asked.shortest, asked.size, asked.crop, asked.resample) == (256, None, (224, 224), 2)
    assert (asked.mean, asked.spread) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert {"config.json", "model.safetensors"} <= {path.name for path in folder.iterdir()}
    assert fetch_model(str(weights)) == folder


def test_in_a_bucket_it_is_the_same_base(weights: Path, tmp_path: Path, s3: Any, bucket: str) -> None:
    s3.upload_file(str(weights), bucket, "bases/small.pth")
    there = f"s3://{bucket}/bases/small.pth"
    base = resolve_base(there, open_store(tmp_path / "store"))
    assert look(base.address) == look(str(weights))
    assert fetch_model(there) == fetch_model(str(weights))
    with pytest.raises(UserError, match=rf"^base 's3://{bucket}/bases/gone\.pth' .*; check"):
        fetch_model(f"s3://{bucket}/bases/gone.pth")


def test_a_run_says_what_it_is(weights: Path, tmp_path: Path) -> None:
    base = resolve_base(str(weights), open_store(tmp_path / "store"))
    assert base.is_seen
    facts = facts_of(base.address, base.digest, look(base.address))
    assert facts.lines()[0] == (
        f"Base {weights}: ResNetForImageClassification (resnet), tensors used 36 of 36, digest {base.digest[:12]}."
    )
    assert "pictures are resized to 256 pixels, cut to 224" in facts.lines()[1]
    weights.write_bytes(weights.read_bytes() + b" ")
    assert resolve_base(str(weights), open_store(tmp_path / "store")).digest != base.digest


def test_a_recipe_names_it_beside_itself(weights: Path, tmp_path: Path) -> None:
    assert settle_base("small.pth", tmp_path, "model.base", "recipe.yaml, line 3") == str(weights)
    (tmp_path / "other.pt").write_bytes(b"nothing")
    with pytest.raises(
        UserError, match=r"^recipe\.yaml, line 3: base '.*other\.pt': it is not a file of tensors alone"
    ):
        settle_base("other.pt", tmp_path, "model.base", "recipe.yaml, line 3")


def test_a_file_that_is_not_there_is_one_sentence(weights: Path) -> None:
    with pytest.raises(UserError, match=r"^base '.*gone\.pth' does not exist; check the path\.$"):
        fetch_model(str(weights.parent / "gone.pth"))

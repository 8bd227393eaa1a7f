"""A model is looked at without its weights: small files, and headers by ranges, from a folder, a bucket or a hub."""

from pathlib import Path
from typing import Any

import pytest
from bases_on_disk import write_base
from huggingface_hub import constants
from loopback import Loopback, Request

from stillhouse.components.storage.model_files import ModelFiles, model_files
from stillhouse.errors import UserError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = "model.safetensors"


def looked_at(files: ModelFiles, folder: Path) -> None:
    """The files are those of `folder`."""
    assert dict(files.sizes) == {path.name: path.stat().st_size for path in folder.iterdir()}
    assert files.read("config.json") == (folder / "config.json").read_bytes()
    assert files.header(WEIGHTS)["embeddings.word_embeddings.weight"] == ("F32", (20, 16))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_base(tmp_path / "base")


def test_in_a_folder(base: Path) -> None:
    looked_at(model_files(str(base)), base)


def test_in_a_bucket(base: Path, bucket: str, s3: Any) -> None:
    for path in base.iterdir():
        s3.upload_file(str(path), bucket, f"models/bert/{path.name}")
    files = model_files(f"s3://{bucket}/models/bert/")
    looked_at(files, base)
    assert files.part(WEIGHTS, 2, 5) == (base / WEIGHTS).read_bytes()[2:5]


@pytest.mark.parametrize("whole", [False, True], ids=["ranges", "a server that sends all"])
def test_on_a_hub(base: Path, monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    sent = []

    def answer(asked: Request) -> tuple[int, Any]:
        if asked.path.startswith("/api/models/owner/name"):
            siblings = [{"rfilename": path.name, "size": path.stat().st_size} for path in base.iterdir()]
            return 200, {"id": "owner/name", "sha": COMMIT, "siblings": siblings}
        name = asked.path.removeprefix(f"/owner/name/resolve/{COMMIT}/")
        start, stop = asked.headers["range"].removeprefix("bytes=").split("-")
        data = (base / name).read_bytes()
        sent.append((name, int(stop) + 1 - int(start)))
        return (200, data) if whole else (206, data[int(start) : int(stop) + 1])

    with Loopback(answer) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        looked_at(model_files(f"hf://owner/name@{COMMIT}"), base)
    assert sum(size for name, size in sent if name == WEIGHTS) < 8000 < (base / WEIGHTS).stat().st_size


def test_a_file_far_larger_than_a_small_one_is_not_read(base: Path) -> None:
    with (base / "tokenizer.json").open("ab") as file:
        file.truncate(300 << 20)
    with pytest.raises(UserError, match=r"tokenizer\.json has 314,572,800 bytes, more than such a file has\."):
        model_files(str(base)).read("tokenizer.json")

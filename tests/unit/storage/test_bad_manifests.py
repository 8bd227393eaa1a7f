"""A manifest that somebody tampered with brings no file out of its folder, and no folder that is not whole."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from stillhouse.components.storage.digests import sha256_bytes
from stillhouse.components.storage.manifest import MANIFEST
from stillhouse.components.storage.store import FileStore
from stillhouse.errors import UserError

TRIED = settings(
    max_examples=settings().max_examples,
    deadline=None,
    derandomize=settings().max_examples == 100,
    suppress_health_check=list(HealthCheck),
)
NAMES = (
    st.lists(st.sampled_from(["..", ".", "a", "b", "", "~", "\0", "\\", "etc", ".stillhouse-x"]), max_size=5).map(
        "/".join
    )
    | st.text(max_size=6)
    | st.sampled_from(["/etc/passwd", "file:///etc/passwd", "link/secret", "C:\\a", "a" * 300])
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one folder in it, beside a secret that a link in the folder leads to."""
    root = tmp_path_factory.mktemp("root")
    (root / "secret").write_text("secret")
    (root / "source").mkdir()
    (root / "source" / "a").write_text("a")
    FileStore(root / "store").put_folder(root / "source", "model")
    (root / "store" / "model" / "link").symlink_to(root)
    return root


def fetched_or_refused(root: Path, manifest: bytes) -> str:
    """The sentence; empty when the folder came, and then nothing but what belongs into it is there."""
    (root / "store" / "model" / MANIFEST).write_bytes(manifest)
    target = root / "target" / "model"
    try:
        FileStore(root / "store").get_folder("model", target)
    except UserError as error:
        assert str(error).isprintable() and not target.exists()
        return str(error)
    finally:
        assert {path.name for path in root.iterdir()} <= {"secret", "source", "store", "target"}
        assert {path.name for path in (root / "target").glob("*")} <= {"model"}
    held = [path.read_text() for path in target.rglob("*") if path.is_file()]
    for path in sorted(target.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    target.rmdir()
    assert "secret" not in held
    return ""


@TRIED
@given(name=NAMES, content=st.sampled_from(["a", "secret"]))
def test_a_name_leads_nowhere_else(root: Path, name: str, content: str) -> None:
    digest = {"size": len(content), "sha256": sha256_bytes(content.encode())}
    manifest = json.dumps({"format": 1, "files": {name: digest}}).encode()
    event("refused" if fetched_or_refused(root, manifest) else "fetched")


@TRIED
@given(
    manifest=st.binary(max_size=40)
    | st.recursive(st.none() | st.integers() | st.text(max_size=4), st.lists).map(json.dumps).map(str.encode)
)
def test_what_is_no_manifest_is_said_to_be_none(root: Path, manifest: bytes) -> None:
    assert "is not a manifest" in fetched_or_refused(root, manifest)

"""dev's Secrets: made once, at random, for one's own eyes."""

import stat
from pathlib import Path

import pytest
from tests.unit.manifests.overlays import KEYS, copy_manifests, make_secrets


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A copy of the manifests without Secrets."""
    return copy_manifests(tmp_path / "manifests")


def _secrets(manifests: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in (manifests / "overlays" / "dev").glob("*/secrets/*")}


def test_each_installation_has_its_own_passwords_and_keeps_them(fresh: Path, manifests: Path) -> None:
    make_secrets(fresh, KEYS)
    first = _secrets(fresh)
    make_secrets(fresh, KEYS)
    random = ("admin-password", "postgres-password", "server-secret-key")
    assert _secrets(fresh) == first
    assert len({first[name] for name in random} | {_secrets(manifests)[name] for name in random}) == 6


def test_nobody_else_can_read_them(fresh: Path) -> None:
    make_secrets(fresh, KEYS)
    files = list((fresh / "overlays" / "dev").glob("*/secrets/*"))
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_without_the_keys_of_the_object_store_nothing_is_written_and_a_sentence_says_why(fresh: Path) -> None:
    done = make_secrets(fresh, {})
    assert done.returncode != 0
    assert "AWS_ACCESS_KEY_ID: set it to the key of the object store" in done.stderr
    assert _secrets(fresh) == {}

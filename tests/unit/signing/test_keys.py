"""Keys: a named one counts everywhere, a home folder gets one of its own for its own store."""

import subprocess
from pathlib import Path

import pytest

from stillhouse.components.signing.keys import (
    FILE,
    LOCAL,
    SECRET,
    TRUSTED,
    keep_public,
    made_local_key,
    signing_key,
    trusted_keys,
)
from stillhouse.components.storage.store import FileStore
from stillhouse.errors import UserError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    for name in (FILE, SECRET, TRUSTED, "STILLHOUSE_STORE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A key as OpenSSL writes it."""
    path = tmp_path / "named.pem"
    curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run(["openssl", "genpkey", *curve, "-out", str(path)], check=True, capture_output=True)
    return path


def test_the_store_in_the_home_gets_a_key_that_only_its_owner_reads(home: Path) -> None:
    store = FileStore(home / "store")
    assert made_local_key(store) == home / LOCAL
    key = signing_key(store)
    assert key is not None
    assert (home / LOCAL).stat().st_mode & 0o777 == 0o600
    assert (home / "keys").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (home / "keys").iterdir()] == ["signing.pem"]
    assert made_local_key(store) is None
    again = signing_key(store, "another")
    assert again is not None and again.pem == key.pem
    assert list(trusted_keys()) == [key.public.id]


def test_a_store_that_is_shared_is_not_signed_with_a_key_that_one_machine_has(home: Path, tmp_path: Path) -> None:
    own, shared = signing_key(FileStore(home / "store")), FileStore(tmp_path / "shared")
    assert own is not None
    assert signing_key(shared) is None
    assert signing_key(shared, "0" * 64) is None
    moved = signing_key(shared, own.public.id)
    assert moved is not None and moved.public.id == own.public.id


@pytest.mark.parametrize("variable", [FILE, SECRET])
def test_a_named_key_counts_everywhere(
    home: Path, named: Path, tmp_path: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(named) if variable == FILE else named.read_text())
    for store in (FileStore(home / "store"), FileStore(tmp_path / "shared")):
        key = signing_key(store)
        assert key is not None
        assert key.public.verifies(b"data", key.sign(b"data"))
        assert not key.public.verifies(b"date", key.sign(b"data"))
    assert not (home / LOCAL).exists()


def test_the_same_is_signed_the_same_each_time(home: Path) -> None:
    key = signing_key(FileStore(home / "store"))
    assert key is not None
    assert key.sign(b"data") == key.sign(b"data")


def test_public_keys_that_a_store_keeps_can_be_trusted_elsewhere(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(home / "store")
    key = signing_key(store)
    assert key is not None
    keep_public(store, key.public)
    (kept,) = (home / "store/keys/signing").iterdir()
    assert kept.name == f"{key.public.id}.pem"
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "elsewhere"))
    assert trusted_keys() == {}
    for trusted in (kept, kept.parent):
        monkeypatch.setenv(TRUSTED, str(trusted))
        assert list(trusted_keys()) == [key.public.id]
    two = tmp_path / "two.pem"
    two.write_bytes(b"# mine\n" + kept.read_bytes() + _another(tmp_path))
    monkeypatch.setenv(TRUSTED, str(two))
    assert len(trusted_keys()) == 2


def _another(folder: Path) -> bytes:
    key = signing_key(FileStore(folder / "elsewhere/store"))
    assert key is not None
    return key.public.pem


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a private key of the curve P-256, P-384 or P-521"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is not a private key of the curve"),
        (None, r"cannot be read \(No such file or directory\); name a file in PEM"),
    ],
)
def test_what_is_not_a_key_is_one_sentence(
    home: Path, tmp_path: Path, content: bytes | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "odd.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(FILE, str(path))
    with pytest.raises(UserError, match=said):
        signing_key(FileStore(home / "store"))


def test_a_key_of_another_kind_is_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ed25519.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True, capture_output=True)
    monkeypatch.setenv(FILE, str(path))
    with pytest.raises(UserError, match="is not a private key of the curve"):
        signing_key(FileStore(home / "store"))

"""What kustomize makes of each overlay."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.unit.manifests.overlays import KEYS, MANIFESTS, OVERLAYS, PROGRAMS, Objects, make_secrets


@pytest.fixture(scope="session")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the manifests with dev's Secrets made."""
    copy = tmp_path_factory.mktemp("manifests") / "manifests"
    shutil.copytree(MANIFESTS, copy, ignore=shutil.ignore_patterns("secrets"))
    made = make_secrets(copy, KEYS)
    assert made.returncode == 0, made.stderr
    return copy


@pytest.fixture(scope="session")
def built(manifests: Path) -> dict[str, Path]:
    """For each overlay the file that `kubectl apply` would send."""
    files = {}
    for overlay in OVERLAYS:
        command = [PROGRAMS / "kubectl", "kustomize", manifests / "overlays" / overlay]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        files[overlay] = manifests / f"{overlay}.yaml"
        files[overlay].write_text(done.stdout)
    return files


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def objects(built: dict[str, Path], overlay: str) -> Objects:
    """The overlay's objects."""
    return list(yaml.safe_load_all(built[overlay].read_text()))

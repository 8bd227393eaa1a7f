"""What kustomize makes of each overlay."""

from pathlib import Path

import pytest
import yaml
from tests.unit.manifests.overlays import KEYS, OVERLAYS, Objects, build, copy_manifests, make_secrets


@pytest.fixture(scope="session")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the manifests with dev's Secrets made."""
    copy = copy_manifests(tmp_path_factory.mktemp("manifests") / "manifests")
    made = make_secrets(copy, KEYS)
    assert made.returncode == 0, made.stderr
    return copy


@pytest.fixture(scope="session")
def built(manifests: Path) -> dict[str, Path]:
    """For each overlay the file that `kubectl apply` would send."""
    files = {}
    for overlay in OVERLAYS:
        files[overlay] = manifests / f"{overlay}.yaml"
        files[overlay].write_text(build(manifests, overlay))
    return files


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def objects(built: dict[str, Path], overlay: str) -> Objects:
    """The overlay's objects."""
    return list(yaml.safe_load_all(built[overlay].read_text()))

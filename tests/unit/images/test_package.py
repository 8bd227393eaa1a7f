"""The package that an image installs, built as its Dockerfile builds it: from what it copies, and nothing else."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel out of what the stage `own` copies."""
    folder = tmp_path_factory.mktemp("sources")
    own = (ROOT / "images/Dockerfile").read_text().split("\nFROM build AS own\n")[1].split("\nFROM ")[0]
    for line in re.findall(r"^COPY (.*)$", own, flags=re.MULTILINE):
        *sources, _ = line.split()
        for source in map(ROOT.joinpath, sources):
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(source, folder / source.name, symlinks=True, ignore=ignored)
            else:
                shutil.copy(source, folder)
    program = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, capture_output=True)
    return zipfile.ZipFile(next((folder / "dist").glob("*.whl")))


def _names(wheel: zipfile.ZipFile) -> set[str]:
    """Its files, without the version in the name of the folder of metadata."""
    return {re.sub(r"^stillhouse-[^/]*\.dist-info/", "dist-info/", name) for name in wheel.namelist()}


def test_it_brings_its_licence(wheel: zipfile.ZipFile) -> None:
    assert "dist-info/licenses/LICENSE" in _names(wheel)
    metadata = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    assert "\nLicense-Expression: Apache-2.0\n" in wheel.read(metadata).decode()


def test_its_types_count_for_who_imports_it(wheel: zipfile.ZipFile) -> None:
    """PEP 561: without this file a type checker takes everything of the package for Any."""
    assert "stillhouse/py.typed" in _names(wheel)


def test_it_has_every_file_that_is_read_while_it_runs(wheel: zipfile.ZipFile) -> None:
    ours = {
        str("stillhouse" / file.relative_to(ROOT))
        for top in ("components", "pipelines")
        for file in (ROOT / top).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert ours <= _names(wheel)

"""What goes into the images: the versions that are tested, fixed by hashes."""

import re
from pathlib import Path

import pytest

from stillhouse.components.storage.packages import ENGLISH, KNOWN

ROOT = Path(__file__).parents[3]
LOCKS = ("build", "light", "mlflow", "training")
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)(.*)$", re.MULTILINE)


def pins(path: Path) -> dict[str, str]:
    """Versions by package."""
    return {name: version for name, version, _ in PIN.findall(path.read_text())}


def image(name: str) -> dict[str, str]:
    """The pins of an image's lock."""
    return pins(ROOT / "images" / f"{name}.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_an_image_holds_the_versions_that_are_tested(name: str) -> None:
    tested, shipped = pins(ROOT / "requirements.lock"), image(name)
    common = set(tested) & set(shipped)
    assert len(common) > 5
    assert {one: shipped[one] for one in common} == {one: tested[one] for one in common}


@pytest.mark.parametrize("name", [*LOCKS, "english-base"])
def test_every_package_of_a_lock_has_hashes_and_none_names_a_host(name: str) -> None:
    text = (ROOT / "images" / f"{name}.lock").read_text()
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(image(name)) > (0 if name == "english-base" else 5)
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text


def test_the_light_image_has_no_torch_and_nothing_that_the_training_image_lacks() -> None:
    light, training = image("light"), image("training")
    assert light.items() <= training.items()
    assert "torch" in training
    heavy = {"torch", "triton", "transformers", "pyarrow", "scipy", "scikit-learn", "altair", "vl-convert-python"}
    assert not {name for name in light if name in heavy or name.startswith("nvidia-")}


def test_the_packaged_base_comes_without_what_it_asks_for() -> None:
    """sentence-transformers, which nothing here uses; the extra names the same version."""
    assert image("english-base") == {ENGLISH: KNOWN[ENGLISH].version}
    assert f'english-base = ["{ENGLISH}=={KNOWN[ENGLISH].version}"]' in (ROOT / "pyproject.toml").read_text()


def test_the_servers_image_has_what_its_manifest_asks_for() -> None:
    assert {"boto3", "flask-wtf", "mlflow", "prometheus-flask-exporter", "psycopg", "psycopg-binary"} <= set(
        image("mlflow")
    )

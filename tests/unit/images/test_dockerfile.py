"""The Dockerfile and the script that builds from it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stillhouse import __version__
from stillhouse.components.kubernetes.images import LIGHT, TRAINING

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "images" / "Dockerfile"
ECHO = """#!/bin/sh
[ "$1" = info ] && exit {info}
echo {name} "$@"
"""


def build(programs: Path, *targets: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run images/build with stand-ins for the builders, which say how they were called."""
    path = f"{programs}:{os.environ['PATH']}"
    command = [ROOT / "images" / "build", *targets]
    return subprocess.run(command, env={"PATH": path, **environment}, capture_output=True, text=True)


def stages() -> dict[str, str]:
    """What the Dockerfile does in each stage, from its FROM on."""
    found = re.split(r"^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]
    return {stage.splitlines()[0].split(" AS ")[1]: stage for stage in found}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """docker without a daemon, podman that fails, buildah that works."""
    for name, info in (("docker", 1), ("podman", 1), ("buildah", 0)):
        (tmp_path / name).write_text(ECHO.format(name=name, info=info))
        (tmp_path / name).chmod(0o755)
    return tmp_path


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("", 0)


def test_every_image_runs_as_a_number_of_group_0_on_the_given_base() -> None:
    by_name = stages()
    assert by_name["runtime"].startswith("${BASE} ")
    assert "\nUSER 1000:0\n" in by_name["runtime"]
    for target in ("light", "training", "mlflow"):
        assert by_name[target].startswith("runtime ")
        assert re.findall(r"^USER (.*)$", by_name[target], flags=re.MULTILINE) == ["0:0", "1000:0"]


@pytest.mark.parametrize("target", ["light", "training"])
def test_packages_are_a_layer_that_a_new_version_of_ours_leaves_alone(target: str) -> None:
    """A layer is made anew when anything before it, or mounted into it, has changed."""
    everything = stages()
    before, behind = everything[target].rsplit("/build/install\n", 1)
    base = {"images/english-base.lock"} if target == "training" else set()
    assert set(re.findall(r"source=(images/\S+?),", before)) == {f"images/{target}.lock"} | base
    assert "COPY" not in before
    assert "COPY --from=own " in behind
    assert re.findall(r"^COPY (.*)$", everything["build"] + everything["runtime"], flags=re.MULTILINE) == [
        "images/build.lock ./",
        "images/install images/sbom ./",
        "--from=build /opt/stillhouse /opt/stillhouse",
    ]


def test_no_packages_lie_on_the_builders_disk_twice() -> None:
    """What a stage of its own installs, and the image copies, does."""
    assert {name for name, stage in stages().items() if "/build/install" in stage} == {"light", "training", "mlflow"}


def test_what_is_copied_is_what_the_ignore_file_lets_through() -> None:
    let_through = {line[1:] for line in Path(f"{DOCKERFILE}.dockerignore").read_text().split() if line[0] == "!"}
    text = DOCKERFILE.read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, flags=re.MULTILINE)
    copied += re.findall(r"type=bind,source=(\S+?),", text)
    needed = {re.sub(r"[\w-]+\.lock", "*.lock", name) for names in copied for name in names.split()}
    assert needed == let_through


def test_the_first_builder_that_works_is_taken(programs: Path) -> None:
    done = build(programs, "light")
    assert done.stdout.startswith("buildah build --layers ")
    assert f"built {LIGHT}" in done.stdout


def test_without_any_a_sentence_says_what_to_install(programs: Path) -> None:
    (programs / "buildah").write_text(ECHO.format(name="buildah", info=1))
    done = build(programs)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "No docker, podman or buildah works here; install one (docker's daemon must run).\n"


def test_all_three_are_built_under_the_names_that_the_pipeline_uses(programs: Path) -> None:
    done = build(programs)
    names = [line.removeprefix("built ") for line in done.stdout.splitlines() if line.startswith("built ")]
    assert names == [LIGHT, TRAINING, f"stillhouse/mlflow:{__version__}"]


def test_base_repository_and_flags_are_handed_on(programs: Path) -> None:
    done = build(programs, "light", BASE="mine:3.11", REPOSITORY="registry/team", BUILD_FLAGS="--secret id=pip,src=a")
    assert "--build-arg BASE=mine:3.11 --secret id=pip,src=a" in done.stdout
    assert f"--tag registry/team/python-light:{__version__}" in done.stdout


def test_an_image_says_which_commit_it_was_built_from(programs: Path) -> None:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    done = build(programs, "light")
    assert re.search(rf"--build-arg REVISION={commit}(-dirty)? ", done.stdout)
    assert re.search(rf"--label org.opencontainers.image.revision={commit}(-dirty)? ", done.stdout)

"""A kind of problem is one more file: here, or in a package that names it as an entry point."""

from pathlib import Path

import pytest

from stillhouse.components.tasks import known_tasks, load_task, text_classification
from stillhouse.errors import UserError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with a task of its own."""
    (tmp_path / "tides.py").write_text("OBJECTIVES = ()\nclass Tides:\n    OBJECTIVES = ('ebb',)\ntides = Tides()\n")
    info = tmp_path / "tides-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tides\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[stillhouse.tasks]\ntides = tides\nebbing = tides:tides\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_a_file_of_the_folder_is_a_task() -> None:
    assert load_task("text_classification") is text_classification


@pytest.mark.usefixtures("package")
def test_an_entry_point_is_a_task_as_module_or_as_object() -> None:
    assert load_task("tides").OBJECTIVES == ()
    assert load_task("ebbing").OBJECTIVES == ("ebb",)


@pytest.mark.usefixtures("package")
def test_all_that_can_be_named_are_known() -> None:
    assert known_tasks() == ["ebbing", "text_classification", "tides"]


def test_a_task_object_is_taken_as_it_is() -> None:
    assert load_task(text_classification) is text_classification


@pytest.mark.parametrize("name", ["text", "json", "os.path", "../tasks/text_classification", ""])
def test_nothing_else_is_importable(name: str) -> None:
    with pytest.raises(UserError, match=r"^task '.*' is unknown; use one of: .*text_classification"):
        load_task(name)

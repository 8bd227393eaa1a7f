"""A kind of problem is one more file: here, or in a package that names it as an entry point."""

from pathlib import Path

import pytest

from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.tasks import known_tasks, load_task, task_of
from stillhouse.components.tasks.interface.task import Field, Task, Unit
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.components.training.settings import LoopSettings
from stillhouse.errors import UserError

TIDES = """
from stillhouse.components.tasks.interface.task import Field, Task, Unit
from stillhouse.components.tasks.text_classification import TextClassification

class Tides(TextClassification):
    fields = {"level": Field("number"), "when": Field("time")}
    unit = Unit("gauge", 8, 8)
    objectives = ("ebb",)
"""
POINTS = """
tides = tides
the_class = tides:Tides
elsewhere = reexporting
nothing = nothing_in_it
only_base = only_base
value = nothing_in_it:FIELDS
other_class = nothing_in_it:Plain
several = several
unfinished = unfinished
without_unit = without_unit
no_module = not_installed
no_name = tides:Ebbs
broken = broken
syntax = syntax
"""
MODULES = {
    "tides": TIDES,
    "reexporting": "from tides import Tides\n",
    "nothing_in_it": "from stillhouse.components.tasks.interface.task import Task\nFIELDS = {}\nclass Plain: pass\n",
    "only_base": "from stillhouse.components.tasks.interface.label_task import LabelTask\n",
    "several": f"{TIDES}\nclass Ebbs(TextClassification): pass\n",
    "unfinished": TIDES.replace("(TextClassification)", "(Task)") + "    def loss(self): ...\n",
    "without_unit": "from stillhouse.components.tasks.interface.task import Task\n"
    "class Bare(Task):\n" + "".join(f"    def {name}(self): ...\n" for name in sorted(Task.__abstractmethods__)),
    "broken": "raise RuntimeError('no\\n  tide.')\n",
    "syntax": "def\n",
}
LACKS = "answers, build, distillation_loss, load, samples, statistics, trivial, unanswered"
NEEDED = (
    "write a subclass of stillhouse.components.tasks.interface.task.Task with all its abstract methods, fields and "
    "unit."
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with tasks of its own, most of them not done well."""
    for name, code in MODULES.items():
        (tmp_path / f"{name}.py").write_text(code)
    info = tmp_path / "tides-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tides\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[stillhouse.tasks]\n{POINTS}")
    monkeypatch.syspath_prepend(tmp_path)


def test_a_file_of_the_folder_is_a_task() -> None:
    assert load_task("text_classification") is TextClassification


def test_text_classification_says_what_its_data_are() -> None:
    assert TextClassification.fields == {"text": Field("text", many=True), "label": Field("label", target=True)}
    assert TextClassification.objectives == ("masked_lm", "next_word")
    loop = LoopSettings(epochs=1)
    assert TextClassification.unit == Unit("token", loop.batch_tokens, loop.micro_batch_tokens)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("name", ["tides", "the_class", "elsewhere"])
def test_an_entry_point_is_a_task_as_module_or_as_class(name: str) -> None:
    task = load_task(name)
    assert (task.__name__, task.objectives, task.unit.name) == ("Tides", ("ebb",), "gauge")


@pytest.mark.usefixtures("package")
def test_all_that_can_be_named_are_known() -> None:
    assert {"text_classification", "tides", "the_class"} <= set(known_tasks())
    assert not {"task", "label_task", "__init__"} & set(known_tasks())


@pytest.mark.parametrize(
    ("target", "labels", "main"),
    [("classes", ["a", "b"], "f1_macro"), ("multi_label", ["a", "b"], "f1_micro"), ("number", [], "r2")],
)
def test_a_task_is_bound_to_one_dataset(target: str, labels: list[str], main: str) -> None:
    spec = Spec(format=1, task="text_classification", target=target, labels=labels, columns={}, content_digest="")
    task = task_of(spec)
    assert type(task) is TextClassification
    assert (task.spec, task.target.kind, task.measures[0].name) == (spec, target, main)


@pytest.mark.usefixtures("package")
def test_a_dataset_of_a_packages_task_gets_that_task() -> None:
    spec = Spec(format=1, task="tides", target="classes", labels=["ebb", "flow"], columns={}, content_digest="")
    assert type(task_of(spec)).__name__ == "Tides"
    with pytest.raises(UserError, match=r"^task 'waves' is unknown; use one of: "):
        task_of(spec.model_copy(update={"task": "waves"}))


@pytest.mark.parametrize("name", ["task", "label_task", "text", "json", "os.path", "../tasks/text_classification", ""])
def test_nothing_else_is_importable(name: str) -> None:
    with pytest.raises(UserError, match=r"^task '.*' is unknown; use one of: .*text_classification"):
        load_task(name)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "nothing",
            "task 'nothing' (entry point nothing_in_it) is not a task: the module nothing_in_it has no subclass of "
            f"Task; {NEEDED}",
        ),
        (
            "only_base",
            "task 'only_base' (entry point only_base) is not a task: the module only_base has no subclass of "
            f"Task; {NEEDED}",
        ),
        (
            "value",
            "task 'value' (entry point nothing_in_it:FIELDS) is not a task: a value of type dict is not a subclass of "
            f"Task; {NEEDED}",
        ),
        (
            "other_class",
            "task 'other_class' (entry point nothing_in_it:Plain) is not a task: the class Plain is not a subclass of "
            f"Task; {NEEDED}",
        ),
        (
            "unfinished",
            f"task 'unfinished' (entry point unfinished) is not a task yet: the class Tides lacks {LACKS}; {NEEDED}",
        ),
        (
            "without_unit",
            "task 'without_unit' (entry point without_unit) is not a task yet: the class Bare lacks fields, unit; "
            f"{NEEDED}",
        ),
        (
            "several",
            "task 'several' (entry point several) is not one task: the module several has 2 (Ebbs, Tides); name one of "
            "them in the entry point, as several:Ebbs.",
        ),
        (
            "no_module",
            "task 'no_module' cannot be imported from not_installed: ModuleNotFoundError: No module named "
            "'not_installed'; fix it, or name another module under stillhouse.tasks in its package.",
        ),
        (
            "no_name",
            "task 'no_name' cannot be imported from tides:Ebbs: AttributeError: module 'tides' has no attribute "
            "'Ebbs'; fix it, or name another module under stillhouse.tasks in its package.",
        ),
        (
            "broken",
            "task 'broken' cannot be imported from broken: RuntimeError: no tide; fix it, or name another module "
            "under stillhouse.tasks in its package.",
        ),
        (
            "syntax",
            "task 'syntax' cannot be imported from syntax: SyntaxError: invalid syntax (syntax.py, line 1); fix it, "
            "or name another module under stillhouse.tasks in its package.",
        ),
    ],
)
def test_what_is_not_a_task_is_refused_with_what_it_lacks(name: str, sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        load_task(name)
    assert str(refused.value) == sentence

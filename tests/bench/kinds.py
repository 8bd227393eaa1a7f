"""Every kind of problem on data that no setting was chosen by: teacher, student, the same student without its teacher.

    python tests/bench/kinds.py                                  # all cells that are not done; stop it, and it goes on
    python tests/bench/kinds.py --only image_classification:1    # or image_classification; may be given several times
    python tests/bench/kinds.py --table                          # writes docs/results.md from what is done

A cell is a case and a seed. A case is a recipe on data of tests/bench/kinds_data.py, as it ships or with few labels;
`stillhouse run` makes of it what it makes, in a home of its own. Then the student's architecture learns from the labels
alone, for as many steps as the student had, in two ways, of which the one that is better *on the test rows* counts:
`stillhouse step finetune`, with the recipe's weights of classes and new views in each epoch; and `stillhouse step
distill`, with a teacher that weighs nothing, whose tokenizer it has. All answer the same test rows; differences are on
the same resamples of these.

Each result is a line of tests/bench/results/kinds.jsonl. A cell is done when it has a line of the code and the data as
they are (--any-code: of any).
"""

import argparse
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from kinds_data import CACHE, DATA, path_of
from kinds_table import write
from product import add_line, code_digest, read_lines, run_recipe, stillhouse

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.spec import read_spec
from stillhouse.components.evaluate.contestants import trained
from stillhouse.components.evaluate.intervals import intervals, measured, paired_difference
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.inspect.settings import Parameters
from stillhouse.components.tasks import task_of
from stillhouse.pipelines.recipes.recipe import load_recipe, shipped_recipes

RESULTS = Path(__file__).parent / "results/kinds.jsonl"
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Case:
    """A recipe, what it is tried on, and what is set beside its seed."""

    recipe: str
    data: str
    settings: tuple[str, ...] = ()


ONE_TEXT = "data.columns={text: [text], label: label}"
FEW_TEXTS = (
    ONE_TEXT,
    "prepare={labelled_rows: 500, augment: 0.0}",
    "model.base=auto",
    "model.teacher={}",
    "pretrain.objective=none",
    "finetune={head: linear_probe, loop: {epochs: 4, batch_tokens: 512, max_length: 64},"
    " optimizer: {learning_rate: 0.0002, layer_decay: 0.9}}",
    "distill={soft_weight: 1.0, temperature: 2.0, loop: {epochs: 8, batch_tokens: 1024, max_length: 64},"
    " optimizer: {learning_rate: 0.003}}",
)
"""500 labels, the other texts without: a teacher from the packaged base, and a student of its answers alone."""
FEW_ROWS = ("prepare.labelled_rows=1000", "pretrain.loop.epochs=4", "finetune.loop.epochs=30")
"""1,000 labels, the other rows without; fewer rows for a teacher are more epochs."""
CASES = {
    "text_classification": Case("spam", "movies", (ONE_TEXT,)),
    "text_lstm": Case("text_lstm", "movies", (ONE_TEXT,)),
    "image_classification": Case("image_classification", "pictures"),
    "token_classification": Case("token_classification", "words"),
    "tabular": Case("tabular", "flights"),
    "recommendation": Case("recommendation", "films"),
    "text_few_labels": Case("spam", "movies", FEW_TEXTS),
    "tabular_few_labels": Case("tabular", "flights", FEW_ROWS),
}


@dataclass(frozen=True)
class Cell:
    """A case with a seed."""

    case: str
    seed: int

    @property
    def folder(self) -> Path:
        """What is written while it runs."""
        return CACHE / f"cells/{self.case}-{self.seed}"

    @property
    def settings(self) -> list[str]:
        """What is set over the recipe."""
        case = CASES[self.case]
        return [f"seed={self.seed}", f"data.source={path_of(case.data)}", *case.settings]


def run_cell(cell: Cell) -> dict[str, Any]:
    """Run a cell; the line of the results."""
    shutil.rmtree(cell.folder, ignore_errors=True)
    home = cell.folder / "home"
    home.mkdir(parents=True)
    case = CASES[cell.case]
    given = [word for setting in cell.settings for word in ("--set", setting)]
    found, evaluation = run_recipe(case.recipe, *given, home=home)
    line = {"case": cell.case, "seed": cell.seed, "data": DATA[case.data].digest, **found}
    if evaluation is None:
        return line
    (dataset,) = home.glob("pipeline/*/prepare/dataset")
    (teacher,) = home.glob("pipeline/*/finetune/teacher")
    (student,) = home.glob("pipeline/*/distill/student")
    lone: dict[str, Path] = {}
    for step, settings in lone_settings(case.recipe, cell.settings, read_spec(dataset).rows).items():
        lone[step], file = cell.folder / f"alone-{step}", cell.folder / f"{step}.yaml"
        file.write_text(yaml.safe_dump(settings))
        paths = ["--settings", file, "--dataset", dataset, "--model", lone[step]]
        if error := stillhouse("step", step, *paths, *(["--teacher", teacher] if step == "distill" else []), home=home):
            return {**line, "error": error}
    return line | figures(evaluation, dataset, student, lone)


def lone_settings(recipe: str, overrides: Sequence[str], rows: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Of finetune and of distill, for the student of a recipe without its teacher.

    Args:
        rows: of each split; a student that learnt from unlabelled rows, too, had more steps in an epoch.
    """
    steps = Parameters.of_recipe(load_recipe(recipe, overrides).parameters()).steps(recipe)
    teachers, students = (steps[name].model_dump(mode="json", exclude_none=True) for name in ("finetune", "distill"))
    seen = rows["train"] + (rows["unlabelled"] if students["use_unlabelled"] else 0)
    loop = students["loop"] | {"epochs": round(students["loop"]["epochs"] * seen / rows["train"])}
    new = {"base": "", "architecture": students["student"]["architecture"], "head": "random", "freeze": "nothing"}
    nothing = {"soft_weight": 0.0, "hidden_weight": 0.0, "attention_weight": 0.0, "use_unlabelled": False}
    return {
        "finetune": teachers | new | {"loop": loop, "optimizer": students["optimizer"]},
        "distill": students | nothing | {"loop": loop},
    }


def figures(evaluation: dict[str, Any], dataset: Path, student: Path, lone: Mapping[str, Path]) -> dict[str, Any]:
    """What of an evaluation is told, with the better lone student beside it, on the same rows and resamples."""
    spec = read_spec(dataset)
    task, test, settings = task_of(spec), read_split(dataset, "test"), EvaluateSettings(task=spec.task)
    main = task.measures[0]
    models = {
        name: trained(folder, test, "cpu", lambda rows: None).answered(task, test)
        for name, folder in {"student": student, **lone}.items()
    }
    found = measured(
        {name: task.statistics(model.answers, test) for name, model in models.items()},
        [main],
        len(test),
        resamples=settings.resamples,
        seed=settings.seed,
    )
    values = {step: found[step].values[main.name] for step in lone}
    best = max(values, key=lambda step: values[step] if main.greater_is_better else -values[step])
    alone = {"metrics": intervals(found[best], settings.confidence), **models[best].described()}
    kept = ("title", "parameters", "bytes", "rows_per_second")
    return {
        "rows": spec.rows,
        "measure": main.title,
        "models": {
            name: model["metrics"][main.name] | {key: model[key] for key in kept if key in model}
            for name, model in (evaluation["models"] | {"alone": alone}).items()
        },
        "alone_by": values,
        "differences": evaluation["differences"]
        | {"alone": paired_difference(main.name, found["student"], found[best], settings.confidence)},
    }


def cells(only: list[str]) -> Iterator[Cell]:
    """Those that are asked for, one seed of all cases after the other, so that each hour tells most."""
    asked = [text.split(":") for text in only]
    for seed, (name, case) in product(SEEDS, CASES.items()):
        here = [name, str(seed)]
        if case.recipe in shipped_recipes() and (not asked or any(p == here[: len(p)] for p in asked)):
            yield Cell(name, seed)


def is_done(cell: Cell, any_code: bool) -> bool:
    """Whether the results have a cell's line; one that failed is tried again."""
    code, data = code_digest(), DATA[CASES[cell.case].data].digest
    return any(
        (line["case"], line["seed"], line["data"]) == (cell.case, cell.seed, data)
        and "error" not in line
        and (any_code or line["code"] == code)
        for line in read_lines(RESULTS)
    )


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="CASE[:SEED]")
    parser.add_argument("--any-code", action="store_true", help="results of earlier code count, too")
    parser.add_argument("--table", action="store_true", help="write docs/results.md, and run nothing")
    asked = parser.parse_args()
    for cell in [] if asked.table else cells(asked.only):
        if not is_done(cell, asked.any_code):
            print(f"{cell.case}:{cell.seed}", flush=True)
            add_line(RESULTS, run_cell(cell))
            shutil.rmtree(cell.folder)
    write(read_lines(RESULTS))


if __name__ == "__main__":
    main()

"""recipe.lock.yaml: the recipe of a run with every setting that followed from its data."""

import json
from pathlib import Path
from typing import Any

import yaml

from stillhouse.pipelines.recipes.recipe import Recipe

FILE = "recipe.lock.yaml"
HEAD = """\
# Written by `stillhouse run`: its recipe, and all that followed from the data. The same data and this file
# make the same models again: stillhouse run {file}
"""
FROM_THE_TOP = ("task", "base", "architecture", "student")
"""Settings of the steps that a recipe gives at its top, below `model`."""


def write_lock(recipe: Recipe, folder: Path) -> None:
    """Write recipe.lock.yaml into the folder of a run; nothing where the run ended before its models were evaluated."""
    path = folder / "verdict.json"
    verdict = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    trained_with = verdict.get("evaluation", {}).get("trained_with", {})
    if trained_with and all(trained_with.values()):  # a model made elsewhere does not say it
        text = yaml.safe_dump(locked(recipe, trained_with), sort_keys=False, allow_unicode=True)
        (folder / FILE).write_text(HEAD.format(file=FILE) + text, encoding="utf-8")


def locked(recipe: Recipe, trained_with: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The recipe as a document, without a budget and with the settings that its models were trained with.

    Args:
        trained_with: settings of the steps that train, by step, as model.json has them.
    """
    document = recipe.model_dump(mode="json", exclude_unset=True) | {"budget": "none"}
    teacher, student = trained_with["finetune"], trained_with["distill"]["student"]
    document["model"] = document.get("model", {}) | {
        "base": teacher["base"],
        "teacher": teacher["architecture"],
        "student": {name: value for name, value in student.items() if value},
    }
    for step, settings in trained_with.items():
        document[step] = {name: value for name, value in settings.items() if name not in FROM_THE_TOP}
        document[step]["loop"] = {name: value for name, value in settings["loop"].items() if name != "seed"}
    return document

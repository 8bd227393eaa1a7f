"""recipe.lock.yaml: the recipe of a run with every setting that followed from its data."""

from collections.abc import Mapping
from typing import Any

import yaml

from stillhouse.components.artifacts.verdict import Verdict

FILE = "recipe.lock.yaml"
HEAD = f"""\
# The recipe of a run, and all that followed from its data. The same data and this file make the same models again:
# stillhouse run {FILE}, or on a cluster stillhouse submit {FILE}
"""
KEYS = (
    *("name", "task", "seed", "budget", "data", "model"),
    *("prepare", "pretrain", "finetune", "distill", "evaluate", "promote"),
)
"""In the order of the file."""
FROM_THE_TOP = ("task", "base", "architecture", "student")
"""Settings of the steps that a recipe gives at its top, below `model`."""


def has_lock(verdict: Verdict) -> bool:
    """Whether a run has the file: not where no models were evaluated, or some that were made elsewhere and do not say
    how."""
    trained_with = verdict.evaluation.trained_with if verdict.evaluation else {}
    return bool(verdict.recipe and trained_with and all(trained_with.values()))


def recipe_lock(verdict: Verdict) -> str | None:
    """The file's text, the same wherever it is asked for; None where the run has none."""
    if not has_lock(verdict):
        return None
    return locked(verdict.recipe, verdict.measured.trained_with)


def locked(recipe: Mapping[str, Any], trained_with: Mapping[str, dict[str, Any]]) -> str:
    """The text of the file, for a recipe and the settings that its models were trained with.

    Args:
        trained_with: By step, as evaluation.json has them.
    """
    return HEAD + yaml.safe_dump(_locked(recipe, trained_with), sort_keys=False, allow_unicode=True)


def _locked(recipe: Mapping[str, Any], trained_with: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The recipe as a document, without a budget and with the settings that its models were trained with.

    Args:
        trained_with: settings of the steps that train, by step, as model.json has them.
    """
    document: dict[str, Any] = {**recipe, "budget": "none"}
    teacher, student = trained_with["finetune"], trained_with["distill"]["student"]
    document["model"] = {
        "base": teacher["base"],
        "teacher": teacher["architecture"],
        "student": {name: value for name, value in student.items() if value},
    }
    for step, settings in trained_with.items():
        document[step] = {name: value for name, value in settings.items() if name not in FROM_THE_TOP}
        document[step]["loop"] = {name: value for name, value in settings["loop"].items() if name != "seed"}
    return {key: document[key] for key in sorted(document, key=KEYS.index)}

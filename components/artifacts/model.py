"""The model folder: a transformers folder with a model.json and its curves."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stillhouse
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.artifacts.trainings import Trained, write_trainings
from stillhouse.components.kubernetes.pod import own_image
from stillhouse.components.models.baseline import BaselineModel

if TYPE_CHECKING:
    from stillhouse.components.models.loaded import LoadedModel

FORMAT = 1


def write_model(
    loaded: "LoadedModel",
    folder: Path,
    save: "Callable[[LoadedModel, Path], dict[str, Any]]",
    *,
    info: dict[str, Any],
    parents: list[Path],
    trainings: Sequence[Trained] = (),
) -> None:
    """Write a model folder, whole or not at all.

    Args:
        loaded: model and processor.
        folder: replaced if it is there: an attempt that was stopped after it had written left it.
        save: writes them into a folder, weights as safetensors, and returns what model.json says of how they are read:
            a task's.
        info: task, target, labels, main_metric, max_length, columns, settings and dataset_digest for model.json.
        parents: model folders that this one came from.
        trainings: of this run that it came out of, the first one first.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    from stillhouse.components.models.layers import num_parameters
    from stillhouse.components.storage.digests import digest_folder

    def write(staged: Path) -> dict[str, Any]:
        reading = save(loaded, staged)
        write_trainings(staged, trainings)
        return reading

    origin = {"parents": [digest_folder(parent) for parent in parents], "parameters": num_parameters(loaded.model)}
    _write(folder, {**info, **origin}, write)


def write_baseline(model: BaselineModel, folder: Path, *, info: dict[str, Any]) -> None:
    """The same for a baseline.

    Args:
        model: as it was fitted.
        folder: as above.
        info: as above, without max_length: it reads whole examples.

    Raises:
        UserError: as above.
    """

    def write(staged: Path) -> dict[str, Any]:
        model.save(staged)
        return {"load": model.LOAD}

    _write(folder, {**info, "parents": [], "parameters": model.parameters}, write)


def _write(folder: Path, about: dict[str, Any], save: Callable[[Path], dict[str, Any]]) -> None:
    from stillhouse.components.storage.disk import staged_folder, writing

    with writing(folder), staged_folder(folder) as staged:
        described = {
            "format": FORMAT,
            **about,
            **save(staged),
            "git_sha": git_sha(),
            "image_digest": own_image(),
            "stillhouse_version": stillhouse.__version__,
        }
        text = json.dumps(described, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
        (staged / "model.json").write_text(text, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        staged.rename(folder)


def model_info(spec: Spec, main_metric: str, settings: dict[str, Any], max_length: int | None) -> dict[str, Any]:
    """What the model.json of a model for a dataset's target says beyond the weights.

    Args:
        main_metric: name of the measure that such models are compared by.
        settings: of the step that made it.
        max_length: units that examples are cut to; None for a model that reads whole ones.
    """
    return {
        "task": spec.task,
        "target": spec.target,
        "labels": spec.labels,
        "columns": spec.columns,
        "csv": spec.csv,
        "cleaning": spec.cleaning,
        **({"input": spec.input} if spec.input else {}),
        **({"fitted": spec.fitted} if spec.fitted else {}),
        **({} if spec.learnt_until is None else {"learnt_until": spec.learnt_until}),
        "main_metric": main_metric,
        **({} if max_length is None else {"max_length": max_length}),
        "settings": settings,
        "dataset_digest": spec.content_digest,
    }


def read_model_json(folder: Path) -> dict[str, Any]:
    """The folder's model.json."""
    return json.loads((folder / "model.json").read_text(encoding="utf-8"))


def notes_of(folder: Path) -> dict[str, str]:
    """What its model.json says of how its base was read: sentences by name."""
    return read_model_json(folder).get("notes", {}) if (folder / "model.json").is_file() else {}


def git_sha() -> str:
    """Commit of the sources that run, from STILLHOUSE_GIT_SHA (images set it) or the checkout; else empty."""
    if sha := os.environ.get("STILLHOUSE_GIT_SHA"):
        return sha
    if shutil.which("git") is None:
        return ""
    here = Path(__file__).resolve().parent
    answer = subprocess.run(["git", "-C", str(here), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip()

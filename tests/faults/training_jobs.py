"""What a process that is to be killed does: one step with its real function, noted and, where asked, killed at a place.

The environment variable KILL_AT says `place:count:signal`: at the so-manieth time that the place is reached, the
process gets the signal. The places are put in here; the product knows nothing of them. What training sees is noted in
a file: a line for each step it begins and one for each micro-batch that it takes, with a digest of its tensors.
"""

import hashlib
import importlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

ENVIRONMENT = "KILL_AT"
PART_TOKENS = 2000
"""Of the teacher's answers kept together: few, so that a small dataset has several parts."""


def imports() -> None:
    """All that the steps import late; whoever forks does it once."""
    for name in ("torch", "pyarrow.parquet", "safetensors.torch", "torch.utils.data", "sklearn.metrics", "filelock"):
        importlib.import_module(name)
    for name in ("BertForMaskedLM", "BertForSequenceClassification", "AutoTokenizer", "PreTrainedTokenizerFast"):
        getattr(importlib.import_module("transformers"), name)
    root = "stillhouse.components"
    for name in ("pretrain.pretrain", "finetune.finetune", "distill.distill", "distill.teacher", "distill.loss"):
        importlib.import_module(f"{root}.{name}")
    for name in ("prepare.prepare", "runtime.checkpoint_store", "runtime.step_run", "artifacts.model", "training.loop"):
        importlib.import_module(f"{root}.{name}")
    for name in ("tasks.text_classification", "targets.label_measures", "tracking.system", "distill.student"):
        importlib.import_module(f"{root}.{name}")
    importlib.import_module("torch").set_num_threads(1)
    # The sources may change under a long suite; a fingerprint is of what was imported.
    importlib.import_module(f"{root}.storage.fingerprint").code_digest()


def run_job(job: dict[str, Any]) -> int:
    """Run `job["step"]` as its pod would: settings, paths and the home folder are given. The exit code."""
    os.environ |= {"STILLHOUSE_HOME": job["home"], "STILLHOUSE_RUN": "run", "STILLHOUSE_SENDER": "external"}
    step = job["step"]
    if step != "prepare":
        _note_what_is_learnt(Path(job["notes"]))
        vars(importlib.import_module("stillhouse.components.distill.teacher"))["PART_TOKENS"] = PART_TOKENS
    if job.get("kill_at"):
        _arm(*job["kill_at"].split(":"), model=Path(job["paths"].get("model", job["paths"]["dataset"])))
    settings = importlib.import_module(f"stillhouse.components.{step}.settings")
    parsed = getattr(settings, f"{step.capitalize()}Settings").model_validate(job["settings"])
    function = getattr(importlib.import_module(f"stillhouse.components.{step}.{step}"), step)
    step_run = importlib.import_module("stillhouse.components.runtime.step_run").step_run
    try:
        with step_run(step) as run:
            figures = function(parsed, **job["paths"], run=run)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    Path(job["notes"]).with_suffix(".figures").write_text(json.dumps(figures))
    return 0


def _note_what_is_learnt(notes: Path) -> None:
    from stillhouse.components.training import loop

    load, gradients = loop.load, loop.Training._gradients

    def noted_load(*given: Any) -> Iterator[Any]:
        for batch in load(*given):
            tensors = b"".join(name.encode() + batch[name].numpy().tobytes() for name in sorted(batch))
            note(f"batch {hashlib.sha256(tensors).hexdigest()}")
            yield batch

    def noted_gradients(self: Any, *given: Any) -> Any:
        note(f"step {self.history.step}")
        return gradients(self, *given)

    def note(line: str) -> None:
        with notes.open("a") as file:
            file.write(line + "\n")

    vars(loop)["load"] = noted_load
    setattr(loop.Training, gradients.__name__, noted_gradients)


def _arm(place: str, count: str, number: str, model: Path) -> None:
    """Put the kill at its place."""
    left = int(count)

    def reached() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), int(number))

    PLACES[place](reached, model)


def _in_training(reached: Callable[[], None], model: Path) -> None:
    """After the backward pass of a micro-batch."""
    import torch

    _patch(torch.Tensor, "backward", reached, after=True)


def _in_evaluation(reached: Callable[[], None], model: Path) -> None:
    from stillhouse.components.training.loop import Evaluation

    measured = Evaluation.__init__

    def armed(self: Any, measure: Callable[..., Any], *given: Any, **options: Any) -> None:
        def with_kill(network: Any) -> Any:
            values = measure(network)
            reached()
            return values

        measured(self, with_kill, *given, **options)

    Evaluation.__init__ = armed


def _in_checkpoint_files(reached: Callable[[], None], model: Path) -> None:
    """In the background's writing: before a file, the manifest, a folder or the name is forced to the disk."""
    _patch(os, "fsync", reached, only=_writes_a_checkpoint)


def _in_checkpoint_rename(reached: Callable[[], None], model: Path) -> None:
    """The checkpoint is written and has not its name yet."""
    _patch(Path, "rename", reached, only=_writes_a_checkpoint)


def _after_checkpoint_rename(reached: Callable[[], None], model: Path) -> None:
    _patch(Path, "rename", reached, only=_writes_a_checkpoint, after=True)


def _in_teacher(reached: Callable[[], None], model: Path) -> None:
    """After a forward pass of the teacher, before what it told is kept."""
    from stillhouse.components.tasks.text_classification import TextClassification

    _patch(TextClassification, "signal", reached)


def _in_teacher_cache(reached: Callable[[], None], model: Path) -> None:
    """While the teacher's answers are put into the store."""
    _patch(os, "fsync", reached, only=lambda *given: threading.current_thread() is threading.main_thread())


def _before_model(reached: Callable[[], None], model: Path) -> None:
    """The result (model or dataset) is written and has not its name yet."""
    _patch(Path, "rename", reached, only=lambda path, target: Path(target) == model)


def _after_model(reached: Callable[[], None], model: Path) -> None:
    """The result has its name, and the step has not ended."""
    _patch(Path, "rename", reached, only=lambda path, target: Path(target) == model, after=True)


def _in_clear(reached: Callable[[], None], model: Path) -> None:
    from stillhouse.components.training.checkpoints import Checkpoints

    _patch(Checkpoints, "clear", reached)


def _in_split(reached: Callable[[], None], model: Path) -> None:
    """prepare, before near copies are parted."""
    from stillhouse.components.prepare import prepare

    _patch(prepare, "separate", reached)


def _in_dataset_files(reached: Callable[[], None], model: Path) -> None:
    """prepare, between the files of the splits."""
    import pyarrow.parquet

    _patch(pyarrow.parquet, "write_table", reached)


PLACES = {
    "training": _in_training,
    "evaluation": _in_evaluation,
    "checkpoint-files": _in_checkpoint_files,
    "checkpoint-rename": _in_checkpoint_rename,
    "checkpoint-named": _after_checkpoint_rename,
    "teacher": _in_teacher,
    "teacher-cache": _in_teacher_cache,
    "result-unnamed": _before_model,
    "result-named": _after_model,
    "clear": _in_clear,
    "split": _in_split,
    "dataset-files": _in_dataset_files,
}


def _patch(
    holder: Any,
    name: str,
    reached: Callable[[], None],
    *,
    only: Callable[..., bool] = lambda *given: True,
    after: bool = False,
) -> None:
    """Call `reached` before or after each call of a function for which `only` holds."""
    original = getattr(holder, name)

    @wraps(original)
    def patched(*given: Any, **options: Any) -> Any:
        counts = only(*given)
        if counts and not after:
            reached()
        result = original(*given, **options)
        if counts and after:
            reached()
        return result

    setattr(holder, name, patched)


def _writes_a_checkpoint(*given: Any) -> bool:
    return threading.current_thread().name.startswith("checkpoint")

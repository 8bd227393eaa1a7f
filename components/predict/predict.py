"""predict: the answers of a model for the rows of a file or folder, as a stream."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.kept import model_key
from stillhouse.components.artifacts.promotion_record import load, model_names
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.config.settings import check
from stillhouse.components.formats.batch import Reading
from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.formats.tables import column_names, common_schema, is_delimited
from stillhouse.components.predict.answer_names import answer_names
from stillhouse.components.predict.read import MEMORY, Row, data_files, rows
from stillhouse.components.predict.write import check_format, writer
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.memory import Budget, bounded_memory
from stillhouse.components.storage.store import NotFound
from stillhouse.components.targets.labels import label_target
from stillhouse.components.targets.unanswered import unanswered
from stillhouse.components.tasks import task_of
from stillhouse.errors import UserError
from stillhouse.spelling import did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BATCH_ROWS = 512
"""Rows that are read, scored and written together; within them the task makes batches of equal length."""

Note = Callable[[str], None]
"""Is told a sentence that whoever reads the answers should know."""
Progress = Callable[[int, float], None]
"""Is told the rows done and the share of the input, 0 to 1; the first time when the model is loaded."""


def predict(
    model: str,
    source: Path,
    *,
    out: Path | None = None,
    columns: Sequence[str] = (),
    csv: Mapping[str, Any] | None = None,
    device: str = "cpu",
    progress: Progress = lambda rows, share: None,
    note: Note = lambda sentence: None,
) -> int:
    """Write each row of `source` with the model's answer added: `label` and `score`, or `value` for numbers.

    `score` is the probability of the label. A multi-label model gives lists: the labels at or above a
    probability of 0.5, and theirs. An added column whose name any row has is called `predicted_<name>`
    in all rows, and `note` is told.

    Args:
        model: models:/NAME@champion, models:/NAME@previous, models:/NAME/VERSION or a folder.
        source: A file or folder.
        out: Output file (.jsonl, .csv or .parquet); None writes JSON lines to stdout.
        columns: Text columns, joined by line breaks; by default those that the model was trained on.
        csv: How CSV files are written, where that differs from the training data: separator, quote, escape, header.
        device: torch device, such as cpu or cuda.

    Returns:
        The number of rows.

    Raises:
        UserError: there is no such model or data, a row cannot be read or lacks a text column, or the model's answer is
            not a finite number.
    """
    check_format(out)
    files = data_files(source)
    done = 0
    with model_folder(model) as folder:
        info = _read_info(folder, model)
        names = list(columns) or info["columns"]["text"]
        written = check(CsvSettings, {**info.get("csv", {}), **(csv or {})}, "--csv")
        task = task_of(Spec.of_model(info))
        loaded = task.load(folder, device)
        named = _answer_names(info, files, written, note)
        progress(0, 0.0)
        with writer(out, _given_columns(files, written), _answer_columns(info, named)) as write:
            for batch, share in _batches(files, written, names):
                examples = Examples.of(text=_texts(batch, names, info.get("cleaning", {})))
                scores = task.answer(loaded, examples)
                _check_answers(scores, batch)
                told = label_target(info["target"], info["labels"]).rows(scores)
                answers = ({named[name]: value for name, value in answer.items()} for answer in told)
                write([row.values | answer for row, answer in zip(batch, answers, strict=True)])
                done += len(batch)
                progress(done, share)
    return done


def _given_columns(files: list[Path], csv: CsvSettings) -> "pa.Schema | None":
    """Names and types of the columns of all files, where they tell them and agree; CSV holds text."""
    import pyarrow as pa

    heads = [column_names(path, Reading(None, Budget(MEMORY), csv)) for path in files if is_delimited(path)]
    if len(heads) < len(files) or None in heads:
        return common_schema(files)
    return pa.schema([(name, pa.string()) for name in dict.fromkeys(name for head in heads for name in head or ())])


def _answer_columns(info: dict[str, Any], named: dict[str, str]) -> "pa.Schema":
    import pyarrow as pa

    if info["target"] == "number":
        return pa.schema([(named["value"], pa.float64())])
    label, score = pa.string(), pa.float64()
    if info["target"] == "multi_label":
        label, score = pa.list_(label), pa.list_(score)
    return pa.schema([(named["label"], label), (named["score"], score)])


@contextmanager
def model_folder(model: str) -> Iterator[Path]:
    """The model on this machine: the folder itself, or a verified copy for as long as the block lasts.

    Raises:
        UserError: there is no such model.
    """
    if not model.startswith("models:/"):
        yield Path(model)
        return
    name, at, alias = model.removeprefix("models:/").partition("@")
    if not at:
        from stillhouse.components.tracking.registry import resolve

        yield resolve(model)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "model")
        _fetch_promoted(name, alias, folder)
        yield folder


def _fetch_promoted(name: str, alias: str, folder: Path) -> None:
    store = local_store()
    record, _ = load(store, name)
    entry = record.at_alias(alias)
    if entry is None:
        raise UserError(
            f"models:/{name}@{alias}: {store.url} has no such promotion (aliases are champion and previous); "
            + did_you_mean(name, set(model_names(store)) - {name}, "check the name and --home, or promote a model.")
        )
    try:
        store.get_folder(model_key(entry.digest), folder)
    except NotFound:
        raise UserError(
            f"models:/{name}@{alias}: {store.uri(model_key(entry.digest))} is not there; copy it back from where the "
            "store was before, or name another model."
        ) from None


def _read_info(folder: Path, model: str) -> dict[str, Any]:
    try:
        info = json.loads((folder / "model.json").read_text("utf-8"))
        _ = info["task"], info["target"], info["labels"], info["columns"]["text"]
        return info
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise UserError(f"{model}: not a model of Stillhouse ({error}); name a folder that has a model.json.") from None


def _batches(files: list[Path], csv: CsvSettings, columns: list[str]) -> Iterator[tuple[list[Row], float]]:
    """Rows of all files in lots, each with the share of all bytes that was read with it."""
    sizes = [path.stat().st_size for path in files]
    total, before = max(sum(sizes), 1), 0
    for path, size in zip(files, sizes, strict=True):
        stream = rows(path, csv, columns)
        while batch := _next(stream):
            yield batch, (before + batch[-1].share * size) / total
        before += size


def _next(stream: Iterator[Row]) -> list[Row]:
    with bounded_memory(MEMORY):
        return list(islice(stream, BATCH_ROWS))


def _answer_names(info: dict[str, Any], files: list[Path], csv: CsvSettings, note: Note) -> dict[str, str]:
    """The column of each answer; `note` is told of those that are called otherwise than usual."""
    named = answer_names(["value"] if info["target"] == "number" else ["label", "score"], files, csv)
    if renamed := [name for name in named if named[name] != name]:
        there, here = (", ".join(f"'{name}'" for name in names) for names in (renamed, map(named.get, renamed)))
        note(f"The data has a column {there} of its own; the answers are in {here}.")
    return named


def _check_answers(scores: "np.ndarray", batch: list[Row]) -> None:
    if (missing := unanswered(scores)).any():
        raise UserError(
            f"{batch[int(missing.argmax())].place}: the model has no finite answer (nan or infinite) for this row, so "
            "that none of its answers should be used; take another version, or train it anew."
        )


def _texts(batch: list[Row], names: list[str], cleaning: dict[str, Any]) -> list[str]:
    """The text columns joined and cleaned as the training data was."""
    import pyarrow as pa

    from stillhouse.components.modalities.text.clean import cleaned

    joined = ["\n".join(_text(row, name) for name in names) for row in batch]
    return cleaned(pa.array(joined, pa.string()), cleaning).to_pylist()


def _text(row: Row, name: str) -> str:
    if name not in row.texts:
        raise UserError(f"{row.place}: column '{name}' is missing; name one of {', '.join(row.values)} with --column.")
    return row.texts[name] or ""

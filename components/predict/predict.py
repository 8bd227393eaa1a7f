"""predict: the answers of a model for the rows of a file or folder, as a stream."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.components.artifacts.kept import model_key
from stillhouse.components.artifacts.promotion_record import Entry, load, model_names
from stillhouse.components.artifacts.proof import not_signed, verified_entry, verified_folder
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.config.settings import check
from stillhouse.components.formats.batch import Reading
from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.formats.sources import Part
from stillhouse.components.formats.tables import column_names, common_schema, is_delimited
from stillhouse.components.predict.answer_names import answer_names
from stillhouse.components.predict.ask import Answered, ask, roles_of
from stillhouse.components.predict.read import MEMORY, Lot, lots, parts_to_answer
from stillhouse.components.predict.write import check_format, writer
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.memory import Budget, bounded_memory
from stillhouse.components.storage.store import NotFound
from stillhouse.components.tasks import Task, task_of
from stillhouse.components.tasks.interface.columns import Roles
from stillhouse.errors import UserError
from stillhouse.spelling import did_you_mean

if TYPE_CHECKING:
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
    """Write each row of `source` with the model's answer added: `label` and `score`, or `value` for numbers, or what
    another kind of problem answers with.

    `score` is the probability of the label. A multi-label model gives lists: the labels at or above a
    probability of 0.5, and theirs. Pictures themselves are not written. An added column whose name any row has is
    called `predicted_<name>` in all rows, and `note` is told.

    Args:
        model: models:/NAME@champion, models:/NAME@previous, models:/NAME/VERSION or a folder.
        source: A file or folder.
        out: Output file (.jsonl, .csv or .parquet); None writes JSON lines to stdout.
        columns: In the place of those that the model was trained on: text columns, which are joined by line breaks.
        csv: How CSV files are written, where that differs from the training data: separator, quote, escape, header.
        device: torch device, such as cpu or cuda.

    Returns:
        The number of rows.

    Raises:
        UserError: there is no such model or data, a row cannot be read or lacks a text column, or the model's answer is
            not a finite number.
    """
    check_format(out)
    done = 0
    with model_folder(model, note) as folder:
        info = _read_info(folder, model)
        task = task_of(Spec.of_model(info))
        roles = roles_of(task, columns)
        parts = parts_to_answer(source, task.formats_to_answer)
        written = check(CsvSettings, {**info.get("csv", {}), **(csv or {})}, "--csv")
        loaded = task.load(folder, device)
        progress(0, 0.0)
        answered = ((ask(task, loaded, lot, roles), share) for lot, share in _lots(task, roles, parts, written))
        first = next(answered, None)
        named = _answer_names(task, first, parts, written, note)
        with writer(out, _given_columns(task, parts, roles, written), _answer_columns(task, named)) as write:
            for (rows, told), share in answered if first is None else chain([first], answered):
                answers = ({named[name]: value for name, value in answer.items()} for answer in told)
                write([row | answer for row, answer in zip(rows, answers, strict=True)])
                done += len(rows)
                progress(done, share)
    return done


def _lots(task: Task, roles: Roles, parts: list[Part], csv: CsvSettings) -> Iterator[tuple[Lot, float]]:
    """Rows of all parts in lots, each with the share of all bytes that was read with it; one lot of all rows where an
    example is made of several."""
    sizes = [sum(path.stat().st_size for path in part.pictures or [part.path]) for part in parts]
    total, before, kept = max(sum(sizes), 1), 0, list[Lot]()
    for part, size in zip(parts, sizes, strict=True):
        stream = lots(part, task, roles, csv, BATCH_ROWS)
        while lot := _next(stream):
            if task.gathers:
                kept.append(lot)
            else:
                yield lot, (before + lot.share * size) / total
        before += size
    if kept:
        yield Lot.together(kept), 1.0


def _next(stream: Iterator[Lot]) -> Lot | None:
    with bounded_memory(MEMORY):
        return next(stream, None)


def _given_columns(task: Task, parts: list[Part], roles: Roles, csv: CsvSettings) -> "pa.Schema | None":
    """Names and types of the columns of all files, where they tell them and agree; CSV holds text."""
    import pyarrow as pa

    files = [part.path for part in parts]
    if task.gathers or any(part.pictures or task.fields[name].kind == "image" for part in parts for name in roles):
        return None
    heads = [column_names(path, Reading(None, Budget(MEMORY), csv)) for path in files if is_delimited(path)]
    if len(heads) < len(files) or None in heads:
        return common_schema(files)
    return pa.schema([(name, pa.string()) for name in dict.fromkeys(name for head in heads for name in head or ())])


def _answer_columns(task: Task, named: dict[str, str]) -> "pa.Schema":
    import pyarrow as pa

    return pa.schema([(named[name], kind) for name, kind in task.answer_types().items()])


@contextmanager
def model_folder(model: str, note: Note = lambda sentence: None) -> Iterator[Path]:
    """The model on this machine, verified: the folder itself, or a copy for as long as the block lasts.

    Args:
        note: Is told where a model that was promoted is not signed.

    Raises:
        UserError: there is no such model, or it is not what was signed.
    """
    if not model.startswith("models:/"):
        verified_folder(Path(model))
        yield Path(model)
        return
    name, at, alias = model.removeprefix("models:/").partition("@")
    if not at:
        from stillhouse.components.tracking.registry import resolve

        folder = resolve(model)
        if verified_folder(folder, model) is None:
            note(f"{model} is not signed: it was promoted without a key to sign with.")
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "model")
        entry = _fetch_promoted(name, alias, folder)
        if verified_entry(entry, folder, local_store().uri(model_key(entry.digest))) is None:
            note(not_signed(entry))
        yield folder


def _fetch_promoted(name: str, alias: str, folder: Path) -> Entry:
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
    return entry


def _read_info(folder: Path, model: str) -> dict[str, Any]:
    try:
        info = json.loads((folder / "model.json").read_text("utf-8"))
        _ = info["task"], info["target"], info["labels"], {**info["columns"]}
        return info
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise UserError(f"{model}: not a model of Stillhouse ({error}); name a folder that has a model.json.") from None


def _answer_names(
    task: Task, first: tuple[Answered, float] | None, parts: list[Part], csv: CsvSettings, note: Note
) -> dict[str, str]:
    """The column of each answer; `note` is told of those that are called otherwise than usual."""
    told = first[0].answers if first else []
    names = list(task.answer_types()) or list(dict.fromkeys(name for row in told for name in row))
    named = answer_names(names, parts, task.formats_to_answer, csv)
    if renamed := [name for name in named if named[name] != name]:
        there, here = (", ".join(f"'{name}'" for name in names) for names in (renamed, map(named.get, renamed)))
        note(f"The data has a column {there} of its own; the answers are in {here}.")
    return named

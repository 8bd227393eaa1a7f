"""The step prepare: from raw tables to splits that share no texts, and a card that says what was done."""

import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stillhouse.components.artifacts.base_facts import notes_of
from stillhouse.components.artifacts.chosen_base import Candidates
from stillhouse.components.artifacts.examples import Examples, short_hashes
from stillhouse.components.artifacts.forgotten import Forgotten, forgotten_rows
from stillhouse.components.artifacts.gain import expected_gain
from stillhouse.components.artifacts.nights import nights_of
from stillhouse.components.config.settings import shown
from stillhouse.components.formats.fields import canonical
from stillhouse.components.formats.missing import Missing
from stillhouse.components.formats.table import Table
from stillhouse.components.prepare.bases import check_weights
from stillhouse.components.prepare.card import write_card
from stillhouse.components.prepare.checks import check_coverage, check_drift, check_rows
from stillhouse.components.prepare.dated import dated
from stillhouse.components.prepare.novelty import Novelty, read_known_rows
from stillhouse.components.prepare.placing import Placing
from stillhouse.components.prepare.rare_labels import part_without_rare
from stillhouse.components.prepare.read import read, unparsed
from stillhouse.components.prepare.replay import described, periods_of
from stillhouse.components.prepare.rows import FORGOTTEN, NO_TIME, digest
from stillhouse.components.prepare.settings import LEARN, PrepareSettings
from stillhouse.components.prepare.splits import Dropped, drop_copies, separate
from stillhouse.components.prepare.statistics import read_reference
from stillhouse.components.prepare.write_dataset import Prepared, content_digest, split_tables, write_dataset
from stillhouse.components.storage.disk import staged_folder, sync_folder, writing
from stillhouse.components.storage.home import SOURCES, local_store
from stillhouse.components.storage.sources import fetch_source
from stillhouse.components.storage.urls import local_path, scheme_of
from stillhouse.components.storage.windows import Window
from stillhouse.components.targets.parse import LabelReading, Targets
from stillhouse.components.targets.profile import Profile
from stillhouse.components.tasks.interface.task import Task
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

Progress = Callable[[int, int, str, str], None]
"""Called with what is done, what there is in all, its unit, and the stage."""

SCHEMES = ("file", "s3", "hf")
CARD = "card.html"
"""The card's copy in the dataset: a run that takes the dataset from the cache shows it too."""
MAX_EXAMPLES = 3
"""Dropped rows of each reason that the card shows."""
MAX_LEFT_OUT = 20
"""Files without data that dataset.json names."""


def prepare(settings: PrepareSettings, *, snapshot: str, dataset: Path | str, card: Path | str, run: StepRun) -> str:
    """Read, clean, deduplicate and split the source; write the folder `dataset` and the HTML file `card`.

    `snapshot` is inspect's JSON; a step that runs alone may leave out all of it. It gives `source_digest`; in
    `window` the partitions to read; in `reference` the URI of the dataset.json that drift is measured against, and
    in `champion` that of the model whose training rows are not new; and in `nights` the model name whose earlier runs
    tell what this one may gain.

    Returns:
        `LEARN`; or, when `min_new_rows`, `min_drift` or `skip_below` ask for more, what there is of it.

    Raises:
        UserError: the snapshot or the source cannot be read, or a limit does not hold; nothing is written then.
    """
    dataset, card, known = Path(dataset), Path(card), _read_snapshot(snapshot)
    run.params(settings.model_dump())
    bases, chosen = check_weights(known["bases"], known["unseen"]), None
    candidates = None if known["auto"] is None else Candidates.model_validate(known["auto"])
    # Beside the runs: what has not changed since an earlier run is not fetched again.
    window = Window(**known["window"]) if known.get("window") else None
    fetched = run.folder.parent / SOURCES / digest(settings.source)
    files = fetch_source(settings.source, fetched, window)
    root = local_path(settings.source) if scheme_of(settings.source, SCHEMES) == "file" else fetched
    periods = periods_of(settings.source, fetched, window) if window else None
    table = read(files, settings, lambda done, total: run.progress(done, total, "files", "reading"), root, periods)
    reference = _comparable(read_reference(known["reference"]) if known["reference"] else None, settings)
    expected = reference["target"] if reference else None
    prepared = refine(table, settings, run.progress, expected, forgotten_rows(local_store()))
    profile = _profile(prepared)
    drift = profile.drift(reference) if reference else None
    novelty = Novelty.of(prepared, drift, read_known_rows(known["champion"]) if known.get("champion") else None)
    too_little = novelty.too_little(settings)
    expected = expected_gain(nights_of(local_store(), known["nights"]), novelty.news) if known.get("nights") else None
    tables = split_tables(prepared, settings.slices)
    # A window of few rows, in which nothing is to be learnt, need not be one that could be learnt from.
    if not (too_little and prepared.labelled):
        check_rows(prepared, settings)
        check_coverage(prepared, settings)
        if drift:
            check_drift(drift, settings)
        train = Examples(tables["train"])
        if candidates is not None:
            chosen = prepared.task.choose_base(candidates, train)
            bases = [chosen, *(base for base in bases if base.address != chosen.address)]
        bases = prepared.task.check_bases(bases, train, settings.max_unknown_tokens)
        prepared = _fitted(prepared, train)
    description = {
        "source_digest": known.get("source_digest", ""),
        "content_digest": content_digest(prepared, settings),
        "statistics": profile.statistics(),
        "drift": drift,
        "news": novelty.news.model_dump() if reference or known.get("champion") else None,
        "expected": expected and expected.model_dump(),
        "files": _files(table),
        "base": chosen and chosen.model_dump(include={"address", "digest", "why"}),
        "bases": [base.model_dump() for base in bases],
        "no_values": _no_values(table, prepared, settings),
        **(prepared.times.described() if prepared.times else {}),
        **({"replayed": prepared.replayed} if prepared.replayed else {}),
    }
    run.notes(notes_of(bases))
    with writing(dataset), staged_folder(dataset) as folder:
        write_dataset(folder, prepared, tables, settings, description)
        write_card(folder / CARD, prepared, settings, description)
        sync_folder(folder)
        shutil.rmtree(dataset, ignore_errors=True)
        folder.rename(dataset)
        shutil.copyfile(dataset / CARD, card)
    _track(run, prepared, description, settings, dataset)
    if novelty.new_rows is not None:
        run.metrics({"new_rows": novelty.new_rows})
    if expected is None:
        return too_little or LEARN
    run.metrics(expected.figures())
    run.notes({"expected_gain": expected.sentence})
    return too_little or expected.too_little(settings.skip_below) or LEARN


def _comparable(reference: dict[str, Any] | None, settings: PrepareSettings) -> dict[str, Any] | None:
    """The reference, unless it is of another kind of problem, from which nothing can be told to have drifted."""
    if reference and reference.get("task", settings.task) != settings.task:
        logger.warning("the last promoted model's dataset is of the task %s: no drift is measured.", reference["task"])
        return None
    return reference


def _profile(prepared: Prepared) -> Profile:
    examples = [row.example for rows in prepared.splits.values() for row in rows]
    return prepared.task.profile(examples, [row.target for row in prepared.labelled])


def _fitted(prepared: Prepared, train: Examples) -> Prepared:
    """With what the task learns of the training rows."""
    task = prepared.task
    fitted = task.fit(task.spec, train)
    return replace(prepared, task=type(task)(task.spec.model_copy(update={"fitted": fitted}))) if fitted else prepared


def refine(
    table: Table,
    settings: PrepareSettings,
    progress: Progress = lambda *_: None,
    expected: str | None = None,
    forgotten: Forgotten | None = None,
) -> Prepared:
    """Clean, deduplicate and split the rows of `table`, but for those that are forgotten; `expected` is the kind of
    target in production.

    Raises:
        UserError: the label column does not fit.
    """
    task = unparsed(settings)
    whole, table = table, task.gather(table)
    found = task.standardise_all(table.inputs, lambda done, total: progress(done, total, "rows", "cleaning"))
    unusable = _unusable(table, found)
    identities = {i: digest(task.identity(each)) for i, each in enumerate(found) if not isinstance(each, str)}
    found = _without_forgotten(table, found, identities, forgotten)
    usable = [i for i, example in enumerate(found) if not isinstance(example, str)]
    placing = Placing(task, table, identities, usable, settings)
    dropped = Counter(table.dropped) + Counter(reason for reason in found if isinstance(reason, str))
    targets = _targets(task, table, placing.rows, settings, expected)
    read = len(table) + sum(table.dropped.values()) - (len(usable) - len(placing.rows))

    def part(targets: Targets) -> tuple[Prepared, list[Dropped]]:
        rows, timing = placing.place(found, targets.values)
        single, copies = drop_copies(rows, task.recurs)
        parted, near_copies = separate(
            single,
            task.likeness,
            settings.near_duplicates,
            settings.labelled_rows,
            lambda done, total: progress(done, total, "rows", "near duplicates"),
        )
        lost = [*copies, *(Dropped(copy.reason, copy.row) for copy in near_copies)]
        untimed = timing.untimed if timing else []
        without = Counter({NO_TIME: len(untimed)}) if untimed else Counter()
        counted = dict(sorted((dropped + without + Counter(reason for reason, _ in lost)).items()))
        knowing = _knowing(task, targets)
        return Prepared(
            knowing,
            parted,
            read,
            counted,
            near_copies,
            examples={**unusable, **_untimed(table, found, untimed), **_lost(lost, knowing)},
            times=dated(timing, table, parted, whole if task.gathers else None) if timing else None,
            replayed=described(placing.periods, [row for rows in parted.values() for row in rows]),
        ), lost

    return part_without_rare(_knowing(task, targets), targets, part, settings)


def _without_forgotten(
    table: Table, found: list[dict[str, Any] | str], identities: Mapping[int, str], forgotten: Forgotten | None
) -> list[dict[str, Any] | str]:
    """The examples, with the reason `forgotten` in the place of those that are: in their canonical form, or as they
    came, which another cleaning does not change.

    Args:
        identities: digests of the canonical forms, by the number of the row; of rows that have one.
    """
    if forgotten is None:
        return found
    hashes = [[digest(canonical(row)) for row in batch.to_pylist()] for batch in table.inputs.to_batches(1024)]
    gone = forgotten.holds(short_hashes([one for some in hashes for one in some]))
    gone[list(identities)] |= forgotten.holds(short_hashes(list(identities.values())))
    return [
        FORGOTTEN if is_gone and not isinstance(example, str) else example
        for example, is_gone in zip(found, gone.tolist(), strict=True)
    ]


def _knowing(task: Task, targets: Targets) -> Task:
    """The task, which knows the target now."""
    return type(task)(task.spec.model_copy(update={"target": targets.kind, "labels": targets.labels}))


def _targets(task: Task, table: Table, rows: Sequence[int], settings: PrepareSettings, expected: str | None) -> Targets:
    """What those rows are to be learnt for."""
    column = task.spec.columns.get(task.target_field())
    reading = LabelReading(
        settings.target,
        settings.label_separator,
        settings.label_names,
        Missing(settings.missing),
        settings.csv.decimal or ".",
        settings.csv.thousands or "",
        expected,
    )
    return task.parse([table.targets[i] for i in rows], lambda k: f"{table.where(rows[k])}, column '{column}'", reading)


Shown = dict[str, list[tuple[str, dict[str, Any]]]]
"""Of each reason some of the rows dropped for it."""


def _unusable(table: Table, found: Sequence[dict[str, Any] | str]) -> Shown:
    """Rows that have no canonical form, as they came, with their places."""
    shown: Shown = {}
    for i, reason in enumerate(found):
        if isinstance(reason, str) and len(some := shown.setdefault(reason, [])) < MAX_EXAMPLES:
            some.append((_place(table, i), table.inputs.slice(i, 1).to_pylist()[0]))
    return shown


def _untimed(table: Table, found: Sequence[dict[str, Any] | str], rows: Sequence[int]) -> Shown:
    """Rows that have no time, in their canonical form, with their places."""
    some = [(_place(table, i), found[i]) for i in rows[:MAX_EXAMPLES]]
    shown = [(place, example) for place, example in some if not isinstance(example, str)]
    return {NO_TIME: shown} if shown else {}


def _lost(lost: Sequence[Dropped], task: Task) -> Shown:
    """Rows that others stay in place of, with their labels."""
    shown: Shown = {}
    for reason, row in lost:
        if len(some := shown.setdefault(reason, [])) < MAX_EXAMPLES:
            some.append((task.target_in_words(row.target), row.example))
    return shown


def _place(table: Table, row: int) -> str:
    """File and row, without the folders: the card goes round."""
    return table.where(row).rpartition("/")[2]


def _no_values(table: Table, prepared: Prepared, settings: PrepareSettings) -> dict[str, Any]:
    """Of each column how often which spelling stood for no value, and which labels are names that look like one."""
    task = prepared.task
    targets = task.no_values(table.targets, Missing(settings.missing))
    column = task.spec.columns.get(task.target_field())
    missing = {**({column: targets["missing"]} if isinstance(column, str) else {}), **table.no_values}
    return {"missing": {name: counts for name, counts in missing.items() if counts}, "names": targets["names"]}


def _files(table: Table) -> dict[str, Any]:
    """How many files and rows came in each way of writing, and the names of those that are not data."""
    rows, files = Counter[str](), Counter[str]()
    for note in table.files:
        rows[note.written] += note.rows
        files[note.written] += 1
    read = [{"written": written, "files": files[written], "rows": rows[written]} for written in sorted(files)]
    return {"read": read, "left_out": [path.name for path in table.left_out[:MAX_LEFT_OUT]]}


def _read_snapshot(text: str) -> dict[str, Any]:
    try:
        known = json.loads(text)
        nothing_seen = {"reference": None, "bases": [], "unseen": {}, "auto": {}}
        return {**nothing_seen, **known}
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise UserError(f"snapshot: {shown(text)} is not a JSON object; give what inspect handed on.") from None


def _track(
    run: StepRun,
    prepared: Prepared,
    description: dict,
    settings: PrepareSettings,
    dataset: Path,
) -> None:
    measured = {f"rows/{split}": rows for split, rows in prepared.rows.items()}
    measured |= {f"dropped/{reason}": rows for reason, rows in prepared.dropped.items()}
    if prepared.rare:
        measured["rows/rare_labels"] = sum(rare.rows for rare in prepared.rare)
    measured |= {f"drift/{name}": value for name, value in (description["drift"] or {}).items()}
    run.metrics(measured)
    name = Path(settings.source).stem
    for used in (run, run.whole):
        used.dataset(name, description["content_digest"], settings.source, prepared.rows)
    run.artifact(dataset / "dataset.json")
    run.artifact(dataset / CARD)
    for note in prepared.said:
        logger.warning(note)
    logger.info("rows read %d; kept %s; dropped %s", prepared.read, prepared.rows, prepared.dropped)

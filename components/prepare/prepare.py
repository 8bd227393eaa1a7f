"""The step prepare: from raw tables to splits that share no texts, and a card that says what was done."""

import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute

from stillhouse.components.artifacts.base_facts import notes_of
from stillhouse.components.artifacts.chosen_base import Candidates
from stillhouse.components.config.settings import shown
from stillhouse.components.formats.missing import Missing
from stillhouse.components.modalities.text.clean import cleaned
from stillhouse.components.prepare.base_choice import choose_base
from stillhouse.components.prepare.bases import check_numbers, check_texts, check_weights
from stillhouse.components.prepare.card import write_card
from stillhouse.components.prepare.checks import check_coverage, check_drift, check_rows
from stillhouse.components.prepare.no_values import label_spellings
from stillhouse.components.prepare.novelty import Novelty, read_known_rows
from stillhouse.components.prepare.rare_labels import part_without_rare
from stillhouse.components.prepare.read import Table, read
from stillhouse.components.prepare.rows import Row, digest
from stillhouse.components.prepare.settings import LEARN, PrepareSettings
from stillhouse.components.prepare.splits import Dropped, assign, drop_copies, separate
from stillhouse.components.prepare.statistics import Profile, read_reference
from stillhouse.components.prepare.write_dataset import Prepared, content_digest, write_dataset
from stillhouse.components.storage.disk import staged_folder, sync_folder, writing
from stillhouse.components.storage.home import SOURCES
from stillhouse.components.storage.sources import fetch_source
from stillhouse.components.storage.windows import Window
from stillhouse.components.targets.parse import Kind, LabelReading, Target, Targets, read_targets
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

pc: Any = pyarrow.compute  # its functions are made at run time, where no type checker sees them
logger = logging.getLogger(__name__)

Progress = Callable[[int, int, str, str], None]
"""Called with what is done, what there is in all, its unit, and the stage."""

CARD = "card.html"
"""The card's copy in the dataset: a run that takes the dataset from the cache shows it too."""
MAX_EXAMPLES = 3
"""Dropped rows of each reason that the card shows."""
EXAMPLE_CHARACTERS = 1000
"""Kept of each of them."""
MAX_LEFT_OUT = 20
"""Files without data that dataset.json names."""
_BATCH = 8192


def prepare(settings: PrepareSettings, *, snapshot: str, dataset: Path | str, card: Path | str, run: StepRun) -> str:
    """Read, clean, deduplicate and split the source; write the folder `dataset` and the HTML file `card`.

    `snapshot` is inspect's JSON; a step that runs alone may leave out all of it. It gives `source_digest`; in
    `window` the partitions to read; in `reference` the URI of the dataset.json that drift is measured against, and
    in `champion` that of the model whose training rows are not new.

    Returns:
        `LEARN`; or, when `min_new_rows` and `min_drift` ask for more that is new, what there is of it.

    Raises:
        UserError: the snapshot or the source cannot be read, or a limit does not hold; nothing is written then.
    """
    dataset, card, known = Path(dataset), Path(card), _read_snapshot(snapshot)
    run.params(settings.model_dump())
    bases, chosen = check_weights(known["bases"], known["unseen"]), None
    candidates = None if known["auto"] is None else Candidates.model_validate(known["auto"])
    # Beside the runs: what has not changed since an earlier run is not fetched again.
    window = Window(**known["window"]) if known.get("window") else None
    files = fetch_source(settings.source, run.folder.parent / SOURCES / digest(settings.source), window)
    table = read(files, settings, lambda done, total: run.progress(done, total, "files", "reading"))
    reference = read_reference(known["reference"]) if known["reference"] else None
    prepared = refine(table, settings, run.progress, reference["target"] if reference else None)
    profile = Profile(prepared)
    drift = profile.drift(reference) if reference else None
    novelty = Novelty.of(prepared, drift, read_known_rows(known["champion"]) if known.get("champion") else None)
    too_little = novelty.too_little(settings)
    # A window of few rows, in which nothing is to be learnt, need not be one that could be learnt from.
    if not (too_little and prepared.labelled):
        check_rows(prepared, settings)
        check_coverage(prepared, settings)
        if drift:
            check_drift(drift, settings)
        train = prepared.splits["train"]
        texts = [row.text for row in train]
        if candidates is not None:
            chosen = choose_base(candidates, texts, settings.task, prepared.kind)
            bases = [chosen, *(base for base in bases if base.address != chosen.address)]
        bases = check_texts(bases, texts, settings.max_unknown_tokens)
        if prepared.kind == "number":
            check_numbers(bases, [float(cast(float, row.target)) for row in train])
    description = {
        "source_digest": known.get("source_digest", ""),
        "content_digest": content_digest(prepared, settings),
        "statistics": profile.statistics(),
        "drift": drift,
        "files": _files(table),
        "base": chosen and chosen.model_dump(include={"address", "digest", "why"}),
        "bases": [base.model_dump() for base in bases],
        "no_values": _no_values(table, prepared, settings),
    }
    if bases:
        run.notes(notes_of(bases))
    with writing(dataset), staged_folder(dataset) as folder:
        write_dataset(folder, prepared, settings, description)
        write_card(folder / CARD, prepared, settings, description)
        sync_folder(folder)
        shutil.rmtree(dataset, ignore_errors=True)
        folder.rename(dataset)
        shutil.copyfile(dataset / CARD, card)
    _track(run, prepared, description, settings, dataset)
    if novelty.new_rows is not None:
        run.metrics({"new_rows": novelty.new_rows})
    return too_little or LEARN


def refine(
    table: Table, settings: PrepareSettings, progress: Progress = lambda *_: None, expected: Kind | None = None
) -> Prepared:
    """Clean, deduplicate and split the rows of `table`; `expected` is the kind of target in production.

    Raises:
        UserError: the label column does not fit.
    """
    texts = _cleaned(table, settings, progress)
    dropped: Counter[str] = Counter()
    examples: dict[str, list[tuple[str, str]]] = {}
    usable = []
    for i, text in enumerate(texts):
        reason = "empty" if not text else "too_long" if len(text) > settings.max_characters else None
        if reason:
            dropped[reason] += 1
            if dropped[reason] <= MAX_EXAMPLES:
                examples.setdefault(reason, []).append(
                    (_place(table, i), (table.texts[i].as_py() or "")[:EXAMPLE_CHARACTERS])
                )
        else:
            usable.append(i)
    targets = read_targets(
        [table.labels[i] for i in usable],
        lambda i: f"{table.where(usable[i])}, column '{settings.columns.label}'",
        LabelReading(
            settings.target,
            settings.label_separator,
            settings.label_names,
            Missing(settings.missing),
            settings.csv.decimal or ".",
            settings.csv.thousands or "",
            expected,
        ),
    )
    hashes = [digest(texts[i]) for i in usable]
    groups, given = [table.groups[i] for i in usable], [table.splits[i] for i in usable]

    def part(targets: Targets) -> tuple[Prepared, list[Dropped]]:
        splits = assign(hashes, targets.values, groups, given, settings.splits)
        rows = [Row(hashes[k], texts[i], targets.values[k], table.slices[i], splits[k]) for k, i in enumerate(usable)]
        single, copies = drop_copies(rows)
        parted, near_copies = separate(
            single,
            settings.near_duplicates,
            settings.labelled_rows,
            lambda done, total: progress(done, total, "rows", "near duplicates"),
        )
        lost = [*copies, *(Dropped(copy.reason, copy.row) for copy in near_copies)]
        reasons = dropped + Counter(reason for reason, _ in lost)
        counted = dict(sorted(reasons.items()))
        shown = {**examples, **_examples(lost, targets.labels)}
        return Prepared(targets.kind, targets.labels, parted, len(texts), counted, near_copies, examples=shown), lost

    return part_without_rare(targets, part, settings)


def _examples(lost: list[Dropped], labels: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Of each reason some of the rows, with their labels."""
    found: dict[str, list[tuple[str, str]]] = {}
    for reason, row in lost:
        some = found.setdefault(reason, [])
        if len(some) < MAX_EXAMPLES:
            some.append((_named(row.target, labels), row.text[:EXAMPLE_CHARACTERS]))
    return found


def _named(target: Target | None, labels: list[str]) -> str:
    if target is None:
        return "no label"
    if isinstance(target, tuple):
        return ", ".join(labels[i] for i in target) or "none"
    return labels[target] if isinstance(target, int) else f"{target:g}"


def _place(table: Table, row: int) -> str:
    """File and row, without the folders: the card goes round."""
    return table.where(row).rpartition("/")[2]


def _no_values(table: Table, prepared: Prepared, settings: PrepareSettings) -> dict[str, Any]:
    """Of each column how often which spelling stood for no value, and which labels are names that look like one."""
    labels = label_spellings(table.labels, prepared.kind == "number", Missing(settings.missing))
    missing = {**({settings.columns.label: labels["missing"]} if settings.columns.label else {}), **table.no_values}
    return {"missing": {name: counts for name, counts in missing.items() if counts}, "names": labels["names"]}


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


def _cleaned(table: Table, settings: PrepareSettings, progress: Progress) -> list[str]:
    texts: list[str] = []
    total = len(table.texts)
    for batch in pa.table([table.texts], ["text"]).to_batches(_BATCH):
        # Cleaning shortens a text, but not tenfold; far longer ones are dropped anyway, and would take minutes.
        short = pc.less_equal(pc.utf8_length(batch["text"]), 10 * settings.max_characters)
        found = cleaned(batch["text"].filter(short), settings.cleaning)
        texts += pc.replace_with_mask(batch["text"], short, found).to_pylist()
        progress(len(texts), total, "rows", "cleaning")
    return texts


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
    for note in prepared.notes:
        logger.warning(note)
    logger.info("rows read %d; kept %s; dropped %s", prepared.read, prepared.rows, prepared.dropped)

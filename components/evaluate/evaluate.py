"""Measure student, teacher, baselines and champion on the same test rows, and report who wins."""

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.environment import environment
from stillhouse.components.artifacts.evaluation import TRIVIAL, Evaluation
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import notes_of, read_model_json
from stillhouse.components.artifacts.spec import read_spec
from stillhouse.components.artifacts.trainings import trainings_of
from stillhouse.components.evaluate.anchor import against_anchor
from stillhouse.components.evaluate.baselines import strong_baseline, trivial_baseline
from stillhouse.components.evaluate.calibration import calibration_notes, calibration_of
from stillhouse.components.evaluate.champion import Champion, answers_of, champion_notes, open_champion, read_champion
from stillhouse.components.evaluate.cold_starts import cold_starts
from stillhouse.components.evaluate.comparison import Compared, compare
from stillhouse.components.evaluate.contestants import Contestant, trained
from stillhouse.components.evaluate.evidence import evidence
from stillhouse.components.evaluate.flips import described as described_flips
from stillhouse.components.evaluate.found_slices import found_slices
from stillhouse.components.evaluate.latency import latency_ratios, percentiles, time_rows
from stillhouse.components.evaluate.mistakes import worst_mistakes
from stillhouse.components.evaluate.over_time import forward, remembered
from stillhouse.components.evaluate.report import write_report
from stillhouse.components.evaluate.results import Findings
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.evaluate.slices import measure_slices
from stillhouse.components.evaluate.wording import comparison_notes, label_notes, short_name
from stillhouse.components.targets.measure import Statistics
from stillhouse.components.tasks import Task, task_of
from stillhouse.components.tasks.interface.results import Results
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)


def evaluate(
    settings: EvaluateSettings,
    *,
    champion: str,
    dataset: str | Path,
    teacher: str | Path,
    student: str | Path,
    evaluation: str | Path,
    report: str | Path,
    baseline: str | Path,
    metrics: Any | None,
    classification: Any | None,
    run: StepRun,
) -> None:
    """Write evaluation.json, the report, and the strong baseline where it is a model.

    Args:
        champion: JSON of the champion's record, "" when there is none.
        dataset: dataset folder.
        teacher: model folder.
        student: model folder.
        evaluation: JSON file to write.
        report: HTML file to write.
        baseline: model folder to write: the baseline that may be promoted in the student's place.
        metrics: KFP's Metrics artifact, None outside KFP.
        classification: KFP's ClassificationMetrics artifact, None outside KFP.
        run: where progress and metrics go.

    Raises:
        UserError: a slice is not in the dataset, or serve_on is not there.
    """
    _check_device(settings.serve_on)
    run.params(settings.model_dump())
    task = task_of(read_spec(Path(dataset)))
    test = read_split(Path(dataset), "test", settings.slices)
    train = read_split(Path(dataset), "train")
    rival = open_champion(champion, task, test)
    folders = {"student": Path(student), "teacher": Path(teacher)}
    contestants, rival = _answers(settings, folders, rival, task, test, run)
    run.progress(0, len(train), "rows", "training the baselines")
    strong = strong_baseline(settings, task, train, test, Path(baseline))
    contestants |= ({task.baseline: strong} if strong else {}) | {TRIVIAL: trivial_baseline(task, train, test)}
    latencies = _latencies(settings, contestants, test, run)
    statistics = {name: task.statistics(one.answers, test) for name, one in contestants.items() if name != "champion"}
    anchored = against_anchor(read_champion(champion), rival, contestants, task, test, settings, run)
    meeting = rival.meeting if rival else None
    resampled = partial(run.progress, total=settings.resamples, unit="resamples", note="bootstrap")
    compared = compare(task, contestants, statistics, test, meeting, settings, resampled)
    document = _document(settings, task, contestants, statistics, latencies, test, rival, anchored, compared)
    for name, found in cold_starts(
        _served(folders, contestants, rival, task, Path(baseline)), test, settings, run
    ).items():
        document["models"][name]["cold"] = found
    for name, found in remembered(rival, contestants, task, test, settings).items():
        (document if name == "student" else document["candidates"][name])["forgetting"] = found
    document |= forward(rival, contestants, task, test, settings)
    document["evidence"] = evidence(settings, task, train, test, statistics.get(task.baseline), folders)
    # What was said of their bases, which are often the same.
    of_bases = dict.fromkeys([*notes_of(Path(teacher)).values(), *notes_of(Path(student)).values()])
    document["notes"] = [*of_bases, *document["notes"]]
    document["lengths"] = _lengths(folders)
    # From which, with what the recipe gives, a run can be made again whose settings followed from its data.
    document["trained_with"] = _trained_with(folders)
    document["environment"] = environment().model_dump(mode="json")
    document |= found_slices(task, statistics["student"], test, settings)
    document |= calibration_of(task, Path(student), contestants["student"].answers, test)
    document["notes"] += calibration_notes(document)
    findings = _findings(settings, task, document, contestants, statistics, test, folders, compared)
    run.progress(0, 1, "pages", "report")
    write_report(report, findings)
    _write_json(Path(evaluation), document)
    _log_to_kfp(metrics, classification, findings)
    _track(run, document, Path(evaluation), Path(report))


def _trained_with(folders: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Settings of the steps that trained the teacher and the student, by step."""
    earlier = trainings_of(folders["teacher"])
    of_step = {training["step"]: training["settings"] for training in earlier if "settings" in training}
    return {
        **({"pretrain": of_step["pretrain"]} if "pretrain" in of_step else {}),
        "finetune": read_model_json(folders["teacher"]).get("settings", {}),
        "distill": read_model_json(folders["student"]).get("settings", {}),
    }


def _lengths(folders: Mapping[str, Path]) -> dict[str, Any]:
    """How long the training rows are for each model, as its last training says."""
    last = {name: training for name, folder in folders.items() for training in trainings_of(folder)[-1:]}
    return {name: training["lengths"] for name, training in last.items() if "lengths" in training}


def _check_device(device: str) -> None:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("evaluate.serve_on is 'cuda', but this machine has no GPU; set it to 'cpu'.")


def _answers(
    settings: EvaluateSettings,
    folders: dict[str, Path],
    champion: Champion | None,
    task: Task,
    test: Examples,
    run: StepRun,
) -> tuple[dict[str, Contestant], Champion | None]:
    """What was trained before, in the order it is reported, the champion among it if it gives answers."""
    done = 0
    total = len(test) * (len(folders) + bool(champion and champion.folder))
    contestants: dict[str, Contestant] = {}

    def progress(name: str, rows: int) -> None:
        nonlocal done
        done += rows
        run.progress(done, total, "rows", f"{name} answers")

    for name, folder in folders.items():
        found = trained(folder, test, settings.serve_on, partial(progress, name))
        contestants[name] = found.answered(task, test)
        logger.info("%s: %.0f rows/s", name, contestants[name].about["rows_per_second"])
    if champion and champion.folder:
        theirs = answers_of(champion, task, test, settings.serve_on, partial(progress, "champion"))
        if isinstance(theirs, str):
            champion = champion.left_out(theirs)
        else:
            contestants["champion"] = theirs
    return contestants, champion


def _served(
    folders: Mapping[str, Path], contestants: dict[str, Contestant], champion: Champion | None, task: Task, strong: Path
) -> dict[str, Path]:
    """The folders of the models that answer users, or may; `strong` is the strong baseline's."""
    of_champion = champion.folder if champion else None
    served = {"student": folders["student"], "champion": of_champion, task.baseline: strong}
    return {
        name: folder for name, folder in served.items() if folder and name in contestants and contestants[name].scorer
    }


def _latencies(
    settings: EvaluateSettings, contestants: dict[str, Contestant], test: Examples, run: StepRun
) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(settings.seed)
    rows = generator.permutation(len(test))[: settings.latency_rows]
    total = len(rows) * settings.latency_rounds
    return time_rows(
        {name: contestant.scorer for name, contestant in contestants.items() if contestant.scorer},
        [test.take([row]) for row in rows],
        rounds=settings.latency_rounds,
        progress=lambda done: run.progress(done, total, "rows", "timing single rows"),
    )


def _document(
    settings: EvaluateSettings,
    task: Task,
    contestants: dict[str, Contestant],
    statistics: dict[str, Statistics],
    latencies: dict[str, np.ndarray],
    test: Examples,
    champion: Champion | None,
    anchored: tuple[dict[str, Any], dict[str, dict[str, float]]],
    compared: Compared,
) -> dict[str, Any]:
    """evaluation.json; `anchored` is what `against_anchor` found."""
    models, differences, flips = compared
    for name, contestant in contestants.items():
        models[name] |= contestant.described()
        if name in latencies:
            sure = {"confidence": settings.confidence, "seed": settings.seed}
            models[name]["latency_ms"] = percentiles(latencies[name], **sure)
    main, (parts, to_anchor) = task.measures[0], anchored
    unseen = int(champion.rows.sum()) if champion and champion.meeting else None

    def beside(candidate: str, others: Sequence[str]) -> dict[str, Any]:
        """Differences, latency and slices of a model that may be promoted."""
        times = {other: latencies[other] for other in others if other in latencies}
        beyond = {"to_anchor": to_anchor[candidate]} if candidate in to_anchor else {}
        if candidate in flips:
            rows = differences[candidate]["champion"]["rows"]
            beyond["negative_flips"] = described_flips(int(flips[candidate].sum()), rows, settings.confidence)
        return {
            "differences": differences[candidate],
            **latency_ratios(latencies[candidate], times, confidence=settings.confidence, seed=settings.seed),
            "slices": measure_slices(
                main,
                statistics[candidate],
                test.slices(settings.slices),
                task.errors(statistics[candidate]),
                resamples=settings.resamples,
                confidence=settings.confidence,
                seed=settings.seed,
            ),
            **beyond,
        }

    document = {
        "format": 1,
        "task": task.spec.task,
        "main_metric": main.name,
        "greater_is_better": main.greater_is_better,
        "confidence": settings.confidence,
        "seed": settings.seed,
        "rows": {"test": len(test), "unseen_by_champion": unseen},
        "models": models,
        **beside("student", ("teacher", "champion")),
        "candidates": {name: beside(name, ("champion",)) for name in differences if name != "student"},
        "never_answered": task.never_answered(statistics["student"]),
        **parts,
    }
    notes = [*comparison_notes(document, main.title), *label_notes(document), *task.spec.notes]
    if champion:
        described = champion.described(models["student"]["per_label"])
        document["champion"] = described
        notes += [*champion_notes(described), *([champion.note] if champion.note else [])]
    notes += [line for base in task.spec.bases for line in base.lines()]
    return document | {"notes": notes}


def _findings(
    settings: EvaluateSettings,
    task: Task,
    document: dict[str, Any],
    contestants: dict[str, Contestant],
    statistics: dict[str, Statistics],
    test: Examples,
    folders: dict[str, Path],
    compared: Compared,
) -> Findings:
    answers = contestants["student"].answers, contestants["teacher"].answers
    worst = partial(worst_mistakes, task, test, *answers, statistics["student"], settings.num_mistakes)
    return Findings(
        task=task,
        results=Results(test, statistics, document, lambda name: short_name(name, document["models"]), folders),
        settings=settings,
        source=Path(task.spec.source).name,
        mistakes=worst(),
        flips=worst(compared.flips["student"]) if compared.flips else [],
        trainings=trainings_of(folders["student"]),
    )


def _log_to_kfp(metrics: Any | None, classification: Any | None, findings: Findings) -> None:
    """Fill KFP's Metrics and ClassificationMetrics, which its interface draws."""
    models = findings.models
    if metrics is not None:
        for name, entry in models.items():
            metrics.log_metric(f"{name}_{findings.metric}", entry["metrics"][findings.metric]["value"])
        metrics.log_metric("student_parameters", models["student"]["parameters"])
        for other, ratio in findings.evaluation["latency_ratio"].items():
            metrics.log_metric(f"latency_ratio_to_{other}", ratio)
    drawn = findings.task.classification(findings.results) if classification is not None else None
    if classification is None or drawn is None:
        return
    if drawn.confusion is not None:
        classification.log_confusion_matrix(list(drawn.labels), drawn.confusion.tolist())
    if drawn.roc is not None:
        classification.log_roc_curve(drawn.roc.false_positive, drawn.roc.true_positive, drawn.roc.thresholds)


def _track(run: StepRun, document: dict[str, Any], evaluation: Path, report: Path) -> None:
    """Hand metrics and files to tracking, the files under names that MLflow's interface opens."""
    run.metrics(
        {
            f"{name}/{metric}": value["value"]
            for name, entry in document["models"].items()
            for metric, value in entry["metrics"].items()
        }
    )
    for name, beside in {"student": document, **document["candidates"]}.items():
        if flips := beside.get("negative_flips"):
            run.metrics({f"{name}/negative_flips": flips["rate"], f"{name}/negative_flips_upper": flips["upper"]})
    run.metrics(Evaluation.model_validate(document).over_time)
    for source, name in ((evaluation, "evaluation.json"), (report, "report.html")):
        shutil.copyfile(source, run.folder / name)
        run.artifact(run.folder / name)
    run.progress(1, 1, "pages", "report")


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    half.write_text(json.dumps(document, indent=1, allow_nan=False), encoding="utf-8")
    half.replace(path)

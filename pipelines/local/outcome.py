"""The end of a run in a few lines: the verdict, and where everything is."""

import json
import shlex
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.kept import model_key
from stillhouse.components.artifacts.recipe_lock import FILE
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.config.home import home_folder
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.store import NotFound
from stillhouse.components.tracking.settings import tracking_uri
from stillhouse.errors import USER_ERROR
from stillhouse.pipelines.local.progress import StepProgress
from stillhouse.pipelines.terminal import DECISION_STYLES

LOG_TAIL = 15
"""Lines of the log that are shown when a step crashed."""


def show_outcome(console: Console, folder: Path) -> None:
    """Print the verdict of the run in `folder`, and where report, data card and model are."""
    path = folder / "verdict.json"
    verdict = Verdict.from_file(path) if path.is_file() else None
    if verdict:
        version = f" version {verdict.version}" if verdict.version else ""
        decision = (verdict.decision, DECISION_STYLES[verdict.decision])
        console.print(Text.assemble("\n", decision, f": {verdict.model_name}{version}"))
        for line in _verdict_lines(verdict):
            console.print(line, highlight=False, markup=False, soft_wrap=not console.is_terminal)
    places = {
        "report": _file(folder / "report.html"),
        "data card": _file(folder / "card.html"),
        "settings": _file(folder / FILE),
        "model": _model(verdict.model_name) if verdict else None,
        "MLflow": mlflow_command(),
    }
    for name, place in places.items():
        if place:
            console.print(f"{name:<10} {place}", highlight=False, markup=False, soft_wrap=True)


def show_failure(row: StepProgress | None, folder: Path) -> int:
    """Say on stderr why the run failed: one sentence for a user's mistake, else the end of the log too.

    Returns:
        The exit code: 2 for a user's mistake, else 1.
    """
    if row and row.message and not row.crashed:
        sys.stderr.write(f"{row.message}\n")
        return USER_ERROR
    why = f"{row.step if row else 'the pipeline'} failed"
    if row and row.message:
        why += f": {row.message}"
    elif row and not row.crashed:
        why += ": its process ended without saying why (killed, or out of memory?)"
    log = folder / "pipeline.log"
    step_log = folder / "logs" / f"{row.step}.log" if row else log
    shown = step_log if step_log.is_file() else log
    lines = shown.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL:]
    sys.stderr.write("\n".join([*lines, "", why, f"The full log: {log}", ""]))
    return 1


def mlflow_command() -> str:
    """What opens MLflow: a command for a database here, else the address of the server."""
    uri = tracking_uri(home_folder())
    if uri.startswith(("http://", "https://", "databricks")):
        return uri
    program = "mlflow" if shutil.which("mlflow") else str(Path(sys.executable).with_name("mlflow"))
    return shlex.join([program, "ui", "--backend-store-uri", uri])


def _verdict_lines(verdict: Verdict) -> list[str]:
    evaluation = verdict.evaluation
    if evaluation is None:
        return [verdict.why]
    passed = len(verdict.gates) - len(verdict.failed)
    lines = [verdict.why, _comparison(evaluation), f"gates passed: {passed} of {len(verdict.gates)}"]
    if verdict.decision in ("rejected", "not enough evidence"):
        lines.append("A rejection is a valid end of a run: production stays as it was.")
    return lines + verdict.notes + evaluation.notes


def _comparison(evaluation: Evaluation) -> str:
    values = {name: evaluation.estimate(name).value for name in evaluation.models}
    compared = ", ".join(f"{evaluation.title(name)} {value:.4f}" for name, value in values.items())
    return f"{evaluation.main_metric} on {evaluation.rows.test:,} test rows: {compared}"


def _file(path: Path) -> str | None:
    return str(path) if path.is_file() else None


def _model(name: str) -> str | None:
    """Where the model in production lies: the promotion record knows."""
    store = local_store()
    try:
        champion = json.loads(store.get(f"promotions/{name}.json"))["champion"]
    except NotFound:
        return None
    return champion and store.uri(model_key(champion["digest"]))

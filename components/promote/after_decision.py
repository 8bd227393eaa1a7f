"""What follows a decision about a candidate that has waited: verdict, report, MLflow, service and webhook.

The promotion record is the truth; whoever is killed in between leaves a verdict that still says `waiting`, and the next
run, approval or rejection of this model goes on from there.
"""

import json
import logging
import os
import tempfile
from pathlib import Path

from stillhouse.components.artifacts.kept import model_key, statistics_key, waiting_report_key
from stillhouse.components.artifacts.nights import Night, nights_of, put_night
from stillhouse.components.artifacts.promotion_record import Decided, Record, load
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.artifacts.verdict import Verdict, stored_verdict, verdict_key
from stillhouse.components.conclude.webhook import message, notify
from stillhouse.components.config.home import home_folder
from stillhouse.components.promote.cards import cards_of
from stillhouse.components.promote.model_card import About
from stillhouse.components.promote.publish import publish
from stillhouse.components.promote.sealing import reseal
from stillhouse.components.promote.serving import serve
from stillhouse.components.promote.telling import describe_run
from stillhouse.components.promote.told import past_champions, past_scores, with_verdict
from stillhouse.components.storage.digests import PROOF
from stillhouse.components.storage.disk import staged_file, writing
from stillhouse.components.storage.store import NotFound, Store
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"


def follow_up(store: Store, model_name: str) -> list[str]:
    """Let all follow the last decision that the record knows, unless they do.

    Returns:
        Sentences about what does not follow yet.
    """
    record, _ = load(store, model_name)
    decided = record.decided
    verdict = _told(store, decided) if decided else None
    if decided is None or verdict is None or verdict.decision != "waiting":
        return []
    final, notes = _final(verdict, decided), []
    os.environ.setdefault(EXPERIMENT, model_name)
    home = home_folder()
    if decided.decision == "promoted":
        # As the step that has asked: its run in MLflow is there.
        run = StepRun("promote", decided.run, home)
        notes = publish(store, model_name, run=run, verdict=final)
        record, _ = load(store, model_name)
        notes += serve(record, store)
        final = final.model_copy(update={"version": record.version_of(decided.digest), "notes": notes})
    put_night(store, model_name, Night.of(final))
    files = {"verdict.json": final.to_file(), **_report(store, record, final, decided)}
    if proof := reseal(store, final, decided.digest):
        files[PROOF] = proof
    _into_folder(home / decided.run, files)
    notes += _tell_mlflow(home, final, files)
    store.put(verdict_key(decided.run), json.dumps(final.model_dump(mode="json")).encode())
    store.delete(waiting_report_key(decided.run))
    notify(
        message(
            text=f"{final.decision}: {final.why}",
            model_name=model_name,
            run=final.run,
            decision=final.decision,
            why=final.why,
            version=final.version,
            loses_to=final.loses_to,
            by=decided.by,
        )
    )
    return notes


def _told(store: Store, decided: Decided) -> Verdict | None:
    """The verdict as the store has it; None where it has none that can be read."""
    try:
        return stored_verdict(store, decided.run)
    except UserError:
        return None


def _final(verdict: Verdict, decided: Decided) -> Verdict:
    """The verdict of the run as it is from now on."""
    assert verdict.approval
    asked = {"by": decided.by, "note": decided.note, "time": decided.time}
    before = verdict.champion_before
    why = {
        "promoted": f"{verdict.approval.reason} {decided.why}",
        "rejected": f"Not promoted{f', {before.label} stays in production' if before else ''}: {decided.why}",
        "conflict": decided.why,
    }
    return verdict.model_copy(
        update={
            "decision": decided.decision,
            "why": why[decided.decision],
            "approval": verdict.approval.model_copy(update=asked),
        }
    )


def _report(store: Store, record: Record, final: Verdict, decided: Decided) -> dict[str, bytes]:
    """The report with the verdict as it is now, and the cards; nothing where the store has no report any more."""
    name = final.model_name
    try:
        page = store.get(waiting_report_key(decided.run)).decode()
        key = statistics_key(decided.dataset_digest)
        spec = Spec.from_json(store.get(key), store.uri(key))
        about = json.loads(store.get(f"{model_key(decided.digest)}/model.json"))
    except NotFound:
        return {}
    past, nights = past_champions(store, record, final.measured.main_metric, but=decided.run), nights_of(store, name)
    cards = cards_of(About(final, spec, about, decided.digest), store)
    return {"report.html": with_verdict(page, final, spec, past, nights, past_scores(store, final)).encode(), **cards}


def _into_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Into the folder of the run, where it is on this machine."""
    if not (folder / "verdict.json").is_file():
        return
    for name, content in files.items():
        path = folder / name
        with writing(path), staged_file(path, content) as staged:
            staged.replace(path)


def _tell_mlflow(home: Path, final: Verdict, files: dict[str, bytes]) -> list[str]:
    from stillhouse.components.tracking.decisions import tell_decision

    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                Path(folder, name).write_bytes(content)
            values = {
                "decision": final.decision,
                "why": final.why,
                **({"version": final.version} if final.version else {}),
            }
            paths = [Path(folder, name) for name in files]
            tell_decision(home, final.run, values, describe_run(final), paths)
    except Exception as error:  # a server that fails in whatever way undoes no decision
        logger.warning("MLflow's page of the run %s does not follow", final.run, exc_info=True)
        reason = (str(error) or type(error).__name__).splitlines()[0][:160]
        return [f"MLflow's page of the run {final.run} still says that it waits ({reason})."]
    return []

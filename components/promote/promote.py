"""promote: hold the candidate against the gates; make it the champion, or say why not.

What is done in which order, and what a fault in between leaves behind:

0. Where there is an anchor, the look at the candidate is written into the record's ledger, with what it spends, before
   anything is decided by it (`looking`); a step that is retried finds it there.
1. Copies of the candidate (the student, or the baseline in its place), signed and with its proof, and of dataset.json
   go into the store under their digests, and which rows it has learnt from; nobody refers to them yet.
2. The promotion record changes by conditional write. From here on the candidate is in production; or it waits for a
   person, with all of 3 and 4 left to `after_decision`.
3. MLflow follows: the version is registered and noted in the record, the aliases are moved. When MLflow is
   down, or the step is killed here, the promotion stands, and the next promote of this model (also one that
   promotes nothing) registers the version and fixes the aliases from the record, which notes when they follow; the
   verdict says so.
4. The service that STILLHOUSE_SERVING names, if one does, loads the champion of the record.

So a version in the registry is always one that was in production: candidates that were rejected, or that lost
a race, are not registered. Their weights, report and verdict stay with their run.
"""

import json
import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.forgotten import forgotten_rows
from stillhouse.components.artifacts.kept import model_key, rows_key, statistics_key, waiting_report_key
from stillhouse.components.artifacts.known_rows import put_known_rows, rows_learnt
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.artifacts.nights import Night, put_night
from stillhouse.components.artifacts.promotion_record import Entry, Record, change, load, now
from stillhouse.components.artifacts.proof import proof_key
from stillhouse.components.artifacts.recipe_lock import FILE, recipe_lock
from stillhouse.components.artifacts.spec import Spec, read_spec
from stillhouse.components.artifacts.verdict import FORMAT, Approval, Decision, Spending, Verdict, verdict_key
from stillhouse.components.artifacts.worth import Cost
from stillhouse.components.promote.after_decision import follow_up
from stillhouse.components.promote.anchor import anchor_after, anchor_of, spending
from stillhouse.components.promote.cards import cards_of
from stillhouse.components.promote.choice import STUDENT, Choice, choose
from stillhouse.components.promote.cost import cost_of
from stillhouse.components.promote.gates import EVIDENCE
from stillhouse.components.promote.lengths import with_lengths
from stillhouse.components.promote.looking import Stake, stake_of
from stillhouse.components.promote.model_card import About
from stillhouse.components.promote.publish import publish
from stillhouse.components.promote.sealing import Sealer
from stillhouse.components.promote.serving import serve
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.promote.settling import Outcome, Settled, has_promoted, settled
from stillhouse.components.promote.summary import summarise
from stillhouse.components.promote.telling import tell
from stillhouse.components.promote.told import past_champions, past_scores, with_verdict
from stillhouse.components.promote.waiting import approval_of, declined, proposal, waits
from stillhouse.components.storage.digests import PROOF, digest_folder
from stillhouse.components.storage.disk import staged_file, writing
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.lease import hold
from stillhouse.components.storage.store import Store
from stillhouse.components.tracking.run import StepRun

logger = logging.getLogger(__name__)

NO_EVIDENCE: Decision = "not enough evidence"


def promote(
    settings: PromoteSettings,
    *,
    snapshot: str,
    dataset: str,
    student: str,
    baseline: str,
    evaluation: str,
    report: str,
    verdict: str,
    summary: str,
    run: StepRun,
    lock: str | None = None,
    proof: str | None = None,
    cards: Mapping[str, str] | None = None,
) -> None:
    """Decide about the student, or the baseline in its place, and write the verdict either way.

    Args:
        snapshot: What inspect handed on, as JSON.
        dataset: Folder of the dataset, with its card; a copy of the card goes into the folder of the run.
        student: Folder of the candidate.
        baseline: Folder of the candidate in its place, written by evaluate.
        evaluation: evaluation.json, written by evaluate.
        report: The report of evaluate; a copy that begins with the verdict goes into the folder of the run.
        verdict: Where verdict.json goes.
        summary: Where the verdict as Markdown goes.
        lock: Where recipe.lock.yaml goes; None for promote alone, which knows no recipe.
        proof: Where the proof of the verdict goes, besides the folder of the run and the store.
        cards: Where the model card and the technical file go, by their names; None: into the folder of the run alone.
    """
    store = local_store()
    measured, spec = Evaluation.from_file(Path(evaluation)), read_spec(Path(dataset))
    before, _ = load(store, settings.model_name)
    code = json.loads(snapshot).get("code", "")
    sealer = Sealer.of(store, settings, before, dataset=Path(dataset), code=code)
    compared_with = _expected(settings, before)
    anchor = settings.inspected.anchor if settings.inspected else anchor_of(store, settings, before)
    known = {"snapshot": snapshot, "spec": spec, "run": run, "signed_by": sealer.signed_by}
    made_of = partial(_candidate, settings, store, compared_with, **known)
    candidate = made_of(student)
    stake = stake_of(store, settings, measured, before, anchor=anchor, candidate=candidate, dataset=Path(dataset))
    choice = choose(measured, settings, compared_with, stake)
    model = student if choice.model == STUDENT else baseline
    candidate = _looked_at(candidate if choice.model == STUDENT else made_of(baseline), stake)
    record, _ = load(store, settings.model_name)
    ledger = spending(stake, measured, record, had_anchor=before.anchor is not None)
    cost = cost_of(store, run, settings.inspected.gpus if settings.inspected else 0)
    told = _told(settings, choice, measured, ledger, spec=spec, cost=cost, replaced=candidate.compared_with, run=run)
    outcome = (
        settled(before, candidate, choice)
        or declined(before, candidate)
        or _forgotten(store, Path(dataset))
        or _rejected(choice, before.champion)
        or _put_forward(
            store,
            settings,
            candidate,
            choice,
            anchor=anchor_after(settings, measured, choice, stake, candidate),
            sealed=sealer.signed(Path(model), _with(told, _expects(settings, candidate, choice), before), run.folder),
            dataset=dataset,
            report=report,
            bases=measured.bases if choice.model == STUDENT else [],
        )
    )
    record, _ = load(store, settings.model_name)
    approval = approval_of(record, candidate, choice) if outcome.decision == "waiting" else None
    decided = _with(told, outcome, before, approval)
    notes = _publish(store, settings.model_name, record, outcome, run, decided)
    after, _ = load(store, settings.model_name)
    in_production = {"promoted": candidate, "unchanged": after.champion}.get(outcome.decision)
    version = after.version_of(in_production.digest) if in_production else None
    notes = [*notes, *serve(after, store), *([sealer.note] if sealer.note else [])]
    decided = decided.model_copy(update={"notes": notes, "version": version})
    past = past_champions(store, after, measured.main_metric, but=run.run_id)
    nights = put_night(store, settings.model_name, Night.of(decided))
    page = with_verdict(Path(report).read_text("utf-8"), decided, spec, past, nights, past_scores(store, decided))
    sealed = sealer.of_run(store, decided, Path(model), candidate.digest)
    described = cards_of(About(decided, spec, read_model_json(Path(model)), candidate.digest), store)
    besides = _beside(sealed, described, proof=proof, cards=cards or {}, run=run)
    _write(decided, besides, verdict=verdict, summary=summary, lock=lock, page=page, dataset=dataset, run=run)
    run.whole.artifact(run.folder / PROOF)
    tell(run, decided, spec)
    store.put(proof_key(run.run_id), sealed)
    store.put(verdict_key(run.run_id), json.dumps(decided.model_dump(mode="json")).encode())
    follow_up(store, settings.model_name)  # of a candidate whose place this one has taken


def _told(
    settings: PromoteSettings,
    choice: Choice,
    measured: Evaluation,
    ledger: Spending | None,
    *,
    spec: Spec,
    cost: Cost | None,
    replaced: Entry | None,
    run: StepRun,
) -> Verdict:
    """The verdict, but for what `_with` and the registry add: a proof is made of it before anything is promoted."""
    return Verdict(
        format=FORMAT,
        decision="promoted",
        why="",
        model_name=settings.model_name,
        version=None,
        recipe=settings.inspected.recipe if settings.inspected else {},
        candidate=choice.model,
        gates=choice.gates,
        passed_over=choice.passed_over,
        loses_to=choice.loses_to,
        ledger=ledger,
        approval=None,
        notes=[],
        evaluation=measured,
        champion_before=replaced,
        news=spec.news,
        expected=spec.expected,
        cost=cost,
        run=run.run_id,
        time=now(),
    )


def _with(told: Verdict, outcome: Outcome, before: Record, approval: Approval | None = None) -> Verdict:
    """What is told, with the decision."""
    replaced = told.champion_before if outcome.decision == "promoted" else before.champion
    made = {"decision": outcome.decision, "why": outcome.why, "approval": approval, "champion_before": replaced}
    return told.model_copy(update=made)


def _expects(settings: PromoteSettings, candidate: Entry, choice: Choice) -> Outcome:
    """The outcome of a candidate that holds all gates, unless the record says otherwise."""
    promoted = has_promoted(candidate, choice)
    return promoted._replace(decision="waiting") if settings.approval == "human" else promoted


def _candidate(
    settings: PromoteSettings,
    store: Store,
    compared_with: Entry | None,
    model: str,
    *,
    snapshot: str,
    spec: Spec,
    run: StepRun,
    signed_by: str,
) -> Entry:
    """The entry that the record gets if the candidate is promoted."""
    digest, found, inspected = digest_folder(model), json.loads(snapshot), settings.inspected
    kind = json.loads(Path(model, "model.json").read_text("utf-8")).get("load")
    return Entry(
        digest=digest,
        uri=store.uri(model_key(digest)),
        run=run.run_id,
        dataset_digest=spec.content_digest,
        statistics_uri=store.uri(statistics_key(spec.content_digest)),
        inputs=inspected.inputs if inspected else "",
        prepare_inputs=found["inputs"],
        reference=found["reference"],
        reference_model=found["champion"],
        data_since=found["window"] and found["window"]["first"],
        data_until=inspected.data_until if inspected else None,
        promoted_at=now(),
        compared_with=compared_with,
        signed_by=signed_by,
        **({"load": kind} if kind else {}),
    )


def _looked_at(candidate: Entry, stake: Stake | None) -> Entry:
    look = stake.look if stake else None
    return candidate.model_copy(update={"look": look.number}) if look else candidate


def _expected(settings: PromoteSettings, before: Record) -> Entry | None:
    """The champion that the candidate was compared with: the one inspect saw, if inspect ran."""
    if settings.inspected:
        return settings.inspected.champion
    return before.champion.alone() if before.champion else None


def _rejected(choice: Choice, champion: Entry | None) -> Outcome | None:
    failed = [gate for gate in choice.gates if not gate.passed]
    why = " ".join(gate.sentence for gate in failed)
    if not failed:
        return None
    if {gate.name for gate in failed} <= EVIDENCE:
        return Outcome(NO_EVIDENCE, choice.tell(why))
    stays = f", {champion.label} stays in production" if champion else ""
    return Outcome("rejected", choice.tell(f"Not promoted{stays}: {why}"))


def _forgotten(store: Store, dataset: Path) -> Outcome | None:
    """A candidate that has learnt from rows that were forgotten since its run began is not promoted."""
    forgotten = forgotten_rows(store)
    if forgotten is None:
        return None
    gone = sum(int(forgotten.holds(rows).sum()) for rows in rows_learnt(dataset).values())
    why = f"Not promoted: it has learnt from {gone:,} of the rows that were forgotten meanwhile; start the run again."
    return Outcome("rejected", why) if gone else None


def _put_forward(
    store: Store,
    settings: PromoteSettings,
    candidate: Entry,
    choice: Choice,
    *,
    anchor: Entry,
    sealed: AbstractContextManager[Path],
    dataset: str,
    report: str,
    bases: list[str],
) -> Outcome:
    """Copy and promote, or let it wait for a person; another outcome when the record says so at the moment of writing.

    Args:
        anchor: The anchor from then on.
        sealed: Makes the folder that goes into the store.
        bases: Addresses of the models that its trainings started from.
    """

    def edit(record: Record) -> Record:
        if outcome := settled(record, candidate, choice):
            raise Settled(outcome)
        if not asks:
            return record.promoted(candidate, anchor)
        if outcome := waits(record, settings.model_name, candidate, choice):
            raise Settled(outcome)
        return record.proposed(proposal(record, settings, candidate, anchor))

    asks = settings.approval == "human"
    key, statistics = model_key(candidate.digest), statistics_key(candidate.dataset_digest)
    # Copies may lie there already, of a run that lost a race, and be as good as removed: not until the record refers
    # to them, which protects them from then on.
    with sealed as model, hold(store, key, rows_key(candidate.digest), statistics, run=candidate.run):
        store.put_folder(model, key)
        put_known_rows(store, candidate.digest, Path(dataset), bases)
        store.put(statistics, Path(dataset, "dataset.json").read_bytes())
        if asks:
            store.put(waiting_report_key(candidate.run), Path(report).read_bytes())
        try:
            record = change(store, settings.model_name, edit)
        except Settled as late:
            if asks and late.outcome.decision != "waiting":
                store.delete(waiting_report_key(candidate.run))
            return late.outcome
    waiting = waits(record, settings.model_name, candidate, choice) if asks else None
    return waiting or has_promoted(candidate, choice)


def _publish(
    store: Store, model_name: str, record: Record, outcome: Outcome, run: StepRun, verdict: Verdict
) -> list[str]:
    """Let MLflow follow what was promoted now, or what it could not follow when that was promoted or rolled back."""
    # After a lost race the winner is about to register its model itself.
    pending = outcome.decision != "conflict" and record.followed != record.serial
    if pending or outcome.decision == "promoted":
        return publish(store, model_name, run=run, verdict=verdict)
    if outcome.decision in ("rejected", NO_EVIDENCE) and record.champion:
        # The registry may have been emptied or exchanged since. One that does not answer now followed when last asked.
        publish(store, model_name, run=run, verdict=verdict)
    return []


def _beside(
    sealed: bytes, described: Mapping[str, bytes], *, proof: str | None, cards: Mapping[str, str], run: StepRun
) -> dict[Path, bytes]:
    """The proof and the cards, each in the folder of the run and where it was asked for."""
    proofs = {Path(path): sealed for path in (run.folder / PROOF, proof) if path}
    asked = {Path(place): described[name] for name, place in cards.items()}
    return {**proofs, **asked, **{run.folder / name: text for name, text in described.items()}}


def _write(
    decided: Verdict,
    besides: Mapping[Path, bytes],
    *,
    verdict: str,
    summary: str,
    lock: str | None,
    page: str,
    dataset: str,
    run: StepRun,
) -> None:
    """Write verdict.json, the summary and recipe.lock.yaml, and copies with the report and the data card into the
    folder of the run; and other files besides."""
    data, card = decided.to_file(), Path(dataset, "card.html").read_text("utf-8")
    files = {
        Path(verdict): data,
        Path(summary): summarise(decided).encode(),
        run.folder / "verdict.json": data,
        run.folder / "report.html": page.encode(),
        run.folder / "card.html": with_lengths(card, decided.measured.lengths).encode(),
        **besides,
    }
    if locked := recipe_lock(decided):
        files |= {path: locked.encode() for path in (run.folder / FILE, lock and Path(lock)) if path}
    for path, content in files.items():
        with writing(path), staged_file(path, content) as staged:
            staged.replace(path)
    run.tags({"decision": decided.decision, "why": decided.why, "version": decided.version})
    logger.info("%s: %s", decided.decision, decided.why)

"""inspect: resolve every mutable name to a digest or a version, before anything is cached on it.

The pipeline caches a step on its parameters and the ids of its input artifacts, never on bytes behind an
address. So this small step is never cached; what it hands on changes only when there is something to do.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, cast

from pydantic import Field

from stillhouse.components.artifacts.base_facts import BaseFacts, notes_of
from stillhouse.components.artifacts.chosen_base import Candidates, Use
from stillhouse.components.artifacts.forgotten import forgotten_rows
from stillhouse.components.artifacts.gain import expected_gain
from stillhouse.components.artifacts.nights import nights_of, told_saved
from stillhouse.components.artifacts.promotion_record import Entry, load
from stillhouse.components.config.settings import Settings, check, refuse_secrets
from stillhouse.components.inspect.bases import (
    Base,
    Bases,
    candidates_of,
    check_bases,
    from_champion,
    own_bases,
    unseen_bases,
)
from stillhouse.components.inspect.budget import read_budget
from stillhouse.components.inspect.data import Data, Known, Source
from stillhouse.components.inspect.settings import Parameters, StepSettings
from stillhouse.components.promote.anchor import held_against
from stillhouse.components.promote.approval import close_late
from stillhouse.components.promote.presence import present
from stillhouse.components.promote.settings import Inspected as PromoteInspected
from stillhouse.components.runtime.accelerators import num_nodes
from stillhouse.components.storage.digests import digest_json
from stillhouse.components.storage.disk import staged_file, writing
from stillhouse.components.storage.fingerprint import code_digest
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.store import Store
from stillhouse.components.storage.windows import Window
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

WITHOUT_PRETRAINING = (
    "train_pretraining is '{0}', but this pipeline was compiled from a recipe without pretraining and has no such "
    "step; compile it again with --set pretrain.objective={0}, or set train_pretraining to none."
)

SHORT = 12
"""Characters of a digest by which people tell it from others."""


class Inspected(NamedTuple):
    """What inspect hands on; the last six are the settings of the steps, as JSON."""

    snapshot: str
    champion: str
    pretrain_gpu_count: str
    """What pretrain asks for: nothing where there is nothing to learn on text without labels."""
    prepare: str
    pretrain: str
    finetune: str
    distill: str
    evaluate: str
    promote: str


class Snapshot(Settings):
    """What prepare works from; it is cached on this."""

    source_digest: str
    """Over names, sizes and versions of the source's files."""
    files: int
    bytes: int
    code: str
    """Digest of the installed sources of the steps."""
    inputs: str
    """Digest of all that the dataset is made from: source, base models, code, settings of prepare."""
    window: dict[str, str] | None
    """First and last partition of a source that is a window of them, and the first that is looked at again."""
    reference: str | None
    """Address of the dataset.json that drift is measured against; None before the first promotion."""
    champion: str | None
    """Address of the model whose rows are not new; None before the first promotion."""
    nights: str | None = None
    """The model name whose earlier runs tell what this one may gain; None before the first promotion."""
    bases: list[BaseFacts] = Field(default_factory=list)
    """The base models, as far as they were seen."""
    unseen: dict[str, list[Use]] = Field(default_factory=dict)
    """Addresses of those that prepare has to look at, and what is done with them."""
    auto: Candidates | None = None
    """What prepare chooses the base among, where the recipe leaves that to the run."""


def inspect(
    parameters: dict[str, Any],
    *,
    gpus: str = "0",
    pretrains: bool = True,
    scheduled_time: str = "",
    run: StepRun,
) -> Inspected:
    """Resolve the source, the base models and the champion; turn the parameters into settings of each step.

    What depends on the champion (its dataset, its weights as a base, where a window begins) changes when one is
    promoted. A run whose inputs are those of the champion itself is therefore handed the champion's own predecessor,
    as the champion's run was: so everything is cached and promote answers `unchanged`. In the same way a run that
    makes the champion's dataset again looks at the data as that run did.

    Args:
        parameters: The pipeline's parameters, by name (`Parameters`).
        gpus: Accelerators of each step that trains, on each of its nodes.
        pretrains: Whether the pipeline has the step pretrain.
        scheduled_time: When the run was due, in ISO 8601; empty, or a placeholder that nobody filled in, for now.

    Raises:
        UserError: a parameter is wrong or carries a key or password, or the source, a base model or the champion is not
            there.
    """
    refuse_secrets(parameters, lambda _: "parameters")
    checked: Parameters = check(Parameters.of_task(parameters), parameters, "parameters")
    store = local_store()
    close_late(store, checked.model_name)
    asked = int(gpus or 0) * num_nodes()
    steps = checked.steps("parameters", asked)
    champion = _champion(store, steps)
    source = Source(steps["prepare"].source, scheduled_time, steps["prepare"].replay.looks_back)
    steps["prepare"] = steps["prepare"].model_copy(update={"source": source.address})
    beside = {"code": code_digest(), **_forgotten(store)}
    plan = _plan(steps, source, Bases({base for base in _bases_of(steps) if base}, store), champion, beside)
    objective = _objective(steps, plan.bases)
    if not pretrains and objective != "none":
        raise UserError(WITHOUT_PRETRAINING.format(objective))
    source.check(plan.data, plan.known)
    bases, candidates = check_bases(steps, plan.bases), candidates_of(steps, plan.bases)
    said = notes_of([*bases, *own_bases(steps, plan.bases)]) | _weightless(steps, plan.compared_with)
    budget = read_budget(checked.train_budget, asked)
    if budget and budget.gpu_hours:
        said["budget"] = budget.sentence()
    if candidates:
        said["base.auto"] = candidates.said()
    run.notes(said | _said_of_gain(store, checked.model_name, run))
    snapshot = Snapshot(
        source_digest=plan.data.digest,
        files=len(plan.data.files),
        bytes=sum(file.size for file in plan.data.files),
        code=code_digest(),
        inputs=plan.prepare_inputs,
        window=_written(plan.data.window),
        reference=plan.known.reference,
        champion=plan.known.model,
        nights=checked.model_name if plan.known.model else None,
        bases=bases,
        unseen=unseen_bases(steps, plan.bases),
        auto=candidates,
    )
    compared = plan.compared_with
    against, anchor = held_against(store, steps["promote"], plan.inputs, compared)
    given = checked.model_copy(update={"step_overrides": _as_checked(checked.step_overrides, steps)})
    run.inputs(given.model_dump(mode="json"))
    run.whole.params(given.as_recipe())
    seen = PromoteInspected(
        inputs=plan.inputs,
        champion=compared,
        anchor=anchor,
        data_until=source.data_until,
        gpus=asked,
        recipe=given.as_recipe(),
    )
    settings: StepSettings = {**plan.steps, "promote": steps["promote"].model_copy(update={"inspected": seen})}
    digests = {"source_digest": plan.data.digest, "inputs": plan.inputs}
    run.tags({**digests, "champion": compared.digest if compared else ""})
    run.whole.tags({"model_name": checked.model_name, "task": checked.data_task, "code": snapshot.code[:SHORT]})
    return Inspected(
        snapshot=snapshot.model_dump_json(),
        champion=against,
        pretrain_gpu_count="0" if objective == "none" else gpus,
        **{name: step.model_dump_json() for name, step in cast(dict[str, Settings], settings).items()},
    )


def _written(window: Window | None) -> dict[str, str] | None:
    return {name: moment for name, moment in asdict(window).items() if moment} if window else None


def _objective(steps: StepSettings, bases: dict[str, Base]) -> str:
    """What pretrain learns; as long as its base is to be chosen, what it would from random weights."""
    start = bases.get(steps["pretrain"].base)
    address, pretrain = start.address if start and not start.candidates else "", steps["pretrain"]
    return pretrain.objective_on(address)


def _champion(store: Store, steps: StepSettings) -> Entry | None:
    """The champion, looked for before anything is trained that would have to be compared with it.

    Raises:
        UserError: it is gone; unless it may be replaced uncompared, and nothing learns from it or starts from it.
    """
    name = steps["promote"].model_name
    champion = load(store, name)[0].champion
    if champion is None:
        return None
    is_base = any(from_champion(base, None) is not None for base in _bases_of(steps))
    teaches = is_base or steps["distill"].keep_champion_right > 0
    return present(store, name, champion, needed=teaches or not steps["promote"].replace_incomparable)


def _forgotten(store: Store) -> dict[str, str]:
    """The digest of the rows that no dataset may hold, where there are any: without them a dataset is made anew.

    Raises:
        UserError: nobody can tell which rows these are.
    """
    found = forgotten_rows(store)
    return {"forgotten": found.digest} if found else {}


def _said_of_gain(store: Store, model_name: str, run: StepRun) -> dict[str, str]:
    """What a run of this name gains in the mean, before anything is known of tonight's data; into the folder of the
    step's run, too."""
    nights = nights_of(store, model_name)
    expected = expected_gain(nights, None)
    if expected is None:
        return {}
    run.metrics(expected.figures())
    path = run.folder / "expected_gain.json"
    with writing(path), staged_file(path, expected.to_file()) as staged:
        staged.replace(path)
    run.artifact(path)
    return {"expected_gain": " ".join(filter(None, (expected.sentence, told_saved(nights))))}


def _weightless(steps: StepSettings, champion: Entry | None) -> dict[str, str]:
    """What the run says where it would start from the champion, and that one is not a network."""
    asked = any(re.match(r"(champion|auto)\b", base.strip()) for base in _bases_of(steps))
    if champion is None or champion.has_weights or not asked:
        return {}
    sentence = (
        f"The champion, {champion.label}, is TF-IDF with a linear model, which has no weights to start from: "
        "the run starts as if there were none."
    )
    return {"base.champion": sentence}


@dataclass(frozen=True)
class Plan:
    """What a run makes of what it found."""

    data: Data
    known: Known
    """What lies before the data."""
    compared_with: Entry | None
    """The champion that the candidate is compared with, and that `champion` means as a base."""
    steps: StepSettings
    """The settings with every base model fixed."""
    bases: dict[str, Base]
    """By the names that the settings gave them."""
    prepare_inputs: str
    """Digest of all that the dataset is made from."""
    inputs: str
    """Digest of all that the candidate is made from."""


def _plan(steps: StepSettings, source: Source, bases: Bases, champion: Entry | None, beside: dict[str, str]) -> Plan:
    """First as if the champion's own run were to be repeated; what then differs is looked at from the champion.

    What `auto` chooses is written into the dataset: on the champion's own, it is what the champion's run chose.

    Args:
        beside: What everything is made from besides source, bases and settings: digests by name.
    """

    def plan(known: Known, predecessor: Entry | None, start: Entry | None) -> Plan:
        data, fixed = source.look(known), bases.fixed(predecessor, start)
        found = {"source": data.digest, "bases": {name: base.digest for name, base in fixed.items()}}
        settings = _with_bases(steps, {"": "", **{name: base.address for name, base in fixed.items()}})
        settings = _with_champion(settings, predecessor)
        return Plan(data, known, predecessor, settings, fixed, *_inputs(settings, {**found, **beside}))

    if champion is None:
        return plan(Known(), None, None)
    start = champion.compared_with
    repeated = plan(Known.before(champion), champion.compared_with, start)
    if repeated.prepare_inputs != champion.prepare_inputs:
        start = champion.alone()
        repeated = plan(Known.by(champion), champion.compared_with, start)
    return repeated if repeated.inputs == champion.inputs else plan(repeated.known, champion.alone(), start)


def _as_checked(given: dict[str, Any], steps: StepSettings) -> dict[str, Any]:
    """What was given, with the types of the settings: KFP turns the 6 of a dict to 6.0."""

    def typed(over: Any, checked: Any) -> Any:
        if isinstance(over, dict) and isinstance(checked, dict):
            return {key: typed(value, checked[key]) for key, value in over.items()}
        return checked

    dumped = {name: settings.model_dump(mode="json") for name, settings in cast(dict[str, Settings], steps).items()}
    return typed(given, dumped)


def _bases_of(steps: StepSettings) -> tuple[str, str, str]:
    return steps["pretrain"].base, steps["finetune"].base, steps["distill"].student.base


def _with_bases(steps: StepSettings, addresses: dict[str, str]) -> StepSettings:
    """The settings with the address that each base stands for."""
    pretrain, finetune, student = _bases_of(steps)
    given = steps["distill"].student.model_copy(update={"base": addresses[student]})
    return {
        **steps,
        "pretrain": steps["pretrain"].model_copy(update={"base": addresses[pretrain]}),
        "finetune": steps["finetune"].model_copy(update={"base": addresses[finetune]}),
        "distill": steps["distill"].model_copy(update={"student": given}),
    }


def _with_champion(steps: StepSettings, champion: Entry | None) -> StepSettings:
    """The settings with the champion that the student keeps to, where it is to; recipe.lock.yaml names it already."""
    distill = steps["distill"]
    if champion is None or not distill.keep_champion_right or distill.champion:
        return steps
    return {**steps, "distill": distill.model_copy(update={"champion": champion.uri})}


def _inputs(steps: StepSettings, found: dict[str, Any]) -> tuple[str, str]:
    """Digests of all that the dataset, and all that the candidate is made from.

    Settings of evaluate and promote are left out: those steps only look at the candidate.
    """
    made_by = (steps["prepare"], steps["pretrain"], steps["finetune"], steps["distill"])
    prepare, *training = [settings.model_dump(mode="json") for settings in made_by]
    return digest_json([found, prepare]), digest_json([found, prepare, training])

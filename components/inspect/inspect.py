"""inspect: resolve every mutable name to a digest or a version, before anything is cached on it.

The pipeline caches a step on its parameters and the ids of its input artifacts, never on bytes behind an
address. So this small step is never cached; what it hands on changes only when there is something to do.
"""

from typing import Any, NamedTuple, cast

from stillhouse.components.inspect.bases import resolve_base
from stillhouse.components.inspect.settings import Parameters, StepSettings
from stillhouse.components.promote.record import Entry, Record, load
from stillhouse.components.promote.settings import Inspected as PromoteInspected
from stillhouse.components.settings import Settings, check, refuse_secrets
from stillhouse.components.storage.digests import digest_json
from stillhouse.components.storage.fingerprint import code_digest
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.sources import list_source
from stillhouse.components.storage.store import Store
from stillhouse.components.tracking.run import StepRun


class Inspected(NamedTuple):
    """What inspect hands on; the last six are the settings of the steps, as JSON."""

    snapshot: str
    champion: str
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
    reference: str | None
    """Address of the dataset.json that drift is measured against; None before the first promotion."""


def inspect(parameters: dict[str, Any], *, run: StepRun) -> Inspected:
    """Resolve the source, the base models and the champion; turn the parameters into settings of each step.

    A run whose inputs are those of the champion itself is handed the champion's own predecessor, as the
    champion's run was: so everything is cached and promote answers `unchanged`. In the same way a run
    that makes the champion's dataset again measures its drift against what that run measured it against.

    Args:
        parameters: The pipeline's parameters, by name (`Parameters`).

    Raises:
        UserError: a parameter is wrong or carries a key or password, or the source or a base model is not there.
    """
    refuse_secrets(parameters, lambda _: "parameters")
    checked: Parameters = check(Parameters, parameters, "parameters")
    store = local_store()
    steps, bases = _with_fixed_bases(checked.steps("parameters"), store)
    files = list_source(steps["prepare"].source)
    source = digest_json(sorted([file.name, file.size, file.version] for file in files))
    prepare_inputs, inputs = _inputs(steps, {"source": source, "bases": bases, "code": code_digest()})
    record, _ = load(store, steps["promote"].model_name)
    champion = _compared_with(record, inputs)
    snapshot = Snapshot(
        source_digest=source,
        files=len(files),
        bytes=sum(file.size for file in files),
        code=code_digest(),
        inputs=prepare_inputs,
        reference=_reference(record, prepare_inputs),
    )
    seen = PromoteInspected(inputs=inputs, champion=champion)
    steps["promote"] = steps["promote"].model_copy(update={"inspected": seen})
    run.params(checked.model_dump(mode="json"))
    run.tags({"source_digest": source, "inputs": inputs, "champion": champion.digest if champion else ""})
    return Inspected(
        snapshot=snapshot.model_dump_json(),
        champion=champion.model_dump_json(include={"version", "digest", "uri"}) if champion else "",
        **{name: step.model_dump_json() for name, step in cast(dict[str, Settings], steps).items()},
    )


def _with_fixed_bases(steps: StepSettings, store: Store) -> tuple[StepSettings, dict[str, str]]:
    """The settings with every base model fixed, and the digest of each."""
    pretrain, finetune, student = steps["pretrain"], steps["finetune"], steps["distill"].student
    named = {base for base in (pretrain.base, finetune.base, student.base) if base}
    bases = {base: resolve_base(base, store) for base in named}
    fixed = {"": "", **{name: base.address for name, base in bases.items()}}
    student = student.model_copy(update={"base": fixed[student.base]})
    resolved: StepSettings = {
        **steps,
        "pretrain": pretrain.model_copy(update={"base": fixed[pretrain.base]}),
        "finetune": finetune.model_copy(update={"base": fixed[finetune.base]}),
        "distill": steps["distill"].model_copy(update={"student": student}),
    }
    return resolved, {name: base.digest for name, base in bases.items()}


def _inputs(steps: StepSettings, found: dict[str, Any]) -> tuple[str, str]:
    """Digests of all that the dataset, and all that the candidate is made from.

    Settings of evaluate and promote are left out: those steps only look at the candidate.
    """
    made_by = (steps["prepare"], steps["pretrain"], steps["finetune"], steps["distill"])
    prepare, *training = [settings.model_dump(mode="json") for settings in made_by]
    return digest_json([found, prepare]), digest_json([found, prepare, training])


def _compared_with(record: Record, inputs: str) -> Entry | None:
    champion = record.champion
    if champion is None:
        return None
    return champion.compared_with if champion.inputs == inputs else champion.alone()


def _reference(record: Record, prepare_inputs: str) -> str | None:
    champion = record.champion
    if champion is None:
        return None
    return champion.reference if champion.prepare_inputs == prepare_inputs else champion.statistics_uri

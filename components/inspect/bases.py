"""Base models: an address that may mean another model tomorrow becomes one that cannot."""

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass

from stillhouse.components.artifacts.adapters import join_address, split_address
from stillhouse.components.artifacts.base_facts import BaseFacts, facts_of, look, whole_address
from stillhouse.components.artifacts.base_folder import BaseFolder
from stillhouse.components.artifacts.chosen_base import (
    AUTO,
    ENGLISH_BASE,
    Candidates,
    Use,
    is_auto,
    otherwise_of,
)
from stillhouse.components.artifacts.kept import found_model, model_key
from stillhouse.components.artifacts.promotion_record import Entry, load
from stillhouse.components.artifacts.weights_file import waits_for_torch
from stillhouse.components.inspect.settings import StepSettings
from stillhouse.components.storage.digests import digest_json
from stillhouse.components.storage.hub import guarded_hub
from stillhouse.components.storage.packages import is_installed, is_package, package_digest
from stillhouse.components.storage.sources import digest_source
from stillhouse.components.storage.store import Store
from stillhouse.components.storage.urls import is_local
from stillhouse.components.tasks import load_task
from stillhouse.errors import UserError

ALIAS = re.compile(r"models:/(?P<name>[^/@]+)@(?P<alias>champion|previous)")
CHAMPION = re.compile(r"champion(\s*,\s*else\s+(?P<otherwise>\S.*))?")
COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_SECONDS = 30
"""Longest wait for the hub's answer."""


@dataclass(frozen=True)
class Base:
    """A base model as a step may be cached on it."""

    address: str
    """Where to load it from."""
    digest: str
    """Of its content or version, for addresses that do not say it themselves; else empty."""
    own: bool = False
    """Whether Stillhouse has made it: it was looked at then."""
    candidates: Candidates | None = None
    """What prepare chooses among, where the base is `auto`."""
    unseen: bool = False
    """Whether it lies in a package that is only in the image of the steps that train, or is a file that torch alone
    reads: prepare looks at it."""

    @property
    def is_seen(self) -> bool:
        """Whether it is looked at before prepare."""
        return bool(self.address) and not (self.own or self.candidates or self.unseen)

    def facts(self, folder: BaseFolder) -> BaseFacts:
        """What the run says of it.

        Args:
            folder: What was seen of it.

        Raises:
            UserError: its tensors are not those of its architecture.
        """
        return facts_of(self.address, self.digest, folder)


class Unreachable(UserError):
    """The hub does not answer."""


class Bases:
    """The base models that a recipe names.

    Raises:
        UserError: there is no such model.
    """

    def __init__(self, names: set[str], store: Store) -> None:
        self._store = store
        self._champions = {name for name in names if from_champion(name, None) is not None}
        self._autos = {name for name in names - self._champions if is_auto(name)}
        self._others = {name: resolve_base(name, store) for name in names - self._champions - self._autos}
        self._candidates = {
            auto: self._found(auto) for auto in {from_champion(name, None) or name for name in names} if is_auto(auto)
        }

    def fixed(self, champion: Entry | None, start: Entry | None) -> dict[str, Base]:
        """Each of them as a step may be cached on it.

        Args:
            champion: What `champion` stands for; one without weights counts as none.
            start: The champion that `auto` may choose; the same holds.
        """
        champion, start = (entry if entry and entry.has_weights else None for entry in (champion, start))
        addresses = {name: from_champion(name, champion) or "" for name in self._champions}
        addresses |= {name: name for name in self._autos}
        return self._others | {name: self._of(address, champion, start) for name, address in addresses.items()}

    def _of(self, address: str, champion: Entry | None, start: Entry | None) -> Base:
        if is_auto(address):
            return self._auto(self._candidates[address], start)
        # The address of a promoted model is made of its digest.
        return Base(address, "", own=True) if champion or not address else resolve_base(address, self._store)

    def _auto(self, candidates: Candidates, champion: Entry | None) -> Base:
        if champion:
            candidates = candidates.model_copy(update={"champion": champion.uri, "label": champion.label})
        packaged = package_digest(ENGLISH_BASE) if is_installed(ENGLISH_BASE) else ""
        digest = digest_json([candidates.champion, packaged, candidates.otherwise, candidates.digest])
        return Base(AUTO, digest, candidates=candidates)

    def _found(self, auto: str) -> Candidates:
        """What `auto` chooses among besides the champion."""
        otherwise = otherwise_of(auto)
        if not otherwise:
            return Candidates()
        if from_champion(otherwise, None) is not None or is_auto(otherwise):
            raise UserError(f"base '{auto}': what stands after `else` is the address of a model.")
        try:
            found = resolve_base(otherwise, self._store)
        except Unreachable:
            return Candidates(trouble=f"{otherwise}, which the recipe names for such texts, is out of reach")
        return Candidates(otherwise=found.address, digest=found.digest, own=found.own)


def from_champion(base: str, champion: Entry | None) -> str | None:
    """The address that `champion` or `champion, else MODEL` stands for; None when `base` is neither.

    Where there is no champion yet that is MODEL, or empty: random weights.

    Raises:
        UserError: it begins like one of them and goes on otherwise.
    """
    found = CHAMPION.fullmatch(base.strip())
    if not found:
        if re.match(r"champion[\s,]", base.strip()):
            raise UserError(f"base '{base}': write `champion`, or `champion, else MODEL`; a folder as `./champion`.")
        return None
    return champion.uri if champion else found["otherwise"] or ""


def resolve_base(base: str, store: Store) -> Base:
    """Fix `base`: an alias by the promotion record, a hub branch by its commit, a folder by its content.

    Args:
        base: A folder, s3://bucket/prefix, hf://name[@revision], package://name, `ADAPTERS, on BASE` of these,
            models:/name@alias or models:/name/version.

    Raises:
        UserError: there is no such model, or none that can be used.
    """
    if base.startswith("models:/"):
        alias = ALIAS.fullmatch(base)
        return Base(_promoted(alias["name"], alias["alias"], store) if alias else base, "", own=True)
    whole = whole_address(base) if is_local(base) and not split_address(base) else _fixed(base)
    both = split_address(whole)
    if both:
        parts = [_listed(_fixed(part)) for part in both]
        address, digest = join_address(*(part.address for part in parts)), digest_json([part.digest for part in parts])
        return Base(address, digest)
    return _listed(whole)


def check_bases(steps: StepSettings, fixed: Mapping[str, Base]) -> list[BaseFacts]:
    """Whether each base fits what its step does with it, and what the run says of it; none twice.

    Args:
        steps: The settings as given.
        fixed: The bases by the names that the settings give them.

    Raises:
        UserError: one does not.
    """
    wanted = uses_of(steps, fixed)
    folders = {name: look(fixed[name].address) for name in wanted if fixed[name].is_seen}
    for name, folder in folders.items():
        for use in wanted[name]:
            use.check(fixed[name].address, folder)
    seen = {fixed[name].address: (fixed[name], folder) for name, folder in folders.items()}  # by two names, it may be
    return [base.facts(folder) for base, folder in seen.values()]


def uses_of(steps: StepSettings, fixed: Mapping[str, Base]) -> dict[str, list[Use]]:
    """What the steps do with each base, by the names that the settings give them.

    Args:
        steps: The settings as given.
        fixed: The bases by the same names.
    """
    pretrain, finetune, student = steps["pretrain"], steps["finetune"], steps["distill"].student
    objective = pretrain.objective
    if pretrain.base and objective == AUTO:
        objective = pretrain.objective_on(fixed[pretrain.base].address)
    reads = load_task(finetune.task).reads
    wanted = [(finetune.base, Use(step="finetune", max_length=finetune.loop.max_length, reads=reads))]
    if objective != "none":
        use = Use(step="pretrain", max_length=pretrain.loop.max_length, objective=objective, reads=reads)
        wanted.append((pretrain.base, use))
    of_student = Use(step="distill", max_length=steps["distill"].loop.max_length, reads=reads)
    wanted.append((student.base, of_student))
    if not (student.base or student.architecture):  # of the teacher's layers
        wanted.append((finetune.base, of_student))
    found: dict[str, list[Use]] = {}
    for name, use in wanted:
        if name:
            found.setdefault(name, []).append(use)
    return found


def unseen_bases(steps: StepSettings, fixed: Mapping[str, Base]) -> dict[str, list[Use]]:
    """The bases that prepare has to look at, by address, with what the steps do with them."""
    return {fixed[name].address: uses for name, uses in uses_of(steps, fixed).items() if fixed[name].unseen}


def candidates_of(steps: StepSettings, fixed: Mapping[str, Base]) -> Candidates | None:
    """What prepare chooses the base among; None where the recipe leaves no choice.

    Raises:
        UserError: the steps ask for different ones.
    """
    pretrain, finetune = steps["pretrain"].base, steps["finetune"].base
    autos = [name for name in dict.fromkeys((pretrain, finetune)) if name and fixed[name].candidates]
    if len(autos) > 1:
        raise UserError(f"pretrain.base is '{pretrain}', and finetune.base '{finetune}'; write one of them to both.")
    if not autos:
        return None
    candidates, uses = fixed[autos[0]].candidates, uses_of(steps, fixed).get(autos[0], [])
    return candidates.model_copy(update={"uses": uses}) if candidates else None


def own_bases(steps: StepSettings, fixed: Mapping[str, Base]) -> list[BaseFacts]:
    """What the run says of the bases that Stillhouse has made: nothing about them depends on the dataset."""
    used = [steps["finetune"].base, steps["distill"].student.base]
    addresses = dict.fromkeys(fixed[name].address for name in used if name and fixed[name].own)
    return [BaseFacts(address=address) for address in addresses if address]


def _fixed(address: str) -> str:
    return _at_commit(address) if address.startswith("hf://") else address


def _listed(address: str) -> Base:
    """A folder, package or bucket's prefix by the content of its files; a hub's model says its commit."""
    if address.startswith("hf://"):
        return Base(address, "")
    if is_package(address):
        unseen = not is_installed(address) and importlib.util.find_spec("torch") is None  # the light image
        return Base(address, "", unseen=True) if unseen else Base(address, package_digest(address))
    try:
        return Base(address, digest_source(address), unseen=waits_for_torch(address))
    except UserError as error:
        raise UserError(str(error).replace("source '", "base '", 1)) from None


def _promoted(name: str, alias: str, store: Store) -> str:
    record, _ = load(store, name)
    entry = record.at_alias(alias)
    if entry is None:
        raise UserError(f"base 'models:/{name}@{alias}': {store.url} has no such model; promote one, or name a folder.")
    if not entry.has_weights:
        raise UserError(
            f"base 'models:/{name}@{alias}': {entry.label} is TF-IDF with a linear model, which has no weights to "
            "start from; name another model."
        )
    address = found_model(store, entry.digest, entry.uri)
    if address is None:
        raise UserError(
            f"base 'models:/{name}@{alias}': {store.uri(model_key(entry.digest))} is not there with all its files; "
            "copy it back from where the store was before, or name another base."
        )
    return address


def _at_commit(base: str) -> str:
    name, _, revision = base.removeprefix("hf://").partition("@")
    if COMMIT.fullmatch(revision):
        return base
    from huggingface_hub.errors import HTTPError

    try:
        with guarded_hub() as api:
            commit = api.model_info(name, revision=revision or None, timeout=HUB_SECONDS).sha
    except (HTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        answered = isinstance(error, ValueError) or getattr(error, "response", None) is not None
        raise (UserError if answered else Unreachable)(
            f"base '{base}': {reason}; check the name, or name a folder."
        ) from None
    return f"hf://{name}@{commit}"

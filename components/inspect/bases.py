"""Base models: an address that may mean another model tomorrow becomes one that cannot."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stillhouse.components.artifacts.adapters import join_address, split_address
from stillhouse.components.artifacts.base_facts import BaseFacts, account_for, look, whole_address
from stillhouse.components.artifacts.base_folder import BaseFolder, check_objective
from stillhouse.components.artifacts.kept import found_model, model_key
from stillhouse.components.inspect.settings import StepSettings
from stillhouse.components.models.architectures import DECODERS, num_positions
from stillhouse.components.promote.record import Entry, load
from stillhouse.components.storage.digests import digest_json
from stillhouse.components.storage.hub import guarded_hub
from stillhouse.components.storage.packages import is_package, package_digest
from stillhouse.components.storage.sources import list_source
from stillhouse.components.storage.store import Store
from stillhouse.components.storage.urls import is_local
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

    def facts(self, folder: BaseFolder) -> BaseFacts:
        """What the run says of it.

        Args:
            folder: What was seen of it.

        Raises:
            UserError: its tensors are not those of its architecture.
        """
        found = BaseFacts(
            address=self.address,
            digest=self.digest or self.address.rpartition("@")[2],
            architecture=folder.architecture,
            decoder=folder.kind in DECODERS,
            notes=list(folder.notes),
        )
        return account_for(folder, found)


class Bases:
    """The base models that a recipe names.

    Raises:
        UserError: there is no such model.
    """

    def __init__(self, names: set[str], store: Store) -> None:
        self._store = store
        self._champions = {name for name in names if from_champion(name, None) is not None}
        self._others = {name: resolve_base(name, store) for name in names - self._champions}

    def fixed(self, champion: Entry | None) -> dict[str, Base]:
        """Each of them as a step may be cached on it, with that champion for those that ask for it."""
        addresses = {name: from_champion(name, champion) or "" for name in self._champions}
        return self._others | {name: self._of(address, champion) for name, address in addresses.items()}

    def _of(self, address: str, champion: Entry | None) -> Base:
        # The address of a promoted model is made of its digest.
        return Base(address, "", own=True) if champion or not address else resolve_base(address, self._store)


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
    pretrain, finetune, student = steps["pretrain"], steps["finetune"], steps["distill"].student
    wanted = [(finetune.base, "finetune", finetune.loop.max_length, "none")]
    if pretrain.objective != "none":
        wanted.append((pretrain.base, "pretrain", pretrain.loop.max_length, pretrain.objective))
    wanted.append((student.base, "distill", steps["distill"].loop.max_length, "none"))
    if not (student.base or student.architecture):  # of the teacher's layers
        wanted.append((finetune.base, "distill", steps["distill"].loop.max_length, "none"))
    folders = {
        name: look(fixed[name].address) for name, *_ in wanted if name and fixed[name].address and not fixed[name].own
    }
    for name, step, max_length, objective in wanted:
        if name not in folders:
            continue
        check_objective(folders[name], objective)
        positions = num_positions(folders[name].config)
        if positions is not None and max_length > positions:
            raise UserError(
                f"base '{fixed[name].address}': it has {positions} positions, and {step}.loop.max_length is "
                f"{max_length}; set it to no more."
            )
    seen = {fixed[name].address: (fixed[name], folder) for name, folder in folders.items()}  # by two names, it may be
    return [base.facts(folder) for base, folder in seen.values()]


def own_bases(steps: StepSettings, fixed: Mapping[str, Base]) -> list[BaseFacts]:
    """What the run says of the bases that Stillhouse has made: nothing about them hangs on the dataset."""
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
        return Base(address, package_digest(address))
    try:
        files = list_source(address)
    except UserError as error:
        raise UserError(str(error).replace("source '", "base '", 1)) from None
    return Base(address, digest_json(sorted([file.name, file.size, file.version] for file in files)))


def _promoted(name: str, alias: str, store: Store) -> str:
    record, _ = load(store, name)
    entry = record.champion if alias == "champion" else record.previous
    if entry is None:
        raise UserError(f"base 'models:/{name}@{alias}': {store.url} has no such model; promote one, or name a folder.")
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
        raise UserError(f"base '{base}': {reason}; check the name, or name a folder.") from None
    return f"hf://{name}@{commit}"

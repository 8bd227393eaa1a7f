"""Base models: an address that may mean another model tomorrow becomes one that cannot."""

import re
from dataclasses import dataclass

from stillhouse.components.artifacts.kept import found_model, model_key
from stillhouse.components.promote.record import Entry, load
from stillhouse.components.storage.digests import digest_json
from stillhouse.components.storage.hub import guarded_hub
from stillhouse.components.storage.sources import list_source
from stillhouse.components.storage.store import Store
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
        return Base(address, "") if champion or not address else resolve_base(address, self._store)


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
        base: A folder, s3://bucket/prefix, hf://name[@revision], models:/name@alias or models:/name/version.

    Raises:
        UserError: there is no such model.
    """
    if base.startswith("models:/"):
        alias = ALIAS.fullmatch(base)
        return Base(_promoted(alias["name"], alias["alias"], store), "") if alias else Base(base, "")
    if base.startswith("hf://"):
        return Base(_at_commit(base), "")
    files = list_source(base)
    return Base(base, digest_json(sorted([file.name, file.size, file.version] for file in files)))


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

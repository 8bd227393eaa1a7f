"""The models that could know a row: those in production, and all others that the store keeps."""

import json
from dataclasses import dataclass

from stillhouse.components.artifacts.kept import MODELS, model_key
from stillhouse.components.artifacts.promotion_record import look, model_names
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.storage.store import NotFound, Store, join
from stillhouse.errors import UserError

ROLES = {
    "champion": "in production",
    "previous": "the way back of `stillhouse rollback {name}`",
    "anchor": "the anchor of the next candidates",
    "previous_anchor": "the anchor after a rollback",
    "waiting": "waiting for `stillhouse approve {name}`",
}
"""What people call the parts that a model plays in a promotion record."""


@dataclass(frozen=True)
class Held:
    """A model of the store."""

    digest: str
    title: str
    """What it is, for people."""
    spec: Spec | None
    """How it reads rows; None where the store does not hold it any more."""


def held_models(store: Store) -> list[Held]:
    """All of them, those that play a part first."""
    titles: dict[str, str] = {}
    for name in model_names(store):
        for digest, title in _titles(store, name).items():
            titles[digest] = f"{titles[digest]}; {title}" if digest in titles else title
    others = (entry.key.split("/")[1] for entry in store.list(MODELS))
    for digest in others:
        titles.setdefault(digest, f"the model {digest[:12]}, in the store until `stillhouse sweep` removes it")
    return [Held(digest, title, _spec(store, digest)) for digest, title in titles.items()]


def _titles(store: Store, name: str) -> dict[str, str]:
    """Of each model of a record what it is."""
    roles = look(store, name).roles
    places: dict[str, list[str]] = {}
    for role, entry in roles.items():
        places.setdefault(entry.digest, []).append(ROLES[role].format(name=name))
    labels = {entry.digest: entry.label for entry in roles.values()}
    return {digest: f"{labels[digest]} of '{name}', {', '.join(played)}" for digest, played in places.items()}


def _spec(store: Store, digest: str) -> Spec | None:
    key = join(model_key(digest), "model.json")
    try:
        info = json.loads(store.get(key))
        return Spec.of_model(info)
    except NotFound:
        return None
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"'{store.uri(key)}' cannot be read ({error}); copy it back.") from None

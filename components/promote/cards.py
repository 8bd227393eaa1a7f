"""The model card and the technical file of a candidate, and their copies in the store beside the model."""

from stillhouse.components.artifacts.kept import cards_key
from stillhouse.components.promote.model_card import CARD, About, model_card
from stillhouse.components.promote.technical_file import TECHNICAL_FILE, technical_file
from stillhouse.components.storage.store import Store


def cards_of(about: About, store: Store) -> dict[str, bytes]:
    """Both files by their names; of a model that is promoted into the store, too."""
    files = {CARD: model_card(about).encode(), TECHNICAL_FILE: technical_file(about).encode()}
    if about.verdict.decision == "promoted":
        for name, text in files.items():
            store.put(f"{cards_key(about.digest)}/{name}", text)
    return files

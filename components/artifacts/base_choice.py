"""What `base: auto` stands for, once the examples and the kind of target are known."""

import json
from collections.abc import Sequence
from typing import Any

from stillhouse.components.artifacts.base_facts import BaseFacts, facts_of, look
from stillhouse.components.artifacts.base_texts import sampled
from stillhouse.components.artifacts.chosen_base import ENGLISH_BASE, Candidates
from stillhouse.components.artifacts.kept import place_of
from stillhouse.components.modalities.text.language import look_at_language
from stillhouse.components.models.architectures import num_layers, num_positions
from stillhouse.components.storage.packages import is_installed, package_digest
from stillhouse.components.storage.store import NotFound, join
from stillhouse.errors import UserError


def choose_base(candidates: Candidates, texts: Sequence[str] | None, task: str, target: str) -> BaseFacts:
    """The first that fits of: the champion, the packaged base, what the recipe names for other texts, random weights.

    A champion is a student. One with fewer layers than the pretrained base that would be taken in its place does not
    fit: a teacher made of it would be no larger, its student smaller still, and so on with each run.

    Args:
        candidates: What there is to choose from.
        texts: Of the training rows; None where they have none, for which no base is packaged.
        task: Of the recipe.
        target: Kind of target that the labels are.

    Returns:
        What the run says of the one that was chosen; its address is empty for random weights.

    Raises:
        UserError: the base that the recipe names for other texts cannot be used.
    """
    instead = _without_champion(candidates, texts)
    if not candidates.champion:
        return instead
    unfit = _why_unfit(candidates, task, target, instead.address)
    if unfit:
        return instead.model_copy(update={"why": f"the champion ({candidates.label}) {unfit}; {instead.why}"})
    why = f"it is the champion ({candidates.label}), of the same task and kind of target"
    return BaseFacts(address=candidates.champion, why=why)


def _without_champion(candidates: Candidates, texts: Sequence[str] | None) -> BaseFacts:
    """The first of the others that fits."""
    if texts is None:
        return _otherwise(candidates, "no base is packaged for this kind of problem", "the recipe names it")
    language = look_at_language(sampled(texts))
    trouble = _why_not_english(candidates) if language.is_english else ""
    if language.is_english and not trouble:
        facts = facts_of(ENGLISH_BASE, package_digest(ENGLISH_BASE), look(ENGLISH_BASE))
        return facts.model_copy(update={"why": language.said()})
    return _otherwise(candidates, trouble or language.said(), "the recipe names it for such texts")


def _otherwise(candidates: Candidates, found: str, named: str) -> BaseFacts:
    """What the recipe names where the packaged base does not fit, as was `found`, else random weights."""
    if not candidates.otherwise:
        return BaseFacts(address="", why="; ".join(part for part in (found, candidates.trouble) if part))
    why = f"{found}, and {named}"
    if candidates.own:
        return BaseFacts(address=candidates.otherwise, why=why)
    base = look(candidates.otherwise)
    for use in candidates.uses:
        use.check(candidates.otherwise, base)
    return facts_of(candidates.otherwise, candidates.digest, base).model_copy(update={"why": why})


def _why_not_english(candidates: Candidates) -> str:
    """Why the packaged base cannot be taken for English texts; empty when it can."""
    if not is_installed(ENGLISH_BASE):
        return f"{ENGLISH_BASE}, for English texts, is not installed"
    base = look(ENGLISH_BASE)
    try:
        for use in candidates.uses:
            use.check(ENGLISH_BASE, base)
    except UserError as error:
        return str(error).rstrip(".")
    return ""


def _why_unfit(candidates: Candidates, task: str, target: str, instead: str) -> str:
    """Why the champion is not a base for this run; empty when it is."""
    about, config = (_read(candidates.champion, name) for name in ("model.json", "config.json"))
    if about is None:
        return "is gone from the store"
    if config is None or about.get("load") != "transformers":
        return "has no weights to start from"
    if about.get("task") != task:
        return f"was made for the task {about.get('task')}"
    if about.get("target") != target:
        return f"answers {_named(about.get('target'))}, and the labels are {_named(target)}"
    positions, longest = num_positions(config), max((use.max_length for use in candidates.uses), default=0)
    if positions is not None and longest > positions:
        return f"has {positions} positions, and texts of up to {longest} tokens are learnt"
    if instead and not candidates.own:
        layers, more = num_layers(config), num_layers(look(instead).config)
        if layers is not None and more is not None and layers < more:
            return f"is smaller ({layers} layers) than {instead} ({more})"
    return ""


def _read(champion: str, name: str) -> dict[str, Any] | None:
    store, key = place_of(champion)
    try:
        return json.loads(store.get(join(key, name)))
    except NotFound:
        return None


def _named(target: Any) -> str:
    return {"classes": "one of several classes", "multi_label": "several labels a row", "number": "numbers"}.get(
        target, str(target)
    )

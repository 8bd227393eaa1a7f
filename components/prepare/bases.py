"""What prepare adds to inspect's look at the base models before a GPU is asked for: their weights, where the light
image could not tell."""

from collections.abc import Iterable, Mapping
from typing import Any

from stillhouse.components.artifacts.base_facts import BaseFacts, account_for, facts_of, look
from stillhouse.components.artifacts.chosen_base import Use
from stillhouse.components.storage.packages import is_package, package_digest
from stillhouse.components.storage.sources import digest_source


def check_weights(found: Iterable[dict[str, Any]], unseen: Mapping[str, list[dict[str, Any]]]) -> list[BaseFacts]:
    """The bases as inspect saw them, with the count of their tensors where that is still to be made.

    Args:
        found: What inspect saw.
        unseen: Addresses that its image could not look at, and what the steps do with them (`Use`).

    Raises:
        UserError: the tensors of one are not those of its architecture, or it cannot be used so.
    """
    bases = [BaseFacts.model_validate(facts) for facts in found]
    counted = [
        account_for(look(base.address), base) if base.architecture and base.tensors is None else base for base in bases
    ]
    return counted + [_seen_here(address, uses) for address, uses in unseen.items()]


def _seen_here(address: str, uses: Iterable[dict[str, Any]]) -> BaseFacts:
    folder = look(address)
    for use in uses:
        Use.model_validate(use).check(address, folder)
    return facts_of(address, package_digest(address) if is_package(address) else digest_source(address), folder)

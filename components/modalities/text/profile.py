"""The words of all texts of a dataset, and how far later texts drift from them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from stillhouse.components.modalities.text.words import words
from stillhouse.components.targets.profile import distance

if TYPE_CHECKING:
    from stillhouse.components.reporting.page import Section

NUM_WORDS = 1000
"""Most frequent words whose shares are kept."""


class WordShares:
    """How often each word is."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._words: Counter[str] = Counter()
        for text in texts:
            self._words.update(words(text))

    def statistics(self) -> dict[str, Any]:
        """words: how many there are, how many different ones, and the shares of the most frequent."""
        total = max(self._words.total(), 1)
        top = sorted(self._words.items(), key=lambda item: (-item[1], item[0]))[:NUM_WORDS]
        return {
            "words": {
                "total": self._words.total(),
                "distinct": len(self._words),
                "shares": {word: count / total for word, count in top},
            }
        }

    def drift(self, reference: Mapping[str, Any]) -> dict[str, float]:
        """words: of the shares of the reference's most frequent words, and of all others together."""
        shares = reference["statistics"]["words"]["shares"]
        total = max(self._words.total(), 1)
        here = {word: self._words[word] / total for word in shares}
        return {"words": distance(_with_others(shares), _with_others(here))}


def _with_others(shares: Mapping[str, float]) -> dict[str, float]:
    return {**shares, "": max(1 - sum(shares.values()), 0.0)}


def text_section(statistics: Mapping[str, Any]) -> "Section":
    """Lengths and words of the texts, for the data card."""
    from stillhouse.components.reporting.page import Tile
    from stillhouse.components.targets.data_card import size_section

    found = statistics["words"]
    tile = Tile("words", f"{found['total']:,}", f"{found['distinct']:,} different ones")
    return size_section("Texts", "characters", statistics, tile)

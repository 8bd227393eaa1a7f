"""Whether texts are English, as far as the choice of a base model asks: by their letters and commonest words.

The commonest words of a language make up a fifth to a half of any text in it, be it prose, mail, a tweet or a comment
in code, so their share tells languages apart with no model (Ingle, 1976, The Incorporated Linguist 15, 98-101;
Grefenstette, 1995, JADT). Counted over all texts of a sample together, single texts may be as short as they like.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

WORD = re.compile(r"[^\W\d_]+")
NOISE = re.compile(r"https?://\S+|www\.\S+|\S+@\S+|<[^<>]{1,200}>")
"""Addresses and mark-up: words of no language."""
_ENGLISH = """
the and that it this with you are not from have they which were been their would there what when your can has had but
his she who if my about how then than more some our just could into other these its only them because where also does
did should very each after before between through being those such while both here why him us until against during
without too own any most for
"""
ENGLISH_WORDS = frozenset(_ENGLISH.split())
"""Common in English and hardly a word of other languages; `a`, `in`, `on`, `was`, `is` and `so` are theirs too."""
_OTHERS = {
    "German": "der und das ist nicht ich sie mit auf für ein eine einen auch sich wie oder wird zum",
    "Dutch": "het een dat niet zijn voor maar ook wordt deze naar",
    "Spanish": "que las del por una como más pero está muy",
    "Portuguese": "que não uma são pelo também você isso",
    "French": "les et des dans une pour pas qui avec elle cette nous vous mais",
    "Italian": "che della di non sono gli più nel anche questo",
    "Swedish, Danish, Norwegian": "och att som är på inte det jeg ikke og ett av",
    "Polish": "nie jest się że jak ale czy dla przez",
    "Czech, Croatian": "je ve když jsem ili koji što kako",
    "Turkish": "bir bu için ile çok daha gibi ama olarak",
    "Indonesian, Malay": "yang dengan untuk tidak dari ini itu",
    "Finnish": "ja ei että oli mutta kun ovat",
    "Hungarian": "az és hogy nem egy meg csak már",
    "Romanian": "și nu este cu din care",
    "Vietnamese": "và của là có không được cho trong những các",
    "Tagalog": "ng mga sa hindi ay",
    "Swahili": "na ya wa kwa",
}
OTHER_WORDS = frozenset(" ".join(_OTHERS.values()).split())
"""The same of other languages in Latin letters."""
LATIN_SHARE = 0.9
"""Share of Latin letters from which texts count as written in them."""
ENGLISH_SHARE = 0.02
"""Share of English words from which texts are English: prose has a fifth, code and product names some hundredths."""
LEAD = 3
"""English words for each of another language: in a text of one language there are next to none of the others."""
FEWEST_WORDS = 20
"""Fewer tell nothing."""


class Language(NamedTuple):
    """What was seen of the texts."""

    words: int
    latin: float
    """Share of the letters that are Latin."""
    english: float
    """Share of the words that are common English ones."""
    other: float
    """Share of those that are common ones of other languages in Latin letters."""

    @property
    def is_english(self) -> bool:
        """Whether an English model is for them."""
        return (
            self.words >= FEWEST_WORDS
            and self.latin >= LATIN_SHARE
            and self.english >= max(ENGLISH_SHARE, LEAD * self.other)
        )

    def said(self) -> str:
        """The finding, as a part of a sentence."""
        if self.words and self.latin < LATIN_SHARE:
            return f"{1 - self.latin:.0%} of the texts' letters are not Latin"
        if self.words < FEWEST_WORDS:
            return f"the texts have {self.words} words, too few to tell their language"
        share = f"{self.english:.1%} of their words are common English ones, {self.other:.1%} of other languages"
        return f"the texts are {'' if self.is_english else 'not '}English ({share})"


def look_at_language(texts: Iterable[str]) -> Language:
    """Count the letters and the common words of a sample of texts."""
    words: Counter[str] = Counter()
    for text in texts:
        words.update(word.lower() for word in WORD.findall(NOISE.sub(" ", text)))
    total = sum(words.values())
    letters, latin = 0, 0
    for word, count in words.items():
        letters += count * len(word)
        latin += count * sum(letter < "\u0250" or "\u1e00" <= letter < "\u1f00" for letter in word)
    english = sum(count for word, count in words.items() if word in ENGLISH_WORDS)
    other = sum(count for word, count in words.items() if word in OTHER_WORDS)
    return Language(total, latin / max(letters, 1), english / max(total, 1), other / max(total, 1))

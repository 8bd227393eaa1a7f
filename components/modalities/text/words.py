"""What counts as a word, for near duplicates and for drift."""

import re

# Thai, Lao, Burmese, Khmer, Japanese and Chinese put no spaces between words: each character counts as one.
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_ASCII = re.compile(r"\w+", re.ASCII)
_ANY = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+|[^\x00-\x7f\s\w]")


def words(text: str) -> list[str]:
    """The words of `text` without case and ASCII punctuation; emoji and other symbols count as words.

    A text of punctuation only is cut at its spaces, so that "!!!" and "???" differ.
    """
    folded = text.casefold()
    return (_ASCII if folded.isascii() else _ANY).findall(folded) or folded.split()

"""Cleaning of text: Unicode, white space, personal data.

It imports nothing of Stillhouse: MLflow keeps the file beside a registered model, which cleans as training did.
"""

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute  # its functions are made at run time, where no type checker sees them

# Everything else is plain ASCII text that ftfy would not change, and ftfy costs about a second per 10 MB.
_ODD = r"[^\t\n\x20-\x7e]"
_ODD_LINE = re.compile(_ODD)

# Possessive, and from the start of a word only: a long run of letters must not cost its length squared.
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]++@[\w-]++(?:\.[\w-]++)+")
_PHONE = re.compile(
    r"""(?<![\w.,/=-])          # not in the middle of a word, a number, a date, an address
    (?:
        (?:\+|00)(?=[1-9](?:[ ./()-]{0,2}\d){6,14}(?!\d))               # +44 20 7946 0958, +49 (0)30 901820
        \d{1,3}(?:[ ./-]?(?:\(\d{1,4}\)|\d{1,4})){2,6}
      | (?:1[ .-]?)?\(\d{2,5}\)[ .-]?\d{2,4}(?:[ .-]?\d{2,4}){1,2}      # (212) 555-0123
      | (?:1[ .-])?\d{3}([ .-])\d{3}\1\d{4}                             # 212-555-0123, 1-800-555-0123
      | 0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,4}                                # 020 7946 0958
    )
    (?![\w/]|[.:-]\d)""",
    re.VERBOSE,
)


def cleaned(texts: pa.StringArray, cleaning: Mapping[str, Any]) -> pa.StringArray:
    """`texts` (without nulls) as a model reads them, in training and ever after.

    Args:
        texts: As they come.
        cleaning: What dataset.json and model.json say under that name: `mask_pii`, whether personal data is replaced;
            empty for models from before they said it.
    """
    texts = clean(texts)
    if not cleaning.get("mask_pii"):
        return texts
    return pa.array([mask_pii(text) for text in texts.to_pylist()], pa.string())


def clean(texts: pa.StringArray) -> pa.StringArray:
    """Normalise Unicode and white space of `texts` (strings without nulls).

    Mojibake is fixed and control characters go (ftfy); the result is in form NFC. Runs of spaces become one,
    lines lose the spaces at their ends, more than one empty line becomes one.
    """
    texts = pc.replace_substring_regex(texts, r"\r\n?", "\n")
    texts = _mend(texts)
    texts = pc.replace_substring_regex(texts, r"[\t\v\f\x{85}\p{Zs}]+", " ")
    texts = pc.replace_substring_regex(texts, r" ?\n ?", "\n")
    texts = pc.replace_substring_regex(texts, r"\n{3,}", "\n\n")
    return pc.utf8_trim_whitespace(texts)


def mask_pii(text: str) -> str:
    """Replace e-mail addresses by <email> and phone numbers by <phone>.

    Phone numbers are known by their shape (a leading + or 00, an area code in brackets, the usual groups); a
    plain run of digits may be anything and stays.
    """
    return _PHONE.sub("<phone>", _EMAIL.sub("<email>", text))


def _mend(texts: pa.StringArray) -> pa.StringArray:
    """Run ftfy over the lines that hold anything but plain ASCII."""
    odd = pc.match_substring_regex(texts, _ODD)
    if not pc.any(odd).as_py():
        return texts
    mended = pa.array([_mend_text(text) for text in texts.filter(odd).to_pylist()], pa.string())
    return pc.replace_with_mask(texts, odd, mended)


def _mend_text(text: str) -> str:
    from ftfy import TextFixerConfig, fix_text

    # Entities stay: whether &lt; is text or markup is for whoever wrote it to say.
    config = TextFixerConfig(unescape_html=False, explain=False)
    return "\n".join(fix_text(line, config) if _ODD_LINE.search(line) else line for line in text.split("\n"))

"""The one exception a user's mistake raises."""

import re

from stillhouse.redaction import redact

USER_ERROR = 2
"""Exit code of a process that ends with a user's mistake."""
MAX_CHARACTERS = 1200
"""Of a longer sentence the middle is left out: its beginning says where, its end what to do."""

_BREAKS = re.compile(r"[\r\n\v\f\x85\u2028\u2029]+\s*")


class UserError(Exception):
    """A mistake of the user's: one sentence that says what was wrong, where, and what to do.

    The command line prints it without a traceback and ends with exit code 2. Whatever a sentence quotes (a cell, a
    name, another library's message), it is one line without secrets, without characters that steer a terminal, and of
    bounded length.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(presentable(sentence))


def presentable(sentence: str) -> str:
    """`sentence` as one line without secrets, without characters that steer a terminal, and of bounded length."""
    line = _BREAKS.sub(" ", sentence)
    if not line.isprintable():
        line = "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in line)
    # Far longer ones are cut first, so that hiding costs little; and after it, so that no secret is cut in two.
    return _cut(redact(_cut(line, 20 * MAX_CHARACTERS)), MAX_CHARACTERS)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}…{text[-half:]}"

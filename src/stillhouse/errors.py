"""The one exception a user's mistake raises."""


class UserError(Exception):
    """A mistake of the user's: one sentence that says what was wrong, where, and what to do.

    The command line prints it without a traceback and ends with exit code 2.
    """

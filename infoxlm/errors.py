"""The one exception for mistakes that a user can mend."""

from collections.abc import Sequence


class UserError(Exception):
    """Bad input, a missing file, a setting that cannot work here.

    The command line prints it as one line, without a traceback, and exits with code 1.

    Args:
        problem: What is wrong, where, and the value that was found.
        remedy: What to do about it, as an imperative sentence.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem.rstrip('.')}. {remedy}")


class RankLostError(UserError):
    """Another rank of the run has ended, so that an exchange with it failed."""


def and_more(names: Sequence[str], what: str = "tensors") -> str:
    """The first of some names and how many others there are, for a message."""
    return names[0] + (f" and {len(names) - 1} more {what}" if names[1:] else "")

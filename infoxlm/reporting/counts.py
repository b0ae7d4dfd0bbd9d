"""Counts of things, as a sentence says them."""


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 question``, ``1,190 questions``.

    Args:
        number: How many.
        noun: One of them; its plural ends in s.
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

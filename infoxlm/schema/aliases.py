"""Keys that are typed under another name than their own."""

#: By command, keys by the names they are typed with, where Hydra would take these for a group of
#: conf/.
TYPED_AS = {"report": {"sweep": "folder"}}


def meant_word(word: str, command: str) -> str:
    """A word typed behind a command, with the key that is meant.

    Args:
        word: Such as ``sweep=outputs/sweeps/seeds/TIME``.
        command: The command.
    """
    typed, equals, value = word.partition("=")
    return f"{TYPED_AS.get(command, {}).get(typed, typed)}{equals}{value}"


def typed_key(key: str, command: str) -> str:
    """The name that a key is typed with, for messages."""
    return next((typed for typed, own in TYPED_AS.get(command, {}).items() if own == key), key)

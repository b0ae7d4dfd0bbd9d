"""What a server accepts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much one request may bring, and all of them together.

    Attributes:
        body_bytes: Most bytes of a request's body.
        request_pairs: Most pairs of a request; a text with n labels counts as n pairs.
        text_characters: Most characters of a text, a label or a template.
        waiting_pairs: Most pairs that are accepted and not answered yet; more are refused.
        timeout: Seconds after which a request that is not answered is given up.
    """

    body_bytes: int = 1 << 20
    request_pairs: int = 256
    text_characters: int = 10_000
    waiting_pairs: int = 1024
    timeout: float = 30.0

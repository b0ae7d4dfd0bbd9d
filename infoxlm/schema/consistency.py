"""The group `consistency`: xTune's regularization of fine-tuning."""

from dataclasses import dataclass

from infoxlm.errors import UserError
from infoxlm.schema.checks import check, check_above_zero, check_languages, check_name

#: The changes that copies of examples are made by; none: there are no copies.
CHANGES = (
    "none", "subword_sampling", "code_switching", "translation", "gaussian_noise", "word_dropout",
)  # fmt: skip

#: The largest weight and standard deviation, to keep losses finite.
_LARGEST = 1e4


@dataclass
class ConsistencyConfig:
    """Changed copies of the training examples, and what predictions for them are held to."""

    name: str = "none"
    weight: float = 5.0
    loss_on_copies: bool = False
    teacher: str | None = None
    teacher_weight: float = 5.0
    ratio: float = 0.3
    alpha: float = 0.3
    sigma: float = 0.01
    dictionaries: str | None = None
    languages: list[str] | None = None
    two_languages: bool = False

    def __post_init__(self) -> None:
        check_name("consistency.name", self.name, CHANGES)
        for key in ("weight", "teacher_weight", "alpha"):
            value = getattr(self, key)
            fits = 0 <= value <= _LARGEST
            check(fits, f"consistency.{key}", value, f"from 0 to {_LARGEST:g}")
        check_above_zero(self, "consistency", "sigma")
        check(0 < self.ratio <= 1, "consistency.ratio", self.ratio, "above 0 and at most 1")
        if self.languages is not None:
            check_languages("consistency.languages", self.languages)
        if self.name == "none" and self.teacher is not None:
            raise UserError(
                "consistency.teacher is set, but there are no changed examples to hold to it",
                f"Take one of consistency={','.join(CHANGES[1:])}.",
            )
        if self.name != "none" and not self.weight and self.teacher is None:
            raise UserError(
                f"consistency.weight=0 with consistency={self.name}, and no consistency.teacher",
                "Give a weight or a teacher, or leave consistency out.",
            )
        if self.name == "code_switching" and self.dictionaries is None:
            raise UserError(
                "consistency.dictionaries is not set, and consistency=code_switching needs it",
                "Give a folder of MUSE's en-xx.txt.",
            )

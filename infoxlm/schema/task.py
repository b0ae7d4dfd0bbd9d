"""The group `task`: what a model is trained for, with the options of each task."""

from dataclasses import dataclass
from typing import Any

from infoxlm.constants import MAX_LENGTH
from infoxlm.errors import UserError
from infoxlm.schema.checks import check
from infoxlm.schema.choices import AnswerRules, Faulty, Unanswerable


@dataclass
class TaskConfig:
    """What a model is trained for; the group of a task with options of its own has a subclass."""

    name: str = "classification"

    def __post_init__(self) -> None:
        wanted = TASK_CONFIGS.get(self.name, type(self))
        if type(self) is not wanted:
            raise UserError(
                f"task.name={self.name} has other options than these",
                f"Take task={self.name}, or the data= of such a data set.",
            )


@dataclass
class QuestionAnsweringConfig(TaskConfig):
    """Extractive question answering: windows over long contexts, and answers out of them."""

    name: str = "question_answering"
    stride: int = 128
    max_question_length: int = 64
    max_answer_length: int = 30
    n_best: int = 20
    unanswerable: Unanswerable = Unanswerable.refuse
    faulty: Faulty = Faulty.refuse
    rules: AnswerRules | None = None
    combinations: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("stride", "max_question_length", "max_answer_length", "n_best"):
            low = 0 if key == "stride" else 1
            fits = low <= getattr(self, key) <= MAX_LENGTH
            check(fits, f"task.{key}", getattr(self, key), f"from {low} to {MAX_LENGTH}")


#: The dataclass of each task's options, by the name of the task; tasks that are not among these
#: have but their name.
TASK_CONFIGS: dict[str, type[TaskConfig]] = {
    "classification": TaskConfig,
    "question_answering": QuestionAnsweringConfig,
}


def variants_of(section: Any) -> tuple[Any, ...]:
    """The dataclasses that a section of a configuration may be of: its own and those below it."""
    return (section, *section.__subclasses__())

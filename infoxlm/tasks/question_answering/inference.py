"""The words of a context that answer a question, with their probability."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.checkpoint.config_file import CONFIG_FILE
from infoxlm.checkpoint.labels import check_question_answerer
from infoxlm.errors import UserError
from infoxlm.files.json_file import read_json
from infoxlm.tasks.inference import Encoded, Field, Inference, Row
from infoxlm.tasks.probabilities import DIGITS
from infoxlm.tasks.question_answering.decoding import best_answers, null_scores
from infoxlm.tasks.question_answering.input_file import squad_rows
from infoxlm.tasks.question_answering.options import KEY, AnsweringOptions
from infoxlm.tasks.question_answering.prediction import AnswerPrediction, AnswerSpan, answer_of
from infoxlm.tasks.question_answering.windows import Windows, context_room, windows_of
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: Which of an example's questions belong to which split.
SPLITS = {"dev": 0, "test": 1}


class QuestionInference(Inference):
    """A model that marks the answer to a question in a context.

    Args:
        config: The model's `config.json`; see `AnsweringOptions` for what it says of answering.

    Raises:
        UserError: That makes no sense.
    """

    fields = (Field("question"), Field("context", ("passage", "paragraph")))
    noun, plural = "question", "questions"
    input_text = "A question, and the context in which the answer stands, of any length."
    answer_text = (
        "The words of the context that answer best, and the next best ones.\n\nAttributes:\n"
        '    answer: Empty for "no answer".\n'
        "    start: The first character, in Unicode characters from 0.\n"
        "    end: The character behind the last.\n"
        "    probability: The share among the n best answers, which sum to 1.\n"
        "    truncated: Whether the question was cut to the model's length."
    )
    request_text = "Answer one question, or many; each brings its context."
    description = "The words of a context that answer a question."
    prediction = AnswerPrediction
    outputs = 2
    for_every_token = True
    columns = ("answer", "start", "end", "probability", "truncated")
    usual_length = 384
    sequences_text = "windows of contexts"
    cut_field = "question"
    page = Path(__file__).parent / "page"

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.options = AnsweringOptions.of(config)

    @property
    def page_words(self) -> Mapping[str, str]:
        """The sentence about "no answer", for models that give it."""
        may = self.options.may_be_unanswerable
        return {"unanswerable": " It may also find that the text does not say." if may else ""}

    def check(self, folder: Path, named: str, *, checkpoint: bool) -> None:
        """Check that a folder holds a model that answers questions."""
        if checkpoint:
            check_question_answerer(folder, named)

    def load_model(self, folder: Path) -> Any:
        """Load the model of a checkpoint."""
        from infoxlm.model import InfoXLMForQuestionAnswering

        return InfoXLMForQuestionAnswering.from_pretrained(folder)

    def check_length(self, max_length: int) -> None:
        """Check that windows bring more of a context than they share."""
        room = context_room(max_length, self.options.max_question_length)
        if room <= self.options.stride:
            raise UserError(
                f"max_length={max_length} leaves {room} tokens of a context next to "
                f"max_question_length={self.options.max_question_length}, and windows share "
                f"stride={self.options.stride}",
                f"Set max_length to more than {max_length - room + self.options.stride}, or change "
                f"the others under {KEY} in {CONFIG_FILE}.",
            )

    def encode(self, tokenizer: InfoXLMTokenizer, rows: Sequence[Row], max_length: int) -> Windows:
        """Tokenize questions with their contexts, a long one in several windows."""
        return windows_of(
            tokenizer,
            [question for question, _ in rows],
            [context for _, context in rows],
            max_length=max_length,
            stride=self.options.stride,
            max_question_length=self.options.max_question_length,
        )

    def decode(self, outputs: Sequence[np.ndarray], encoded: Encoded) -> list[AnswerPrediction]:
        """Turn the logits of starts and ends into answers."""
        assert isinstance(encoded, Windows)
        count = len(encoded.contexts)
        found = best_answers(
            outputs,
            encoded,
            count,
            n_best=self.options.n_best,
            max_answer_length=self.options.max_answer_length,
        )
        nulls: list[float | None] = [None] * count
        if self.options.may_be_unanswerable:
            nulls = list(null_scores(outputs, encoded, count).tolist())
        return [
            answer_of(candidates, null, context, self.options, truncated=cut)
            for candidates, null, context, cut in zip(
                found, nulls, encoded.contexts, encoded.truncated.tolist(), strict=True
            )
        ]

    def full_length(self, tokenizer: InfoXLMTokenizer, row: Row) -> int:
        """Count the tokens of a question that is not cut; contexts never are."""
        return int(tokenizer.pieces([row[0]]).lengths[0])

    def longest(self, max_length: int) -> int:
        """Most tokens of a question."""
        return self.options.max_question_length

    def length_text(self, max_length: int) -> str:
        """Contexts may be long."""
        return (
            f"{self.options.max_question_length} tokens a question; a context is read in windows "
            f"of {max_length} tokens, each of which counts as a question"
        )

    def read_file(self, path: Path) -> Iterator[tuple[str, Row]] | None:
        """Read the questions, with their ids, of a file in SQuAD's form."""
        return squad_rows(path)

    def record(self, prediction: AnswerPrediction) -> dict[str, Any]:
        """The answer with its characters and probability, and the next best ones."""
        return {
            **_entry(prediction),
            "alternatives": [_entry(each) for each in prediction.alternatives],
            "truncated": prediction.truncated,
        }

    def cells(self, prediction: AnswerPrediction) -> list[str]:
        """The text of each column."""
        return [
            prediction.answer,
            str(prediction.start),
            str(prediction.end),
            f"{prediction.probability:.{DIGITS}f}",
            str(prediction.truncated).lower(),
        ]

    def facts(self) -> dict[str, str]:
        """The names of the columns of the logits, and the options of windows and answers."""
        return {"outputs": json.dumps(["start", "end"]), KEY: json.dumps(asdict(self.options))}

    def sample_rows(self, split: str, rows: int) -> list[Row]:
        """The page's examples, in fifteen languages."""
        examples = read_json(self.page / "examples.json")
        number = SPLITS[split]
        return [(example["questions"][number], example["context"]) for example in examples]


def _entry(answer: AnswerPrediction | AnswerSpan) -> dict[str, Any]:
    """An answer in a line of JSON."""
    return {
        "answer": answer.answer,
        "start": answer.start,
        "end": answer.end,
        "probability": round(answer.probability, DIGITS),
    }

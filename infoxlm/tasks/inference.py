"""Inference of a task, from texts to answers: its interface for predict, serve and export."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from infoxlm.errors import UserError
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: The texts of one input, one for each field.
Row = tuple[str, ...]


class Field(NamedTuple):
    """One of the texts of an input.

    Attributes:
        name: Its name in requests and, by default, in tables.
        aliases: Other names that a table's column may have.
    """

    name: str
    aliases: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that a table's column may have, the usual one first."""
        return (self.name, *self.aliases)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Tokenized inputs; a task may keep more in a class of its own.

    Attributes:
        token_ids: The sequences, of each input as many as it takes, input by input.
        truncated: Whether each input lost tokens, bool `[inputs]`.
    """

    token_ids: TokenIds
    truncated: np.ndarray


class Inference:
    """Inference of a task: a model's inputs, and the meaning of its outputs.

    Everything here is NumPy and Python; nothing imports a framework but `load_model`.
    """

    #: The texts of an input.
    fields: tuple[Field, ...]
    #: The words for one input, and for several, in messages and in requests.
    noun, plural = "input", "inputs"
    #: Descriptions of an input, an answer and a request, for the server's documentation.
    input_text, answer_text, request_text = (
        "The texts.",
        "The answer.",
        "Answer one input, or many.",
    )
    #: Whether `zero_shot` works.
    sorts_texts = False
    #: The dataclass of an answer; it has the attribute `truncated`.
    prediction: type
    #: The size of an output's last axis.
    outputs: int
    #: Whether the model answers for every token, and not once for each sequence.
    for_every_token = False
    #: Sequences that an input makes at least; a long one may make more.
    sequences_an_input = 1
    #: Most tokens of a sequence where config.json does not say what the model was fine-tuned with.
    usual_length = 128
    #: The word for the sequences of a request, for the message when they are too many.
    sequences_text = "sequences"
    #: The field that is cut where an input is too long; empty: not one alone.
    cut_field = ""
    #: A folder with an index.html where one tries the model.
    page: Path | None = None

    @property
    def description(self) -> str:
        """The model's answers described in one line."""
        raise NotImplementedError

    @property
    def page_words(self) -> Mapping[str, str]:
        """The texts that replace names in double braces, as {{question}}, in the page."""
        return {}

    def check(self, folder: Path, named: str, *, checkpoint: bool) -> None:
        """Check that a folder's model is of this task.

        Args:
            folder: The folder.
            named: The name that the user gave it.
            checkpoint: Whether it holds weights, and not an exported model.

        Raises:
            UserError: It is not.
        """

    def check_length(self, max_length: int) -> None:
        """Check that inputs fit into sequences of so many tokens.

        Raises:
            UserError: They do not.
        """

    def load_model(self, folder: Path) -> Any:
        """Load a checkpoint: a `nn.Layer` from token ids to an object with `logits`."""
        raise NotImplementedError

    def encode(self, tokenizer: InfoXLMTokenizer, rows: Sequence[Row], max_length: int) -> Encoded:
        """Tokenize inputs.

        Args:
            tokenizer: The model's.
            rows: The inputs; each has a text for every field.
            max_length: Most tokens of a sequence.
        """
        raise NotImplementedError

    def decode(self, outputs: Sequence[np.ndarray], encoded: Encoded) -> list[Any]:
        """Turn outputs into one answer an input.

        Args:
            outputs: Of each sequence: `[outputs]`, or `[tokens, outputs]` where the model answers
                for every token.
            encoded: The inputs, from `encode`.
        """
        raise NotImplementedError

    def full_length(self, tokenizer: InfoXLMTokenizer, row: Row) -> int:
        """Count the tokens of an input that is not cut, or of the text that may be."""
        raise NotImplementedError

    def longest(self, max_length: int) -> int:
        """Say how much `full_length` may count before something is cut.

        Args:
            max_length: Most tokens of a sequence.
        """
        return max_length

    def length_text(self, max_length: int) -> str:
        """The most tokens of an input, in words for the server's documentation."""
        return f"{max_length} tokens {article(self.noun)}"

    def read_file(self, path: Path) -> Iterator[tuple[str, Row]] | None:
        """Read inputs, each behind its id, from a file in a form of the task's own.

        Returns:
            None where it is in no such form.

        Raises:
            UserError: It is, and at fault.
        """
        return None

    def record(self, prediction: Any) -> dict[str, Any]:
        """An answer as it is written into a line of JSON."""
        raise NotImplementedError

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of an answer in a table."""
        raise NotImplementedError

    def cells(self, prediction: Any) -> list[str]:
        """An answer's cells of a table."""
        raise NotImplementedError

    def facts(self) -> dict[str, str]:
        """Facts on the outputs that are written into an exported file."""
        return {}

    def sample_rows(self, split: str, rows: int) -> list[Row]:
        """Inputs in many languages, by which an export is checked or quantised.

        Args:
            split: `dev` or `test`; the two share no input.
            rows: Inputs a language.
        """
        raise NotImplementedError

    def zero_shot(self, labels: Sequence[str], template: str, *, multi_label: bool) -> "Inference":
        """Sort texts into labels that the model was not trained for.

        Raises:
            UserError: A model of this task cannot, or the labels are at fault.
        """
        raise UserError(
            "the model's task gives no labels to texts",
            "Give a model that was fine-tuned on natural-language inference or on paraphrases.",
        )

    def check_rows(self, rows: Sequence[Row]) -> None:
        """Check the form of inputs that come from a program.

        Raises:
            TypeError: An input is no sequence of as many strings as there are fields.
        """
        names = ", ".join(field.name for field in self.fields)
        for row in rows:
            if isinstance(row, str) or [type(text) for text in row] != [str] * len(self.fields):
                count = len(self.fields)
                strings = {1: "one string", 2: "two strings"}.get(count, f"{count} strings")
                raise TypeError(f"{article(self.noun)} is ({names}), {strings}, not {row!r}")


def article(noun: str) -> str:
    """A noun with its article."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"

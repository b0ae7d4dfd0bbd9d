"""What requests and answers look like; a request has one thing to predict on, or a list of them."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from infoxlm.deploy.zero_shot import TEMPLATE


def in_utf8(text: str) -> str:
    """Refuse what JSON can spell but UTF-8 cannot hold: half of a surrogate pair, alone."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError(
            "not_utf8",
            "character {place} is half of a surrogate pair, which no UTF-8 text has",
            {"place": error.start},
        ) from error
    return text


#: A string of a request.
Text = Annotated[str, AfterValidator(in_utf8)]


class Message(BaseModel):
    """A request: nothing is converted, and a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Pair(Message):
    """A premise, and a hypothesis that follows from it, contradicts it, or neither."""

    premise: Text
    hypothesis: Text


class Truncating(Message):
    """Whether texts may be cut."""

    truncate: bool = Field(False, description="Cut what is too long for the model; else refuse it.")


class OnePair(Pair, Truncating):
    """One pair."""


class Pairs(Truncating):
    """Several pairs."""

    pairs: list[Pair] = Field(min_length=1)


class Candidates(Truncating):
    """Labels to choose from."""

    labels: list[Text] = Field(min_length=1)
    template: Text = Field(TEMPLATE, description="What `{}` has to make true of the text.")
    multi_label: bool = Field(False, description="Several labels may hold.")


class OneText(Candidates):
    """One text to classify."""

    text: Text


class Texts(Candidates):
    """Several texts to classify."""

    texts: list[Text] = Field(min_length=1)


def several(key: str) -> Discriminator:
    """Tell by a key whether one thing or several were sent."""

    def form(body: Any) -> str:
        return "(several)" if isinstance(body, dict) and key in body else "(one)"

    return Discriminator(form)


PredictRequest = Annotated[
    Annotated[OnePair, Tag("(one)")] | Annotated[Pairs, Tag("(several)")], several("pairs")
]
ClassifyRequest = Annotated[
    Annotated[OneText, Tag("(one)")] | Annotated[Texts, Tag("(several)")], several("texts")
]


class Answer(BaseModel):
    """The most probable label, and the probability of each.

    Attributes:
        truncated: Whether the text was cut to the model's length.
    """

    label: str
    probabilities: dict[str, float]
    truncated: bool


class Answers(BaseModel):
    """One answer for each pair or text, in their order."""

    predictions: list[Answer]


class Health(BaseModel):
    """That all is well."""

    status: str

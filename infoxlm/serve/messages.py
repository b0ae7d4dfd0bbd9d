"""What requests and answers look like; a request has one thing to predict on, or a list of them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from infoxlm.deploy.zero_shot import TEMPLATE


class Message(BaseModel):
    """A request: nothing is converted, and a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Pair(Message):
    """A premise, and a hypothesis that follows from it, contradicts it, or neither."""

    premise: str
    hypothesis: str


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

    labels: list[str] = Field(min_length=1)
    template: str = Field(TEMPLATE, description="What `{}` has to make true of the text.")
    multi_label: bool = Field(False, description="Several labels may hold.")


class OneText(Candidates):
    """One text to classify."""

    text: str


class Texts(Candidates):
    """Several texts to classify."""

    texts: list[str] = Field(min_length=1)


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

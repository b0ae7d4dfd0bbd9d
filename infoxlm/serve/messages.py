"""The schemas of requests and answers; a request has one thing to predict on, or a list of them."""

import dataclasses
from typing import Annotated, Any, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    create_model,
)
from pydantic_core import PydanticCustomError

from infoxlm.deploy.zero_shot import TEMPLATE
from infoxlm.tasks.inference import Inference


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


class Truncating(Message):
    """Whether texts may be cut."""

    truncate: bool = Field(False, description="Cut what is too long for the model; else refuse it.")


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


ClassifyRequest = Annotated[
    Annotated[OneText, Tag("(one)")] | Annotated[Texts, Tag("(several)")], several("texts")
]


def predict_request(inference: Inference) -> Any:
    """The type of a request to predict: one input, or a list of them under the plural's name."""
    noun, plural = inference.noun, inference.plural
    texts: dict[str, Any] = {field.name: (Text, ...) for field in inference.fields}
    each = create_model(
        noun.capitalize(), __base__=Message, __module__=__name__, __doc__=inference.input_text,
        **texts,
    )  # fmt: skip
    one = create_model(
        f"One{noun.capitalize()}", __base__=(each, Truncating), __module__=__name__,
        __doc__=f"One {noun}.",
    )  # fmt: skip
    inputs: dict[str, Any] = {plural: (list[each], Field(min_length=1))}  # type: ignore[valid-type]
    several_ = create_model(
        plural.capitalize(), __base__=Truncating, __module__=__name__,
        __doc__=f"Several {plural}.", **inputs,
    )  # fmt: skip
    return Annotated[
        Annotated[one, Tag("(one)")] | Annotated[several_, Tag("(several)")], several(plural)
    ]


def answers_of(inference: Inference) -> type[BaseModel]:
    """The type of what is sent back: one answer for each input, in their order."""
    hints = get_type_hints(inference.prediction)
    keys: dict[str, Any] = {
        field.name: (hints[field.name], ...) for field in dataclasses.fields(inference.prediction)
    }
    answer = create_model("Answer", __module__=__name__, __doc__=inference.answer_text, **keys)
    predictions: Any = (list[answer], ...)  # type: ignore[valid-type]
    return create_model(
        "Answers",
        __module__=__name__,
        __doc__=f"One answer for each {inference.noun} or text, in their order.",
        predictions=predictions,
    )


class Health(BaseModel):
    """The state of a healthy server."""

    status: str

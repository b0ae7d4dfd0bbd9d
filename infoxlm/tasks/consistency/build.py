"""Streams of changed copies, made of those of any task."""

import logging
from collections.abc import Callable
from dataclasses import replace

from paddle import nn

from infoxlm.data.examples import Examples
from infoxlm.data.sampler import EpochSampler, Sampler
from infoxlm.errors import UserError
from infoxlm.tasks.consistency.changes import Change, GaussianNoise, Translation, WordDropout
from infoxlm.tasks.consistency.examples import CopiedExamples
from infoxlm.tasks.consistency.inputs import ConsistencyInputs, check_parallel
from infoxlm.tasks.consistency.objective import ConsistencyObjective
from infoxlm.tasks.consistency.teacher import Teacher, check_same_labels
from infoxlm.tasks.consistency.word_changes import CodeSwitching, SubwordSampling
from infoxlm.tasks.objective import Objective
from infoxlm.tasks.stream import TrainingStream
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

logger = logging.getLogger(__name__)


def with_consistency(
    stream: TrainingStream,
    inputs: ConsistencyInputs,
    tokenizer: InfoXLMTokenizer,
    max_length: int,
    load_model: Callable[[], nn.Layer],
) -> TrainingStream:
    """Add changed copies to a stream, and consistency to its objective.

    Args:
        stream: The task's stream.
        inputs: What the copies are made of.
        tokenizer: The model's.
        max_length: Most tokens of an example.
        load_model: Loads the model of the first stage; called where there is one.

    Raises:
        UserError: The task's predictions cannot be compared, or its examples not be changed so.
    """
    config, objective, model = inputs.config, stream.objective, stream.objective.model
    change = build_change(inputs, stream.examples, tokenizer, max_length)
    check_comparable(objective, change, config.name)
    check_parallel(inputs.trained, inputs.translations)
    examples = CopiedExamples.of(
        stream.examples,
        change,
        copies=config.weight > 0,
        augmented=inputs.teacher is not None,
        width=model.config.hidden_size,
    )
    if config.weight:
        logger.info("Each example comes with a copy changed by %s", config.name)
    teacher = None
    if inputs.teacher is not None:
        first_stage = load_model()
        check_same_labels(model, first_stage, config.teacher or "")
        teacher = Teacher(first_stage, objective, examples.ids_in_use())
        logger.info("Changed examples are held to the predictions of %s", inputs.teacher)
    wrapped = ConsistencyObjective(
        objective,
        weight=config.weight,
        loss_on_copies=config.loss_on_copies,
        teacher=teacher,
        teacher_weight=config.teacher_weight,
    )
    sampler = stream.sampler if teacher is None else doubled(stream.sampler)
    return replace(stream, examples=examples, objective=wrapped, sampler=sampler)


def build_change(
    inputs: ConsistencyInputs, examples: Examples, tokenizer: InfoXLMTokenizer, max_length: int
) -> Change:
    """The change that a configuration names.

    Args:
        inputs: What copies are made of.
        examples: The training examples.
        tokenizer: The model's.
        max_length: Most tokens of a copy.
    """
    config = inputs.config
    if config.name == "subword_sampling":
        return SubwordSampling(tokenizer, config.ratio, config.alpha, max_length)
    if config.name == "code_switching":
        return CodeSwitching(tokenizer, inputs.dictionaries, config.ratio, max_length)
    if config.name == "translation":
        return Translation(examples, inputs.translations, config.two_languages, max_length)
    if config.name == "gaussian_noise":
        return GaussianNoise(config.sigma)
    return WordDropout(config.ratio)


def check_comparable(objective: Objective, change: Change, name: str) -> None:
    """Check that an objective's predictions for examples and their copies can be compared.

    Raises:
        UserError: They cannot.
    """
    if type(objective).log_probabilities is Objective.log_probabilities:
        raise UserError(
            f"consistency={name}: the task gives no probabilities that could be consistent",
            "Leave it out, or give its objective log_probabilities.",
        )
    if objective.points_at_tokens and not change.keeps_tokens:
        raise UserError(
            f"consistency={name} moves the tokens that the task's answers are made of",
            "Take consistency=gaussian_noise or word_dropout.",
        )


def doubled(sampler: Sampler) -> Sampler:
    """The sampler of examples and their copies, in epochs of twice the length.

    Raises:
        UserError: The stream has no epochs.
    """
    if not isinstance(sampler, EpochSampler):
        raise UserError(
            "consistency.teacher is set for a task that does not train in epochs",
            "Leave consistency.teacher out.",
        )
    return EpochSampler(2 * sampler.examples, sampler.size, sampler.seed)

"""`infoxlm predict`: answers on texts, typed or in a file."""

import logging
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import chain, islice
from pathlib import Path

from infoxlm.convert.find_checkpoint import required_checkpoint
from infoxlm.data.example import shown
from infoxlm.data.text_encoding import holds_all_characters
from infoxlm.deploy.input_rows import InputRow, count_lines, read_rows, warned_of_empty
from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.deploy.prediction_files import check_output, open_writer, predict_rows
from infoxlm.deploy.predictor import Predictor
from infoxlm.errors import UserError
from infoxlm.schema import OnError, PredictConfig
from infoxlm.schema.deployment import TYPED_FIELDS
from infoxlm.tasks.classification.zero_shot import check_candidates
from infoxlm.tasks.inference import Inference
from infoxlm.tracking.progress import progress

logger = logging.getLogger(__name__)

#: The separator of the texts in `text`.
SEPARATOR = "<sep>"


def run(config: PredictConfig, folder: str | Path) -> None:
    """Predict, and print one JSON object a line or write them into a file.

    Args:
        config: On what, with what and how.
        folder: Not used: predicting has no run folder.

    Raises:
        UserError: Something the user gave cannot be used.
    """
    named = required_checkpoint(config.model.checkpoint, exported=True)
    source = None if config.input is None else Path(config.input).expanduser()
    output = None if config.output is None else Path(config.output).expanduser()
    if config.labels:
        check_candidates(config.labels, config.template)
    if output is not None:
        check_output(output, source, overwrite=config.overwrite)
    model = ModelFolder.open(named, Path(config.cache_dir).expanduser())
    inference = asked_of(model.inference, config)
    ids = False
    if source is None:
        rows = typed_rows(config, inference)
    else:
        rows, ids = file_rows(source, inference)
    rows = chain(list(islice(rows, 1)), rows)  # the first at once: mistakes need no model to show

    predictor = Predictor.of(
        model,
        runtime=None if config.runtime is None else config.runtime.value,
        max_length=config.max_length,
        batch_tokens=config.hardware.eval_batch_tokens,
        device=config.hardware.device,
        threads=config.hardware.threads,
        amp=config.hardware.amp,
    ).answering(inference)

    bar = None
    # On a terminal the lines themselves show how far it is.
    if source is not None and not (output is None and sys.stdout.isatty()):
        total = count_lines(source)
        bar = progress(label="predicting", total=total, unit=f" {inference.plural}")
    with nullcontext() if bar is None else bar, open_writer(output, inference, ids=ids) as writer:
        tally = predict_rows(
            rows,
            lambda rows: predictor.answer(rows, ignore if bar is None else bar.update),
            writer,
            name=str(source),
            chunk=predictor.chunk,
            stop_on_error=config.on_error is OnError.stop,
        )
    if source is not None:
        logger.info("%s: %s%s", source, tally, "" if output is None else f"; written {output}")
    elif tally.truncated:
        cut = inference.cut_field or "text"
        logger.warning("the %s is longer than the model's input, and was cut", cut)


def asked_of(inference: Inference, config: PredictConfig) -> Inference:
    """Choose between the inference of the model's own task and zero-shot with `labels`.

    Raises:
        UserError: It cannot do that.
    """
    if not config.labels:
        return inference
    try:
        return inference.zero_shot(config.labels, config.template, multi_label=config.multi_label)
    except UserError as error:
        named = f"model.checkpoint={config.model.checkpoint}: {error.problem}"
        raise UserError(named, error.remedy) from error


def ignore(inputs: int) -> None:
    """Show no progress."""


def typed_rows(config: PredictConfig, inference: Inference) -> Iterator[InputRow]:
    """Read the texts typed on the command line, as a single row.

    Args:
        config: The configuration, with the texts.
        inference: The task's inference, which names the texts of an input.

    Raises:
        UserError: Another number of texts is wanted, or a text is not in UTF-8.
    """
    keys = ("text", *chain.from_iterable(TYPED_FIELDS))
    typed = {key: getattr(config, key) for key in keys if getattr(config, key) is not None}
    for key, text in typed.items():
        # Python's stand-ins for bytes that the terminal's encoding lacks; the tokenizer drops them.
        if not holds_all_characters(text):
            raise UserError(
                f"{key}={shown(text)} holds bytes that are no characters",
                "Type it in a terminal whose encoding (LC_ALL) is UTF-8, or give input=FILE.",
            )
    names = [field.name for field in inference.fields]
    if "text" not in typed:
        if set(typed) != set(names):
            raise UserError(
                f"{' and '.join(typed)} with a model that takes {' and '.join(names)}",
                f'Write text="{SEPARATOR.join(name.upper() for name in names)}".',
            )
        return iter([InputRow(0, tuple(typed[name] for name in names))])
    text = typed["text"]
    if len(names) == 1:
        return iter([InputRow(0, (text,))])
    texts = tuple(each.strip() for each in text.split(SEPARATOR))
    if len(texts) != len(names):
        wanted = SEPARATOR.join(name.upper() for name in names)
        count = "one" if len(names) == 2 else str(len(names) - 1)
        raise UserError(
            f"text={shown(text)} has {len(texts) - 1} {SEPARATOR} instead of {count}",
            f'Write text="{wanted}"'
            + (", or give labels=[A,B] to classify a text." if inference.sorts_texts else "."),
        )
    return iter([InputRow(0, texts)])


def file_rows(source: Path, inference: Inference) -> tuple[Iterator[InputRow], bool]:
    """The rows of a file, and whether they have ids.

    Args:
        source: The file.
        inference: The task's inference, which names the texts of an input.

    Raises:
        UserError: The file cannot be read or lacks a column.
    """
    columns = [field.columns for field in inference.fields]
    own = inference.read_file(source)
    if own is None:
        return read_rows(source, columns), False
    named = (InputRow(number, texts, id=name) for number, (name, texts) in enumerate(own))
    return warned_of_empty(named, source, columns), True

"""`infoxlm predict`: labels for pairs of texts, typed or in a file."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import Any

from infoxlm.convert.find_checkpoint import required_checkpoint
from infoxlm.data.example import shown
from infoxlm.data.text_encoding import holds_all_characters
from infoxlm.deploy.input_rows import PAIR_COLUMNS, TEXT_COLUMNS, InputRow, count_lines, read_rows
from infoxlm.deploy.prediction_files import check_output, open_writer, predict_rows
from infoxlm.deploy.predictor import WINDOW, Prediction, Predictor
from infoxlm.deploy.zero_shot import ZeroShotClassifier, check_candidates
from infoxlm.errors import UserError
from infoxlm.schema import OnError, PredictConfig
from infoxlm.tracking.progress import progress

logger = logging.getLogger(__name__)

#: What stands between premise and hypothesis in `text`.
SEPARATOR = "<sep>"

#: Makes predictions of some rows' texts, telling a function how many pairs are done.
Classify = Callable[[list[Any], Callable[[int], object]], list[Prediction]]


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
    rows = typed_rows(config) if source is None else file_rows(source, bool(config.labels))

    predictor = Predictor.load(
        named,
        runtime=None if config.runtime is None else config.runtime.value,
        max_length=config.max_length,
        batch_tokens=config.hardware.eval_batch_tokens,
        device=config.hardware.device,
        threads=config.hardware.threads,
        cache_dir=Path(config.cache_dir).expanduser(),
    )
    labels, per_row = predictor.labels, 1
    classify: Classify = predictor.classify
    if config.labels:
        labels, per_row = tuple(config.labels), len(config.labels)
        classify = zero_shot(predictor, config)

    bar = None
    # On a terminal the lines themselves show how far it is.
    if source is not None and not (output is None and sys.stdout.isatty()):
        bar = progress(label="predicting", total=count_lines(source) * per_row, unit=" pairs")
    with nullcontext() if bar is None else bar, open_writer(output, labels) as writer:
        tally = predict_rows(
            rows,
            lambda texts: classify(texts, ignore if bar is None else bar.update),
            writer,
            name=str(source),
            window=max(1, WINDOW // per_row),
            stop_on_error=config.on_error is OnError.stop,
        )
    if source is not None:
        logger.info("%s: %s%s", source, tally, "" if output is None else f"; written {output}")


def zero_shot(predictor: Predictor, config: PredictConfig) -> Classify:
    """What sorts rows of one text each into the labels of the configuration.

    Raises:
        UserError: The checkpoint is not one of natural-language inference.
    """
    try:
        classifier = ZeroShotClassifier(
            predictor, config.labels, config.template, config.multi_label
        )
    except UserError as error:
        named = f"model.checkpoint={config.model.checkpoint}: {error.problem}"
        raise UserError(named, error.remedy) from error
    return lambda rows, advance: classifier.classify([text for (text,) in rows], advance)


def ignore(pairs: int) -> None:
    """Show no progress."""


def typed_rows(config: PredictConfig) -> Iterator[InputRow]:
    """What was typed on the command line, as a single row.

    Raises:
        UserError: A pair is wanted, and the text is not one; or a text is not in UTF-8.
    """
    for key in ("premise", "hypothesis", "text"):
        typed = getattr(config, key) or ""
        # Python's stand-ins for bytes that the terminal's encoding lacks; the tokenizer drops them.
        if not holds_all_characters(typed):
            raise UserError(
                f"{key}={shown(typed)} holds bytes that are no characters",
                "Type it in a terminal whose encoding (LC_ALL) is UTF-8, or give input=FILE.",
            )
    if config.premise is not None and config.hypothesis is not None:
        return iter([InputRow(0, (config.premise, config.hypothesis))])
    text = config.text or ""
    if config.labels:
        return iter([InputRow(0, (text,))])
    parts = tuple(part.strip() for part in text.split(SEPARATOR))
    if len(parts) != 2:
        raise UserError(
            f"text={shown(text)} has {len(parts) - 1} {SEPARATOR} instead of one",
            f'Write text="PREMISE{SEPARATOR}HYPOTHESIS", or give labels=[A,B] to classify a text.',
        )
    return iter([InputRow(0, parts)])


def file_rows(source: Path, single: bool) -> Iterator[InputRow]:
    """The rows of a file, the first of which is read at once: mistakes are told without a model.

    Args:
        source: The file.
        single: One text a row, not a pair.

    Raises:
        UserError: The file cannot be read or lacks a column.
    """
    rows = read_rows(source, TEXT_COLUMNS if single else PAIR_COLUMNS)
    return chain([*islice(rows, 1)], rows)

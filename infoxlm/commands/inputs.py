"""Data, tokenizer and checkpoint of a run: found and checked before paddle is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infoxlm.checkpoint.config_file import read_config_file, refuse_misfits
from infoxlm.checkpoint.labels import check_reusable_head
from infoxlm.convert.find_checkpoint import find_checkpoint
from infoxlm.data.encoding import encode_split, require_languages
from infoxlm.data.small_vocabulary import small_vocabulary
from infoxlm.data.source import DataSource, open_source
from infoxlm.data.text_file import TextFile
from infoxlm.data.token_cache import EncodedExamples
from infoxlm.errors import UserError
from infoxlm.hardware.environment import available_cores
from infoxlm.schema import DataConfig, HardwareConfig, ModelConfig, TrainConfig
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


@dataclass(frozen=True)
class TrainInputs:
    """What a run needs before a model is loaded.

    Attributes:
        checkpoint: The Paddle model folder; None for random weights.
        tokenizer: The tokenizer that belongs to it.
        max_length: Most tokens of a pair.
        train: The training pairs of each language.
        dev: What is scored while training.
        test: What is scored at the end.
        checksums: SHA-256 of the data files by path.
        train_files: The training file of each language.
    """

    checkpoint: Path | None
    tokenizer: InfoXLMTokenizer
    max_length: int
    train: list[EncodedExamples]
    dev: list[EncodedExamples]
    test: list[EncodedExamples]
    checksums: dict[str, str]
    train_files: dict[str, str]


def load_train_inputs(config: TrainConfig) -> TrainInputs:
    """Find, check and tokenize all that a run needs.

    Raises:
        UserError: Data or checkpoint are missing or at fault.
    """
    data, cache_dir = config.data, Path(config.data.cache_dir).expanduser()
    if data.max_length is None:
        raise UserError("data.max_length is not set", "Give the most tokens of a pair, say 128.")
    source = open_source(data.root, data.train_root, data.labels)
    require_languages(source, "train", data.train_languages)
    for split in ("dev", "test"):
        require_languages(source, split, data.eval_languages)
    checkpoint = model_folder(config.model, cache_dir)
    tokenizer = model_tokenizer(config.model, checkpoint, data, config.hardware)
    if checkpoint is not None:
        if not config.model.new_head:
            check_reusable_head(checkpoint, config.model.checkpoint)
        refuse_misfits(read_config_file(checkpoint), tokenizer.vocab_size, data.max_length)
    encode = partial(
        encode_split,
        source,
        tokenizer=tokenizer,
        max_length=data.max_length,
        cache_dir=cache_dir,
    )
    limits = [limit for limit in (data.limit_eval, config.trainer.eval_limit) if limit is not None]
    # The training pairs last: they may take minutes, which a mistake in the others should not.
    test = encode("test", data.eval_languages, limit=data.limit_eval)
    dev = encode("dev", data.eval_languages, limit=min(limits, default=None))
    return TrainInputs(
        checkpoint,
        tokenizer,
        data.max_length,
        encode("train", data.train_languages, limit=data.limit_train),
        dev,
        test,
        data_checksums(
            source,
            {"train": data.train_languages, **dict.fromkeys(("dev", "test"), data.eval_languages)},
        ),
        {
            language: " ".join(map(str, source.files("train", language)))
            for language in data.train_languages
        },
    )


def model_folder(model: ModelConfig, cache_dir: Path) -> Path | None:
    """The Paddle model folder that a configuration names; None for random weights.

    Raises:
        UserError: There is neither a checkpoint nor a shape, or the checkpoint is at fault.
    """
    if model.checkpoint is not None:
        return find_checkpoint(model.checkpoint, cache_dir)
    if model.shape is None:
        raise UserError(
            "model.checkpoint is not set and model.shape neither",
            "Give model.checkpoint=FOLDER, or take model=tiny for random weights.",
        )
    return None


def model_tokenizer(
    model: ModelConfig, folder: Path | None, data: DataConfig, hardware: HardwareConfig
) -> InfoXLMTokenizer:
    """The tokenizer beside the weights; for random weights one made from the sample."""
    threads = hardware.threads or available_cores()
    if folder is not None:
        return InfoXLMTokenizer.from_pretrained(folder, threads=threads)
    size = model.shape.vocab_size if model.shape is not None else 0
    vocabulary = small_vocabulary(size, Path(data.cache_dir).expanduser())
    return InfoXLMTokenizer(vocabulary, threads=threads)


def data_checksums(source: DataSource, parts: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """SHA-256 of each data file that a run reads, by its path.

    Args:
        source: Where the data comes from.
        parts: The languages of each split.
    """
    files = {
        file: None
        for split, languages in parts.items()
        for language in languages
        for file in source.files(split, language)
    }
    return {str(file): TextFile(file).sha256() for file in files}

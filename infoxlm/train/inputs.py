"""Task, tokenizer, checkpoint and data of a run: found and checked before paddle is imported."""

from dataclasses import dataclass, replace
from pathlib import Path

from infoxlm.checkpoint.config_file import check_fits, read_config_file
from infoxlm.convert.find_checkpoint import find_checkpoint
from infoxlm.data.examples import Examples
from infoxlm.data.small_vocabulary import small_vocabulary
from infoxlm.data.token_cache import TokenCache
from infoxlm.errors import UserError
from infoxlm.hardware.environment import available_cores
from infoxlm.runs.run_record import weights_checksums
from infoxlm.schema import BaseTrainConfig, HardwareConfig, ModelConfig, TrainConfig
from infoxlm.tasks.consistency.inputs import ConsistencyInputs, load_consistency
from infoxlm.tasks.registry import task_class
from infoxlm.tasks.task import Task
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Inputs:
    """Inputs of a training run: task, tokenizer, examples; read before a model is loaded.

    Attributes:
        task: The task, with its data.
        checkpoint: The Paddle model folder; None for random weights.
        tokenizer: The tokenizer that belongs to it.
        max_length: Most tokens of an example.
        train: The training examples of each language.
        dev: The examples scored while training; None where the task has no such split.
        test: The examples scored at the end; likewise.
        checksums: SHA-256 of the data files by path.
        consistency: What changed copies of the training examples are made of; None: there are none.
    """

    task: Task
    checkpoint: Path | None
    tokenizer: InfoXLMTokenizer
    max_length: int
    train: list[Examples]
    dev: list[Examples] | None
    test: list[Examples] | None
    checksums: dict[str, str]
    consistency: ConsistencyInputs | None = None

    def weights_checksums(self) -> dict[str, str]:
        """SHA-256 of the weights that the run reads, by path: its checkpoint's, its teacher's."""
        teacher = None if self.consistency is None else self.consistency.teacher
        folders = [folder for folder in (self.checkpoint, teacher) if folder is not None]
        return {path: sum for folder in folders for path, sum in weights_checksums(folder).items()}

    def of(self, split: str) -> list[Examples] | None:
        """The examples of a split by its name; None where the task has no such split."""
        found: list[Examples] | None = getattr(self, split)
        return found


def load_inputs(config: BaseTrainConfig) -> Inputs:
    """Find, check and tokenize all that a run needs.

    Raises:
        UserError: Data or checkpoint are missing or at fault.
    """
    data, cache_dir = config.data, Path(config.data.cache_dir).expanduser()
    if data.max_length is None:
        raise UserError("data.max_length is not set", "Give a number of tokens, such as 128.")
    task = task_class(config.task.name)(config.task, data)
    task.open(SPLITS)
    checkpoint = model_folder(config.model, cache_dir)
    tokenizer = model_tokenizer(config.model, checkpoint, cache_dir, config.hardware)
    if checkpoint is not None:
        if not config.model.new_head:
            task.check_checkpoint(checkpoint, config.model.checkpoint, trained=False)
        check_fits(read_config_file(checkpoint), tokenizer.vocab_size, data.max_length)
    cache = TokenCache(cache_dir / "tokens", tokenizer, data.max_length)
    # The training examples last: they may take minutes, which a mistake in the others should not.
    test = task.load("test", cache)
    dev = task.load("dev", cache, config.trainer.eval_limit)
    consistency = None
    if isinstance(config, TrainConfig):  # pre-training has none
        consistency = load_consistency(config.consistency, task, data, cache)
    train = required(task, "train", cache)
    checksums = task.checksums(SPLITS)
    if consistency is not None:
        consistency = replace(consistency, trained=train)
        checksums |= consistency.checksums
    return Inputs(
        task, checkpoint, tokenizer, data.max_length, train, dev, test, checksums, consistency
    )


def required(task: Task, split: str, cache: TokenCache, limit: int | None = None) -> list[Examples]:
    """The examples of a split that a run cannot do without."""
    examples = task.load(split, cache, limit)
    if not examples:
        raise UserError(f"task.name={task.name} has no {split} examples", "Take another data=.")
    return examples


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
    model: ModelConfig, folder: Path | None, cache_dir: Path, hardware: HardwareConfig
) -> InfoXLMTokenizer:
    """The tokenizer next to the weights; for random weights one made from the sample."""
    threads = hardware.threads or available_cores()
    if folder is not None:
        return InfoXLMTokenizer.from_pretrained(folder, threads=threads)
    size = model.shape.vocab_size if model.shape is not None else 0
    return InfoXLMTokenizer(small_vocabulary(size, cache_dir), threads=threads)

"""A folder that predictions are made with: an exported one, or a checkpoint's."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from infoxlm.checkpoint.config_file import check_fits, read_config_file
from infoxlm.constants import MIN_LENGTH, PAD_ID
from infoxlm.convert.find_checkpoint import find_checkpoint
from infoxlm.errors import UserError
from infoxlm.files.cache import default_cache_dir
from infoxlm.files.manifest import MANIFEST, check_manifest
from infoxlm.tasks.inference import Inference
from infoxlm.tasks.registry import inference_of
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: What an exported model takes: padded token ids, int64 `[batch, seq]`.
INPUT = "input_ids"

#: Paddle Inference's program, and what Paddle before 3.0 called it.
PROGRAM = "inference.json"
FORMER_PROGRAM = "inference.pdmodel"
PARAMETERS = "inference.pdiparams"

#: A program on the same parameters for one sequence at a time; earlier exports have none.
SINGLE_ROW_PROGRAM = "inference_single_row.json"

ONNX_MODEL = "model.onnx"

#: What was exported from what, and how far its logits are from the checkpoint's.
EXPORT_RECORD = "export.json"


@dataclass(frozen=True)
class ModelFolder:
    """A model folder, described by its `config.json` and file names; no model is loaded.

    Task, labels and lengths stand in `config.json` as in every checkpoint; next to it lie the
    tokenizer and the weights, or in an exported folder Paddle's static model, an ONNX one, or both.

    Attributes:
        path: The folder.
        config: The contents of its `config.json`.
        program: Paddle's static model, or None.
        onnx: The ONNX model, or None.
    """

    path: Path
    config: Mapping[str, Any]
    program: Path | None
    onnx: Path | None

    @classmethod
    def open(cls, source: str | Path, cache_dir: Path | None = None) -> Self:
        """Read a folder, having checked its files against its manifest.

        Args:
            source: An exported folder, or whatever `model.checkpoint` may be.
            cache_dir: Where converted checkpoints are kept; None: the configurations' default.

        Raises:
            UserError: It is neither, a file is missing or damaged, or its task refuses it.
        """
        path = Path(source).expanduser()
        if any((path / name).is_file() for name in (PROGRAM, ONNX_MODEL)):
            if (path / MANIFEST).is_file():
                check_manifest(path)
        elif (path / FORMER_PROGRAM).is_file():
            raise UserError(
                f"{path / FORMER_PROGRAM} is a program of Paddle 2, whose operations cannot be "
                "checked before it runs",
                "Export the checkpoint again: infoxlm export model.checkpoint=CHECKPOINT "
                "target=FOLDER.",
            )
        else:
            path = find_checkpoint(str(source), cache_dir or default_cache_dir())
        program, onnx = path / PROGRAM, path / ONNX_MODEL
        folder = cls(
            path=path,
            config=read_config_file(path),
            program=program if program.is_file() else None,
            onnx=onnx if onnx.is_file() else None,
        )
        folder.inference.check(path, str(source), checkpoint=folder.is_checkpoint)
        return folder

    @property
    def is_checkpoint(self) -> bool:
        """Whether the model is there as weights, not as a graph."""
        return self.program is None and self.onnx is None

    @cached_property
    def inference(self) -> Inference:
        """The inputs and the meaning of the outputs of the model's task."""
        return inference_of(self.config)

    def usable_length(self, wanted: int | None) -> int:
        """The most tokens of a sequence: what is wanted, or else those of the fine-tuning.

        Raises:
            UserError: The model has no positions for so many, or they are too few for an input.
        """
        longest = self.config["max_position_embeddings"] - PAD_ID - 1
        usual = self.config.get("train_max_length", min(self.inference.usual_length, longest))
        length = usual if wanted is None else wanted
        if not MIN_LENGTH <= length <= longest:
            raise UserError(
                f"max_length={length}, but the model takes {MIN_LENGTH} to {longest} tokens",
                "Set max_length in between.",
            )
        self.inference.check_length(length)
        return length

    def tokenizer(self, threads: int) -> InfoXLMTokenizer:
        """Open the tokenizer next to the model.

        Raises:
            UserError: It is missing, damaged or another model's.
        """
        tokenizer = InfoXLMTokenizer.from_pretrained(self.path, threads=threads)
        check_fits(self.config, tokenizer.vocab_size, MIN_LENGTH)
        return tokenizer

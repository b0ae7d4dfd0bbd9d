"""The contenders: this package's runtimes, and PyTorch and ONNX Runtime as others call them.

Each gives a function from pairs to probabilities by label. The loops share no code with the
package but the way batches are cut.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.data.batches import micro_batches
from infoxlm.data.source import open_source
from infoxlm.data.xnli import LANGUAGES
from infoxlm.schema import ExportPrecision

#: (premise, hypothesis).
Pair = tuple[str, str]

#: Scores pairs: for each the probability of every label.
Score = Callable[[Sequence[Pair]], list[dict[str, float]]]

MAX_LENGTH = 128
BATCH_TOKENS = 4096

#: What a contender loads: `exported` and `torch` folders below one folder.
EXPORTED, TORCH = "exported", "torch"


def xnli_pairs(root: str, rows: int) -> list[Pair]:
    """The first rows of XNLI's dev set in each of fifteen languages."""
    source = open_source(root)
    examples = [each for language in LANGUAGES for each in source.read("dev", language, rows)]
    return [(example.premise, example.hypothesis) for example in examples]


@contextmanager
def prepared(checkpoint: Path) -> Iterator[Path]:
    """The checkpoint exported, and converted for PyTorch, in a temporary folder."""
    from infoxlm.convert import convert_to_torch
    from infoxlm.convert.find_checkpoint import find_checkpoint
    from infoxlm.deploy.model_folder import default_cache_dir

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        export(checkpoint, folder / EXPORTED, "fp32")
        convert_to_torch(find_checkpoint(str(checkpoint), default_cache_dir()), folder / TORCH)
        yield folder


def export(checkpoint: Path, target: Path, precision: str) -> None:
    """Export in one precision: Paddle's form if there is one, and ONNX."""
    from infoxlm.deploy.export import ExportOptions, export_model

    options = ExportOptions(onnx=True, precision=ExportPrecision(precision), max_length=MAX_LENGTH)
    export_model(checkpoint, target, options)


def package(folder: Path, runtime: str, threads: int) -> Score:
    """This package's `Predictor` with one of its runtimes."""
    from infoxlm.deploy import Predictor

    predictor = Predictor.load(
        folder, runtime=runtime, threads=threads, batch_tokens=BATCH_TOKENS, max_length=MAX_LENGTH
    )
    return lambda pairs: [each.probabilities for each in predictor.predict(pairs)]


def paddle_inference(folder: Path, threads: int) -> Score:
    return package(folder / EXPORTED, "paddle", threads)


def package_onnx(folder: Path, threads: int) -> Score:
    return package(folder / EXPORTED, "onnx", threads)


def onnxruntime_loop(folder: Path, threads: int) -> Score:
    """The fast tokenizer of transformers and an onnxruntime session, sorted and cut as ours."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(folder / EXPORTED / "model.onnx", options)
    return sorted_loop(folder, lambda batch: session.run(None, {"input_ids": batch})[0])


def torch_loop(folder: Path, threads: int) -> Score:
    """The fast tokenizer of transformers and its model in PyTorch, sorted and cut as ours."""
    import torch
    from transformers import AutoModelForSequenceClassification

    torch.set_num_threads(threads)
    model = AutoModelForSequenceClassification.from_pretrained(folder / TORCH).eval()
    pad = model.config.pad_token_id

    @torch.inference_mode()
    def run(batch: np.ndarray) -> np.ndarray:
        ids = torch.from_numpy(batch)
        return model(input_ids=ids, attention_mask=(ids != pad).long()).logits.numpy()

    return sorted_loop(folder, run)


def sorted_loop(folder: Path, run: Callable[[np.ndarray], np.ndarray]) -> Score:
    """Tokenize, sort by length, cut at the same number of tokens, pad each batch to its longest."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / TORCH)
    labels = label_words(folder)

    def score(pairs: Sequence[Pair]) -> list[dict[str, float]]:
        encoded = tokenizer(
            [first for first, _ in pairs], [second for _, second in pairs],
            truncation=True, max_length=MAX_LENGTH,
        )["input_ids"]  # fmt: skip
        lengths = np.array([len(ids) for ids in encoded])
        logits = np.empty((len(pairs), len(labels)), np.float32)
        for rows in micro_batches(lengths, BATCH_TOKENS):
            batch = np.full((len(rows), lengths[rows].max()), tokenizer.pad_token_id, np.int64)
            for place, row in enumerate(rows):
                batch[place, : lengths[row]] = encoded[row]
            logits[rows] = run(batch)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
        return [dict(zip(labels, row, strict=True)) for row in shares.tolist()]

    return score


def label_words(folder: Path) -> list[str]:
    """The labels in the order of the logits."""
    from transformers import AutoConfig

    words = AutoConfig.from_pretrained(folder / TORCH).id2label
    return [words[column] for column in range(len(words))]


def transformers_pipeline(folder: Path, threads: int) -> Score:
    """The pipeline as people call it: a list of pairs, its own batch size of one."""
    import torch
    from transformers import pipeline

    torch.set_num_threads(threads)
    classifier = pipeline("text-classification", str(folder / TORCH), top_k=None, device="cpu")

    def score(pairs: Sequence[Pair]) -> list[dict[str, float]]:
        texts: list[Any] = [{"text": first, "text_pair": second} for first, second in pairs]
        found = classifier(texts, truncation=True, max_length=MAX_LENGTH)
        return [{each["label"]: each["score"] for each in row} for row in found]

    return score


CONTENDERS: dict[str, Callable[[Path, int], Score]] = {
    "infoxlm, Paddle Inference": paddle_inference,
    "infoxlm, ONNX": package_onnx,
    "ONNX Runtime, loop": onnxruntime_loop,
    "PyTorch, loop": torch_loop,
    "transformers pipeline": transformers_pipeline,
}
OURS, ORT_LOOP, TORCH_LOOP, PIPELINE = (
    list(CONTENDERS)[0], list(CONTENDERS)[2], list(CONTENDERS)[3], list(CONTENDERS)[4],
)  # fmt: skip


def set_threads(threads: int) -> None:
    """Tell every library, before any of them is imported."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"

"""`infoxlm retrieve`: find translations by the encoder's vectors, report."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoxlm.checkpoint.config_file import check_fits, read_config_file
from infoxlm.checkpoint.encoder_name import encoder_name
from infoxlm.commands.reporting import finish_retrieval
from infoxlm.convert.find_checkpoint import find_checkpoint, required_checkpoint
from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError
from infoxlm.hardware.environment import available_cores, check_device
from infoxlm.retrieval.embedding_cache import Layers
from infoxlm.retrieval.scores import RetrievalScores
from infoxlm.retrieval.search import correct, nearest_by_cosine, nearest_by_margin, unit
from infoxlm.retrieval.sentence_encoder import SentenceEncoder
from infoxlm.retrieval.tatoeba import SentencePairs, read_pairs
from infoxlm.runs.run_folder import RUN_RECORD
from infoxlm.runs.run_record import weights_checksums, write_run_record
from infoxlm.runs.settings import flat_settings
from infoxlm.schema import RetrieveConfig, Similarity
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tracking.progress import progress
from infoxlm.tracking.run_tracker import RunTracker


def run(config: RetrieveConfig, folder: str | Path) -> float:
    """Look for every sentence's translation, and write the report into the run's folder.

    Args:
        config: The run's configuration.
        folder: The run's folder.

    Returns:
        The average accuracy over languages and directions, a fraction; of several layers that of
        the best.

    Raises:
        UserError: Something the user gave cannot be used.
    """
    folder, data = Path(folder), config.data
    cache_dir = Path(data.cache_dir).expanduser()
    named = required_checkpoint(config.model.checkpoint)
    check_device(config.hardware.device, config.hardware.amp)
    corpora = [read_pairs(data.root, language, data.limit) for language in data.languages]
    checkpoint = find_checkpoint(named, cache_dir)
    described = read_config_file(checkpoint)
    layers = chosen_layers(config.layer, described["num_hidden_layers"])
    threads = config.hardware.threads or available_cores()
    tokenizer = InfoXLMTokenizer.from_pretrained(checkpoint, threads=threads)
    check_fits(described, tokenizer.vocab_size, data.max_length)
    weights = weights_checksums(checkpoint)
    write_run_record(
        folder / RUN_RECORD,
        config=config,
        device=config.hardware.device,
        data={str(file): TextFile(file).sha256() for pairs in corpora for file in pairs.files},
        weights=weights,
    )
    encoder = SentenceEncoder(config, checkpoint, tokenizer, sorted(weights.values()))

    scores, shown = RetrievalScores(), ShownVectors(config.shown_pairs)
    started = time.perf_counter()
    for pairs in progress(corpora, label="languages", unit=""):
        sentences, english = (encoder(x, layers) for x in (pairs.sentences, pairs.english))
        for layer in layers:
            there, back = nearest(english[layer], sentences[layer], config)
            found = {"en_to_xx": correct(there), "xx_to_en": correct(back)}
            scores.add(layer, pairs.language, len(there), found)
        shown.add(pairs, sentences, english)
    seconds = time.perf_counter() - started

    best = scores.best_layer
    with RunTracker(folder, config.name) as tracker:
        for layer in layers:  # the dashboard's curves go over the layers
            tracker.scalars(layer, scores.tags(layer))
        if config.shown_pairs:
            tracker.embeddings(f"tatoeba/layer_{best}", *shown.of_layer(best))
    results = {
        "task": "retrieve",
        "experiment": config.name,
        "model": encoder_name(described, config.model.name, named),
        "data": data.name,
        **scores.as_dict(),
        "retrieve": {"seconds": seconds, **vars(encoder.work)},
        "settings": flat_settings(config),
    }
    finish_retrieval(results, folder)
    averages = [scores.average(best, direction) for direction in scores.correct[best]]
    return sum(averages) / len(averages)


def chosen_layers(layer: Any, blocks: int) -> list[int]:
    """The numbers behind ``layer``, in ascending order.

    Args:
        layer: A number, a list of numbers, or ``all``.
        blocks: The number of the encoder's blocks.

    Raises:
        UserError: There is no such block.
    """
    if layer == "all":
        return list(range(blocks + 1))
    numbers = sorted(layer if isinstance(layer, list) else [layer])
    if numbers[-1] > blocks:
        raise UserError(
            f"layer={numbers[-1]}, but the encoder has {blocks} blocks",
            f"Give 0 (the embeddings) to {blocks}, or layer=all.",
        )
    return numbers


def nearest(
    first: NDArray[np.float32], second: NDArray[np.float32], config: RetrieveConfig
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each vector's nearest one on the other side, by ``similarity``; both directions."""
    if config.similarity is Similarity.margin:
        return nearest_by_margin(first, second, config.neighbours)
    return nearest_by_cosine(first, second)


class ShownVectors:
    """The first pairs of each language, for VisualDL's high-dimensional view.

    Args:
        count: The number of pairs of a language.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._vectors: dict[int, list[NDArray[np.float32]]] = {}
        self._labels: dict[str, list[str]] = {"language": [], "pair": [], "sentence": []}

    def add(self, pairs: SentencePairs, sentences: Layers, english: Layers) -> None:
        """Take in one language's pairs with the vectors of both sides."""
        for language, texts, layers in (
            (pairs.language, pairs.sentences, sentences),
            ("en", pairs.english, english),
        ):
            shown = texts[: self._count]
            self._labels["language"] += [language] * len(shown)
            self._labels["pair"] += [f"{pairs.language} {i}" for i in range(1, len(shown) + 1)]
            self._labels["sentence"] += shown
            for layer, vectors in layers.items():
                self._vectors.setdefault(layer, []).append(vectors[: self._count])

    def of_layer(self, layer: int) -> tuple[NDArray[np.float32], dict[str, list[str]]]:
        """One layer's vectors ``[n, hidden]`` at length 1, and their labels of each kind."""
        return unit(np.concatenate(self._vectors[layer])), self._labels

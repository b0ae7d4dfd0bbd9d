"""Sentences to the vectors of some layers, from the cache where it has them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infoxlm.files.manifest import sha256_of
from infoxlm.hardware.environment import load_paddle
from infoxlm.retrieval.embedding_cache import EmbeddingCache, Layers
from infoxlm.schema import RetrieveConfig
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

if TYPE_CHECKING:
    from infoxlm.model import InfoXLMModel


@dataclass
class EncodingWork:
    """Counts of the sentences asked for and of those that had to be computed.

    Attributes:
        sentences: Sentences asked for.
        encoded: Those of them that the cache did not have.
        encoding_seconds: Seconds that encoding these took, without loading the model.
    """

    sentences: int = 0
    encoded: int = 0
    encoding_seconds: float = 0.0


class SentenceEncoder:
    """An encoder that loads its model only for sentences that the cache does not have.

    Args:
        config: The run's configuration.
        checkpoint: The Paddle model folder.
        tokenizer: The one that belongs to it.
        weights: The checksums that tell these weights from others.
    """

    def __init__(
        self,
        config: RetrieveConfig,
        checkpoint: Path,
        tokenizer: InfoXLMTokenizer,
        weights: Sequence[str],
    ) -> None:
        self._config = config
        self._checkpoint = checkpoint
        self._tokenizer = tokenizer
        folder = Path(config.data.cache_dir).expanduser() / "embeddings"
        self._cache = EmbeddingCache(folder, config.data.cache_limit_gb)
        self._fingerprint = {
            "weights": list(weights),
            "config": sha256_of(checkpoint / "config.json"),
            "pooling": config.pooling.value,
            "special_tokens": config.special_tokens,
            "amp": config.hardware.amp.value,
        }
        self.work = EncodingWork()

    def __call__(self, sentences: list[str], layers: list[int]) -> Layers:
        """The vectors ``[n, hidden]`` of ``n`` sentences, by layer.

        Raises:
            UserError: The checkpoint cannot be read, or the cache cannot be written.
        """
        texts = [self._config.prefix + sentence for sentence in sentences]
        token_ids = self._tokenizer.encode(texts, max_length=self._config.data.max_length)
        self.work.sentences += len(sentences)
        return self._cache.load_or_embed(token_ids, self._fingerprint, layers, self._embed)

    def _embed(self, token_ids: TokenIds) -> NDArray[np.float32]:
        model = self._model
        from infoxlm.model.precision import Precision
        from infoxlm.retrieval.sentence_embeddings import sentence_embeddings

        started = time.perf_counter()
        vectors = sentence_embeddings(
            model,
            token_ids,
            pooling=self._config.pooling,
            special_tokens=self._config.special_tokens,
            max_tokens=self._config.hardware.eval_batch_tokens,
            precision=Precision(self._config.hardware.amp),
        )
        self.work.encoding_seconds += time.perf_counter() - started
        self.work.encoded += len(token_ids)
        return vectors

    @cached_property
    def _model(self) -> "InfoXLMModel":
        load_paddle()
        from infoxlm.model import InfoXLMModel
        from infoxlm.model.loading import select_device

        select_device(self._config.hardware.device)
        return InfoXLMModel.from_pretrained(self._checkpoint)

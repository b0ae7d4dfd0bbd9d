"""From checked requests to predictions: limits, tokenizing, the queue, the time-out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import numpy as np

from infoxlm.deploy.predictor import EncodedPairs, Pair, Prediction, Predictor
from infoxlm.deploy.zero_shot import ZeroShotClassifier
from infoxlm.errors import UserError
from infoxlm.serve.batching import Batcher, QueueFullError
from infoxlm.serve.errors import RequestError
from infoxlm.serve.limits import Limits


class Service:
    """Predicts on what requests bring.

    Args:
        predictor: Tokenizes pairs and names labels; its runtime is left to the batcher.
        batcher: Scores pairs.
        limits: What is accepted.
        healthy: Whether whatever computes is there.
    """

    def __init__(
        self,
        predictor: Predictor,
        batcher: Batcher,
        limits: Limits,
        healthy: Callable[[], bool] = lambda: True,
    ) -> None:
        self.predictor = predictor
        self.batcher = batcher
        self.limits = limits
        self.healthy = healthy
        #: Set when the server has been asked to stop.
        self.stopping: Callable[[], bool] = lambda: False

    @property
    def ready(self) -> bool:
        """Whether new requests are welcome."""
        return self.healthy() and not self.stopping()

    async def predict(self, pairs: Sequence[Pair], places: Sequence[str], truncate: bool) -> list[
        Prediction
    ]:  # fmt: skip
        """Label pairs.

        Args:
            pairs: (premise, hypothesis).
            places: Where each stands in the request, for messages.
            truncate: Cut pairs that are too long.

        Raises:
            RequestError: The request goes beyond the limits, or there is no time for it.
        """
        self._check_count(len(pairs), "body.pairs", "pairs")
        for pair, place in zip(pairs, places, strict=True):
            for text, name in zip(pair, ("premise", "hypothesis"), strict=True):
                self._check_text(text, f"{place}.{name}")
        async with self._admitted(len(pairs)):
            encoded, logits = await self._score(pairs, places, truncate)
        return self.predictor.predictions(logits, encoded.truncated)

    async def classify(
        self,
        texts: Sequence[str],
        places: Sequence[str],
        labels: Sequence[str],
        template: str,
        *,
        multi_label: bool,
        truncate: bool,
    ) -> list[Prediction]:
        """Sort texts into labels that the model was not trained for.

        Args:
            texts: What to classify.
            places: Where each stands in the request, for messages.
            labels: The candidates.
            template: The hypothesis, with `{}` where a label goes.
            multi_label: Whether several labels may hold at once.
            truncate: Cut texts that are too long.

        Raises:
            RequestError: The request goes beyond the limits, or there is no time for it.
        """
        self._check_count(len(texts) * len(labels), "body", "pairs of a text and a label")
        for text, place in zip(texts, places, strict=True):
            self._check_text(text, place)
        for number, label in enumerate(labels):
            self._check_text(label, f"body.labels[{number}]")
        self._check_text(template, "body.template")
        try:
            classifier = ZeroShotClassifier(self.predictor, labels, template, multi_label)
        except UserError as error:
            raise RequestError(422, error.problem, "body", error.remedy) from error
        pairs = classifier.pairs(texts)
        of_pairs = [place for place in places for _ in labels]
        async with self._admitted(len(pairs)):
            encoded, logits = await self._score(pairs, of_pairs, truncate)
        return classifier.predictions(logits, encoded.truncated)

    @asynccontextmanager
    async def _admitted(self, pairs: int) -> AsyncIterator[None]:
        """Hold places in the queue, for as long as a request may take.

        Raises:
            RequestError: There are none, or the time is up.
        """
        try:
            with self.batcher.admitted(pairs):
                async with asyncio.timeout(self.limits.timeout):
                    yield
        except QueueFullError as error:
            raise RequestError(
                429,
                f"{self.batcher.pending} pairs wait, at most {self.limits.waiting_pairs} may",
                "server",
                f"Try again in {error.seconds} s.",
                {"Retry-After": str(error.seconds)},
            ) from error
        except TimeoutError as error:
            raise RequestError(
                504,
                f"no answer within {self.limits.timeout:g} s",
                "server",
                "Try again later, or send fewer pairs at a time.",
            ) from error

    async def _score(
        self, pairs: Sequence[Pair], places: Sequence[str], truncate: bool
    ) -> tuple[EncodedPairs, np.ndarray]:
        """Tokenize pairs and have them scored; logits `[pairs, labels]`.

        Raises:
            RequestError: A pair is too long and may not be cut, or computing failed.
        """
        encoded = await asyncio.to_thread(self.predictor.encode, pairs)
        if not truncate and encoded.truncated.any():
            row = int(encoded.truncated.argmax())
            premise, hypothesis = pairs[row]
            (length,) = self.predictor.tokenizer.full_lengths([premise], [hypothesis])
            raise RequestError(
                422,
                f"{length} tokens, the model takes {self.predictor.max_length}",
                places[row],
                'Shorten the text, or send "truncate": true to have its end cut.',
            )
        try:
            return encoded, await asyncio.wrap_future(self.batcher.submit(encoded.token_ids))
        except (asyncio.CancelledError, TimeoutError):
            raise
        except Exception as error:  # the batcher has logged it
            raise RequestError(
                503,
                "the model could not score this",
                "server",
                "Try again later; the server's log says why.",
                {"Retry-After": "1"},
            ) from error

    def _check_count(self, count: int, where: str, unit: str) -> None:
        if count > (most := self.limits.request_pairs):
            raise RequestError(
                422, f"{count} {unit}, at most {most} are taken at a time", where, "Send fewer."
            )

    def _check_text(self, text: str, where: str) -> None:
        if len(text) > (most := self.limits.text_characters):
            raise RequestError(
                422, f"{len(text)} characters, at most {most} are taken", where, "Shorten it."
            )

"""From checked requests to predictions: limits, tokenizing, the queue, the time-out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from infoxlm.deploy.predictor import Predictor
from infoxlm.errors import UserError
from infoxlm.serve.batching import Batcher, QueueFullError
from infoxlm.serve.errors import RequestError
from infoxlm.serve.limits import Limits
from infoxlm.tasks.inference import Encoded, Row


class Service:
    """Predicts on what requests bring.

    Args:
        predictor: Tokenizes, and knows the task; its runtime is left to the batcher.
        batcher: Runs the model.
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

    async def predict(
        self, rows: Sequence[Row], places: Sequence[str], truncate: bool
    ) -> list[Any]:
        """Answer inputs.

        Args:
            rows: The inputs; a text for each field of the task.
            places: Where each stands in the request, for messages.
            truncate: Cut inputs that are too long.

        Raises:
            RequestError: The request goes beyond the limits, or there is no time for it.
        """
        inference = self.predictor.inference
        self._check_count(len(rows), f"body.{inference.plural}", inference.plural)
        for row, place in zip(rows, places, strict=True):
            for text, field in zip(row, inference.fields, strict=True):
                self._check_text(text, f"{place}.{field.name}")
        return await self._answer(self.predictor, rows, places, truncate)

    async def classify(
        self,
        texts: Sequence[str],
        places: Sequence[str],
        labels: Sequence[str],
        template: str,
        *,
        multi_label: bool,
        truncate: bool,
    ) -> list[Any]:
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
            asked = self.predictor.inference.zero_shot(labels, template, multi_label=multi_label)
        except UserError as error:
            raise RequestError(422, error.problem, "body", error.remedy) from error
        rows = [(text,) for text in texts]
        return await self._answer(self.predictor.answering(asked), rows, places, truncate)

    async def _answer(
        self, predictor: Predictor, rows: Sequence[Row], places: Sequence[str], truncate: bool
    ) -> list[Any]:
        inference = predictor.inference
        expected = len(rows) * inference.sequences_an_input
        async with self._admitted(expected):
            encoded = await self._encode(predictor, rows, places, truncate)
            # Long texts become many sequences, and each of them is computed.
            sequences = len(encoded.token_ids)
            self._check_count(sequences, "body", inference.sequences_text)
            async with self._admitted(max(0, sequences - expected)):
                outputs = await self._score(encoded)
        return await asyncio.to_thread(inference.decode, outputs, encoded)

    @asynccontextmanager
    async def _admitted(self, pairs: int) -> AsyncIterator[None]:
        """Hold places in the queue, for as long as a request may take.

        Raises:
            RequestError: There are none, or the time is up.
        """
        plural = self.predictor.inference.plural
        try:
            with self.batcher.admitted(pairs):
                async with asyncio.timeout(self.limits.timeout):
                    yield
        except QueueFullError as error:
            raise RequestError(
                429,
                f"{self.batcher.pending} {plural} wait, at most {self.limits.waiting_pairs} may",
                "server",
                f"Try again in {error.seconds} s.",
                {"Retry-After": str(error.seconds)},
            ) from error
        except TimeoutError as error:
            raise RequestError(
                504,
                f"no answer within {self.limits.timeout:g} s",
                "server",
                f"Try again later, or send fewer {plural} at a time.",
            ) from error

    async def _encode(
        self, predictor: Predictor, rows: Sequence[Row], places: Sequence[str], truncate: bool
    ) -> Encoded:
        """Tokenize inputs.

        Raises:
            RequestError: One is too long and may not be cut.
        """
        encoded = await asyncio.to_thread(predictor.encode, rows)
        if not truncate and encoded.truncated.any():
            number = int(encoded.truncated.argmax())
            inference = predictor.inference
            length = inference.full_length(predictor.tokenizer, rows[number])
            raise RequestError(
                422,
                f"{length} tokens, the model takes {inference.longest(predictor.max_length)}",
                ".".join(filter(None, (places[number], inference.cut_field))),
                'Shorten the text, or send "truncate": true to have its end cut.',
            )
        return encoded

    async def _score(self, encoded: Encoded) -> list[np.ndarray]:
        """Run the model on what was tokenized.

        Raises:
            RequestError: Computing failed.
        """
        try:
            return await asyncio.wrap_future(self.batcher.submit(encoded.token_ids))
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

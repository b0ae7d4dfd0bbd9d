"""The three losses of InfoXLM in PyTorch over transformers' XLM-R, with no code of the package.

As the authors' code computes them: losses are sums over masked tokens and over sentences, divided
by one joint count; the queue is full before the first step; keys enter it and the momentum encoder
moves after each optimizer step. Settings are those that are fast on a CPU: masked tokens alone are
projected, the contrast runs its first blocks alone, AdamW is the fused one.

A batch is a list of micro-batches, each a dictionary of arrays: ``input_ids`` and ``labels`` (-100
where no token is masked) for masked LM; ``input_ids``, ``key_ids`` and ``text`` (hashes of the
sentences on both sides) for the contrast.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM, XLMRobertaModel

PAD_ID = 1

MicroBatch = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Settings:
    """The settings of the contrast and of the optimizer."""

    block: int = 8
    temperature: float = 0.25
    queue_size: int = 131_072
    momentum: float = 0.9999
    mask_equal_texts: bool = True
    joint: bool = True
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    epsilon: float = 1e-6
    max_norm: float = 1.0


class PyTorchSide:
    """A masked-LM model of transformers with a contrast, and what moves its weights.

    Args:
        folder: The model, in transformers' format.
        settings: The settings.
        projection: The matrix that states are multiplied with from the right.
        vocabulary: The token ids that are in use; the table is cut to them, and batches have to
            number them by their place here. None: the whole table.
        attention: transformers' name of how attention is computed.
        bf16: Whether forward passes multiply in bfloat16, by autocast.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        projection: np.ndarray,
        vocabulary: np.ndarray | None = None,
        attention: str = "sdpa",
        bf16: bool = False,
    ) -> None:
        self.settings, self.bf16 = settings, bf16
        config = XLMRobertaConfig.from_pretrained(folder)
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
        self.model = XLMRobertaForMaskedLM.from_pretrained(
            folder, config=config, attn_implementation=attention
        )
        if vocabulary is not None:
            restrict(self.model, torch.from_numpy(vocabulary))
        self.projection = torch.nn.Parameter(torch.tensor(projection))
        self.front = first_blocks(self.model.roberta, settings.block)
        # Copies of what the encoder under training consists of, without a gradient.
        self.momentum_front = copy.deepcopy(self.front).requires_grad_(False)
        self.momentum_projection = self.projection.detach().clone()
        self.queue = torch.zeros(settings.queue_size, config.hidden_size)
        self.queue_texts: np.ndarray | None = None
        self.next = 0
        self.keys: list[torch.Tensor] = []
        self.texts: list[np.ndarray] = []
        named = [*self.model.named_parameters(), ("projection.weight", self.projection)]
        self.parameters = [parameter for _, parameter in named]
        groups: dict[bool, list[torch.nn.Parameter]] = {True: [], False: []}
        for name, parameter in named:
            groups[name.endswith("weight") and "norm" not in name.lower()].append(parameter)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": groups[True], "weight_decay": settings.weight_decay},
                {"params": groups[False], "weight_decay": 0.0},
            ],
            betas=settings.betas,
            eps=settings.epsilon,
            fused=True,
        )

    def fill_queue(self, batches: Sequence[Sequence[MicroBatch]]) -> None:
        """Put the keys of batches into the queue, as they are before the first step."""
        for batch in batches:
            for micro_batch in batch:
                self._remember(self._encode_keys(micro_batch), micro_batch["text"])
            self._push()

    def step(
        self, batches: Mapping[str, Sequence[MicroBatch]], learning_rate: float
    ) -> dict[str, float]:
        """Take a step, and give the mean of each loss.

        Args:
            batches: The batch of each stream; that of the contrast is called ``xlco``.
            learning_rate: The step's.
        """
        self.model.train()
        counts = {name: count(batch) for name, batch in batches.items()}
        total = sum(counts.values())
        means = {}
        for name, batch in batches.items():
            divisor = total if self.settings.joint else counts[name]
            loss_of = self._contrast if name == "xlco" else self._masked_lm
            summed = 0.0
            for micro_batch in batch:
                with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
                    loss = loss_of(micro_batch)
                (loss / divisor).backward()
                summed += loss.item()
            means[name] = summed / counts[name]
        torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.max_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=False)
        self._push()
        self._move()
        return means

    @torch.inference_mode()
    def logits(self, input_ids: np.ndarray) -> np.ndarray:
        """The logits of every token of a padded batch."""
        self.model.eval()
        ids = torch.from_numpy(input_ids)
        return self.model(ids, attention_mask=(ids != PAD_ID).long()).logits.numpy()

    def _masked_lm(self, micro_batch: MicroBatch) -> torch.Tensor:
        ids, labels = (torch.from_numpy(micro_batch[name]) for name in ("input_ids", "labels"))
        masked = labels != -100
        states = self.model.roberta(ids, attention_mask=(ids != PAD_ID).long()).last_hidden_state
        logits = self.model.lm_head(states[masked])
        return functional.cross_entropy(logits, labels[masked], reduction="sum")

    def _contrast(self, micro_batch: MicroBatch) -> torch.Tensor:
        keys, texts = self._encode_keys(micro_batch), micro_batch["text"]
        queries = first_states(self.front, micro_batch["input_ids"]) @ self.projection
        positive = (queries * keys).sum(1, keepdim=True)
        negative = queries @ self.queue.T
        if self.settings.mask_equal_texts and self.queue_texts is not None:
            equal = (texts[:, None, :, None] == self.queue_texts[None, :, None, :]).any((2, 3))
            negative = negative.masked_fill(torch.from_numpy(equal), -torch.inf)
        logits = torch.cat([positive, negative], dim=1) / self.settings.temperature
        self._remember(keys, texts)
        right = torch.zeros(len(logits), dtype=torch.long)
        return functional.cross_entropy(logits, right, reduction="sum")

    @torch.no_grad()
    def _encode_keys(self, micro_batch: MicroBatch) -> torch.Tensor:
        states = first_states(self.momentum_front, micro_batch["key_ids"])
        return (states @ self.momentum_projection).float()

    def _remember(self, keys: torch.Tensor, texts: np.ndarray) -> None:
        self.keys.append(keys)
        self.texts.append(texts)

    @torch.no_grad()
    def _push(self) -> None:
        """Put the keys of a step into the queue, in the place of the oldest."""
        if not self.keys:
            return
        size = self.settings.queue_size
        keys, texts = torch.cat(self.keys)[-size:], np.concatenate(self.texts)[-size:]
        places = (self.next + np.arange(len(keys))) % size
        self.queue[torch.from_numpy(places)] = keys
        if self.queue_texts is None:
            self.queue_texts = np.zeros((size, texts.shape[1]), np.int64)
        self.queue_texts[places] = texts
        self.next = int(self.next + len(keys)) % size
        self.keys, self.texts = [], []

    @torch.no_grad()
    def _move(self) -> None:
        """Move the momentum encoder and its projection towards the model."""
        share = 1.0 - self.settings.momentum
        copies = [*self.momentum_front.parameters(), self.momentum_projection]
        torch._foreach_lerp_(copies, [*self.front.parameters(), self.projection], share)


def first_blocks(encoder: XLMRobertaModel, blocks: int) -> XLMRobertaModel:
    """A model of the first blocks of another, sharing its parameters."""
    config = copy.deepcopy(encoder.config)
    config.num_hidden_layers = blocks
    front = XLMRobertaModel(config, add_pooling_layer=False)
    front.embeddings = encoder.embeddings
    front.encoder.layer = torch.nn.ModuleList(encoder.encoder.layer[:blocks])
    return front


def first_states(encoder: XLMRobertaModel, input_ids: np.ndarray) -> torch.Tensor:
    """The last states of the first token of each sequence."""
    ids = torch.from_numpy(input_ids)
    return encoder(ids, attention_mask=(ids != PAD_ID).long()).last_hidden_state[:, 0]


def restrict(model: XLMRobertaForMaskedLM, vocabulary: torch.Tensor) -> None:
    """Cut the embeddings, which are the output matrix too, and the bias to some token ids."""
    table = model.roberta.embeddings.word_embeddings.weight.data[vocabulary]
    bias = model.lm_head.bias.data[vocabulary]
    model.resize_token_embeddings(len(vocabulary), mean_resizing=False)
    model.roberta.embeddings.word_embeddings.weight.data.copy_(table)
    model.lm_head.bias.data.copy_(bias)


def count(batch: Sequence[MicroBatch]) -> int:
    """What a batch weighs: its masked tokens, or its sentences."""
    return sum(
        int((x["labels"] != -100).sum()) if "labels" in x else len(x["input_ids"]) for x in batch
    )

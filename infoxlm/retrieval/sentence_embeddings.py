"""Sentences to vectors: every layer of the encoder in one pass, pooled over the tokens."""

import numpy as np
import paddle
from numpy.typing import NDArray

from infoxlm.constants import BOS_ID, EOS_ID, PAD_ID
from infoxlm.data.batches import micro_batches
from infoxlm.distributed.ranks import Ranks
from infoxlm.model import InfoXLMModel
from infoxlm.model.precision import Precision
from infoxlm.schema import Pooling
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tracking.progress import progress


def sentence_embeddings(
    model: InfoXLMModel,
    token_ids: TokenIds,
    *,
    pooling: Pooling = Pooling.mean,
    special_tokens: bool = True,
    max_tokens: int,
    precision: Precision | None = None,
    ranks: Ranks | None = None,
) -> NDArray[np.float32]:
    """Encode sentences in batches of similar length; equal ones once, so that they stay equal.

    Args:
        model: Put into evaluation mode, and left there.
        token_ids: `n` encoded sentences.
        pooling: The pooling of a sentence's tokens: their mean, or the first token's state.
        special_tokens: Whether `<s>` and `</s>` count in the mean.
        max_tokens: Most tokens of a batch, padding included.
        precision: Mixed precision; None: fp32.
        ranks: The processes that share the sentences and get all vectors; None: this one alone.

    Returns:
        float32 `[layers + 1, n, hidden]`: index 0 is the embeddings, index 7 the output of block 7.
    """
    model.eval()
    precision = precision or Precision()
    ranks = ranks or Ranks()
    first: dict[bytes, int] = {}
    owners = np.array([first.setdefault(token_ids[i].tobytes(), i) for i in range(len(token_ids))])
    repeated = owners != np.arange(len(owners))
    distinct = np.flatnonzero(~repeated)
    distinct = distinct[ranks.shares(token_ids.lengths_of(distinct))[ranks.rank]]
    shape = model.config.num_hidden_layers + 1, len(token_ids), model.config.hidden_size
    vectors = np.zeros(shape, np.float32)
    bar = progress(label="encoding", total=len(distinct), unit=" sentences")
    with bar, paddle.no_grad(), precision.constant_weights():
        for batch in micro_batches(token_ids.lengths[distinct], max_tokens):
            if ranks.is_cut:
                break
            rows = distinct[batch]
            ids = token_ids.padded(rows)
            weights = paddle.to_tensor(token_weights(ids, pooling, special_tokens)).unsqueeze(1)
            with precision.autocast():
                states = model(paddle.to_tensor(ids), output_hidden_states=True).hidden_states
            for layer, state in enumerate(states):
                pooled = paddle.matmul(weights, state.astype("float32"))
                vectors[layer, rows] = pooled.squeeze(1).numpy()
            bar.update(len(rows))
    ranks.stop_together()
    vectors = ranks.sum(vectors)
    vectors[:, repeated] = vectors[:, owners[repeated]]
    return vectors


def token_weights(
    ids: NDArray[np.int64], pooling: Pooling, special_tokens: bool
) -> NDArray[np.float32]:
    """Weight of each token in its sentence's vector, `[batch, seq]`, as are the ids.

    Padding has weight 0, and the weights of a sentence sum to 1; without a token left, to 0.
    """
    if pooling is Pooling.cls:
        counts = np.zeros_like(ids)
        counts[:, 0] = 1
    elif special_tokens:
        counts = (ids != PAD_ID).astype(np.int64)
    else:
        counts = (~np.isin(ids, (PAD_ID, BOS_ID, EOS_ID))).astype(np.int64)
    return (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).astype(np.float32)

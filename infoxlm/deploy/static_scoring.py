"""A model scored as a static graph, which is what Paddle Inference is quickest at."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from paddle import nn

from infoxlm.deploy.paddle_inference import PaddleInference
from infoxlm.deploy.static_model import write_static_model
from infoxlm.hardware.environment import usual_threads

#: Tokens from which on a static graph pays. e5_small is scored a fifth faster by it, but it takes
#: five seconds to make and the weights' memory again: at 200,000 tokens nothing is gained.
TOKENS = 1_000_000


@contextmanager
def static_graph(model: nn.Layer, folder: Path) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """A static graph of a model on a CPU, while the context lasts.

    Args:
        model: From token ids to an object with `logits`; the graph holds its weights once more.
        folder: Where the graph is written meanwhile, as large as the weights: Paddle reads it
            again whenever it begins another executor.

    Yields:
        A function from padded token ids, int64 `[batch, seq]`, to logits, `[batch, labels]`
        or `[batch, seq, labels]`; where a shape has to be avoided, `seq` is a little more.
    """
    with tempfile.TemporaryDirectory(prefix=".static_graph-", dir=folder) as temporary:
        program = write_static_model(model, Path(temporary), half=False, single_row=False)
        yield PaddleInference(program, "cpu", usual_threads()).run

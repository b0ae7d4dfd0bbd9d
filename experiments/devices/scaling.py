"""A CALCULATION, not a measurement: how training might scale over 8 and 64 GPUs.

    python experiments/devices/scaling.py

From the bytes of the gradients and published speeds; README.md lists sources and assumptions.
"""

from dataclasses import dataclass

#: Share of a link's published speed, and of a GPU's published bf16 operations, that is reached.
LINK_SHARE, COMPUTE_SHARE = 0.7, 0.3

#: Seconds that the launches of a step's kernels take at least, whatever the batch (2,000 of 5 us).
LAUNCHES = 0.010

#: Seconds of latency of each message of a ring.
LATENCY = 10e-6

#: Pairs of a step, and tokens of a pair.
WINDOW, TOKENS = 256, 45

#: Bytes read and written by AdamW for each parameter in fp32: weight, gradient, two moments.
ADAMW_BYTES = 28

NODE = 8


@dataclass(frozen=True)
class Machine:
    """A kind of node with eight GPUs.

    Attributes:
        name: What it is called.
        nvlink: Bytes a second of a GPU's links inside the node, one direction.
        infiniband: Bytes a second of a GPU's port to other nodes.
        operations: bf16 operations a second of a GPU, dense.
        memory: Bytes a second of its memory.
    """

    name: str
    nvlink: float
    infiniband: float
    operations: float
    memory: float


@dataclass(frozen=True)
class Model:
    """An encoder with a classifier.

    Attributes:
        name: What it is called.
        hidden: Width.
        inner: Width of the feed-forward layers.
        layers: Blocks.
    """

    name: str
    hidden: int
    inner: int
    layers: int = 12

    @property
    def block_weights(self) -> int:
        """Weights of the matrix products in all blocks."""
        return self.layers * (4 * self.hidden**2 + 2 * self.hidden * self.inner)

    def parameters(self, vocabulary: int) -> int:
        """Everything that is trained, with so many rows of word embeddings."""
        vectors = self.layers * (9 * self.hidden + self.inner)
        ends = (514 + 3) * self.hidden + self.hidden**2 + 4 * self.hidden + 3
        return self.block_weights + vectors + ends + vocabulary * self.hidden


MACHINES = (
    Machine("A100: NVLink 3, InfiniBand HDR", 300e9, 25e9, 312e12, 2.0e12),
    Machine("H100: NVLink 4, InfiniBand NDR", 450e9, 50e9, 989e12, 3.35e12),
)
MODELS = (Model("e5_small", 384, 1536), Model("base", 768, 3072))
VOCABULARIES = {"active": 25_000, "full": 250_002}


def exchange(size: float, machine: Machine, gpus: int) -> float:
    """Seconds of an all-reduce of `size` bytes.

    Reduce-scatter in each node, all-reduce of each GPU's eighth between the nodes, all-gather.
    """
    inside = min(gpus, NODE)
    nodes = gpus // inside
    seconds = 0.0
    if inside > 1:
        seconds += 2 * (inside - 1) / inside * size / (machine.nvlink * LINK_SHARE)
        seconds += 2 * (inside - 1) * LATENCY
    if nodes > 1:
        part = size / inside
        seconds += 2 * (nodes - 1) / nodes * part / (machine.infiniband * LINK_SHARE)
        seconds += 2 * (nodes - 1) * LATENCY
    return seconds


def step(model: Model, vocabulary: int, machine: Machine, gpus: int) -> tuple[float, float]:
    """Seconds of a step and of the exchange in it, one after the other."""
    parameters = model.parameters(vocabulary)
    operations = 6 * model.block_weights * WINDOW * TOKENS / gpus
    computing = max(LAUNCHES, operations / (machine.operations * COMPUTE_SHARE))
    update = ADAMW_BYTES * parameters / (machine.memory * LINK_SHARE)
    exchanging = exchange(4 * parameters, machine, gpus) if gpus > 1 else 0.0
    return computing + update + exchanging, exchanging


def main() -> None:
    """Print the table of README.md."""
    columns = "machine|model|vocabulary|MB|1 GPU, ms|8 GPUs, ms|exchange, ms|speed-up"
    columns += "|64 GPUs, ms|exchange, ms|speed-up"
    lines = [f"| {columns.replace('|', ' | ')} |", "|---" * 11 + "|"]
    for machine in MACHINES:
        for model in MODELS:
            for name, vocabulary in VOCABULARIES.items():
                alone, _ = step(model, vocabulary, machine, 1)
                cells = [machine.name.split(":")[0], model.name, name]
                cells += [f"{4 * model.parameters(vocabulary) / 1e6:.0f}", f"{1e3 * alone:.1f}"]
                for gpus in (8, 64):
                    whole, exchanging = step(model, vocabulary, machine, gpus)
                    cells += [f"{1e3 * whole:.1f}", f"{1e3 * exchanging:.2f}"]
                    cells.append(f"{alone / whole:.1f}")
                lines.append(f"| {' | '.join(cells)} |")
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()

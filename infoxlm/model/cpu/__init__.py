"""The encoder's operations as they are fast on CPUs: the same mathematics, derivatives by hand.

Paddle's CPU kernels multiply matrices as fast as the machine can, but spend as long again around
the products: copies into another layout, sums over rows, random masks and the derivative of
LayerNorm run on one thread and element by element. Here the products stay Paddle's; what lies
between them is C, compiled on first use (`compiled`), or NumPy's in chunks on several threads
(`arrays`) where there is no compiler; and padding is left out (`packing`).
Elsewhere, and while a static graph is traced, the modules use Paddle's own operations; tests hold
the two against each other. `bf16` is the same with bfloat16 products, for CPUs that have them.
"""

from infoxlm.model.cpu.arrays import is_cpu_fp32, pays_here
from infoxlm.model.cpu.attention import attention
from infoxlm.model.cpu.bf16.block import BlockLayers, bf16_block
from infoxlm.model.cpu.bf16.library import bf16_library
from infoxlm.model.cpu.bf16.weights import Narrowed, as_here, bf16_products, in_bf16
from infoxlm.model.cpu.cross_entropy import cross_entropy
from infoxlm.model.cpu.embedding import embedding
from infoxlm.model.cpu.feed_forward import feed_forward
from infoxlm.model.cpu.gelu import gelu
from infoxlm.model.cpu.linear import linear
from infoxlm.model.cpu.moving import move_towards
from infoxlm.model.cpu.packing import Packing, Part
from infoxlm.model.cpu.residual_norm import residual_norm
from infoxlm.model.cpu.tied_linear import tied_linear
from infoxlm.model.cpu.tied_losses import tied_losses

__all__ = [
    "BlockLayers",
    "Narrowed",
    "Packing",
    "Part",
    "as_here",
    "attention",
    "bf16_block",
    "bf16_library",
    "bf16_products",
    "feed_forward",
    "cross_entropy",
    "is_cpu_fp32",
    "gelu",
    "in_bf16",
    "linear",
    "move_towards",
    "embedding",
    "pays_here",
    "residual_norm",
    "tied_linear",
    "tied_losses",
]

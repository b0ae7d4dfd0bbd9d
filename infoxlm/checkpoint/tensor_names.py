"""XLM-R's one name for a tensor, whatever a checkpoint calls it."""

from infoxlm.constants import ENCODER_PREFIX

#: What torch.compile, DataParallel, FSDP and checkpointing put between a module and its parts.
WRAPPERS = {"_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
#: What TensorFlow, and the checkpoints made from it, call the two vectors of LayerNorm.
LAYER_NORM = {"gamma": "weight", "beta": "bias"}


def canonical_name(name: str) -> str:
    """The name with the prefix ``roberta.`` and without the traces of how it was trained.

    Bare encoders are saved without the prefix.
    """
    name = unwrapped_name(name)
    bare = name.startswith(("embeddings.", "encoder.", "pooler."))
    return ENCODER_PREFIX + name if bare else name


def unwrapped_name(name: str) -> str:
    """The name that the bare model gives a tensor."""
    segments = [segment for segment in name.split(".") if segment not in WRAPPERS]
    if segments[-2:-1] in (["LayerNorm"], ["layer_norm"]):
        segments[-1] = LAYER_NORM.get(segments[-1], segments[-1])
    return ".".join(segments)

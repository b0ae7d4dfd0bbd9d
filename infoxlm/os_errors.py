"""Errors of the system (rights, space, memory, names) as one line with a remedy."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from infoxlm.errors import UserError

logger = logging.getLogger(__name__)

#: By the kind of refusal; of others the path is at fault.
REMEDIES = {
    errno.EACCES: "Set the permissions, or give another place.",
    errno.EPERM: "Set the permissions, or give another place.",
    errno.EROFS: "Give a place that can be written.",
    errno.ENOSPC: "Make room, or give a place on another disk.",
    errno.EDQUOT: "Make room, or give a place on another disk.",
    errno.EFBIG: "Make room, or give a place on another disk.",
    errno.EMFILE: "Raise the limit, see `ulimit -n`.",
    errno.ENAMETOOLONG: "Give a shorter path.",
}

#: How Paddle marks errors of what lies below it, or above; with a C++ traceback it is the second.
PADDLES_OWN = ("(External)", "ExternalError:")


@contextmanager
def os_errors_as_user_errors() -> Iterator[None]:
    """Turn errors of the system within the block into a `UserError`.

    The traceback is logged for debugging: `hydra.verbose=true` shows it.
    """
    try:
        yield
    except BrokenPipeError:  # whoever read the output has gone
        raise
    except (OSError, MemoryError) as error:
        if is_of_paddle(error):
            raise
        logger.debug("refused by the system", exc_info=True)
        raise explain_refusal(error) from error


def is_of_paddle(error: OSError | MemoryError) -> bool:
    """Tell whether an error is Paddle's own of a computation, which is an OSError for no reason.

    So are errors of CUDA, and of Python called from a backward pass.
    """
    if not isinstance(error, OSError) or error.errno is not None:
        return False
    return any(mark in str(error) for mark in PADDLES_OWN)


def explain_refusal(error: OSError | MemoryError) -> UserError:
    """Turn the system's refusal into what, where and remedy.

    Args:
        error: What Python, or a library below it, raised.
    """
    if isinstance(error, MemoryError):
        reason = str(error).strip().split("\n")[0] or "memory is used up"
        return UserError(
            f"there is not enough memory: {reason}",
            "Take a smaller model, or lower hardware.micro_batch_tokens or eval_batch_tokens.",
        )
    where = f"{error.filename}: " if error.filename else ""
    return UserError(
        f"{where}{error.strerror or error}", REMEDIES.get(error.errno or 0, "Check the path.")
    )

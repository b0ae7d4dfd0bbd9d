import errno
import os

import pytest

from infoxlm.errors import UserError
from infoxlm.os_errors import explain_refusal, os_errors_as_user_errors


@pytest.mark.parametrize(
    ("error", "problem", "remedy"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/a/b"), "/a/b: Permission denied",
         "Set the permissions, or give another place."),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device", "Make room"),
        (OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), "x" * 300),
         f"{'x' * 300}: File name too long", "Give a shorter path."),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x"),
         "x: No such file or directory", "Check the path."),
        (OSError("of a library's own"), "of a library's own", "Check the path."),
        (MemoryError("(ResourceExhausted) Fail to alloc 9 bytes\n[Hint: ...]"),
         "there is not enough memory: (ResourceExhausted) Fail to alloc 9 bytes", "smaller model"),
        (MemoryError(), "there is not enough memory: memory is used up", "micro_batch_tokens"),
    ],
)  # fmt: skip
def test_refusals(error, problem, remedy):
    explained = explain_refusal(error)
    assert explained.problem == problem
    assert remedy in explained.remedy


def test_only_refusals_are_explained(tmp_path):
    missing = pytest.raises(UserError, match="gone: No such file or directory")
    with missing, os_errors_as_user_errors():
        (tmp_path / "gone").read_text()
    for error in (BrokenPipeError(), KeyError("a bug"), UserError("told", "already")):
        with pytest.raises(type(error)) as caught, os_errors_as_user_errors():
            raise error
        assert caught.value is error

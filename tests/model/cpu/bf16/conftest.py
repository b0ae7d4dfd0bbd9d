"""What these tests need of the machine."""

import pytest

from infoxlm.errors import UserError
from infoxlm.model.cpu.bf16.library import bf16_library


@pytest.fixture(autouse=True)
def bf16_machine():
    """Skip where this machine multiplies in nothing but float32."""
    try:
        bf16_library()
    except UserError as error:
        pytest.skip(str(error))

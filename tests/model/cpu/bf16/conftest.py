"""What these tests need of the machine."""

import pytest


@pytest.fixture(autouse=True)
def on_a_bf16_machine(bf16_machine):
    """All of them need it."""

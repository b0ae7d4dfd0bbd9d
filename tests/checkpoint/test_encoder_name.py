import pytest

from infoxlm.checkpoint.encoder_name import SHAPES, encoder_name
from infoxlm.tasks.classification import published

BASE = {"num_hidden_layers": 12, "hidden_size": 768}
SMALL = {"num_hidden_layers": 12, "hidden_size": 384}


@pytest.mark.parametrize(
    ("described", "name", "checkpoint", "expected"),
    [
        (BASE, "infoxlm_base", "microsoft/infoxlm-base", "infoxlm_base"),
        (BASE, "infoxlm_large", "folders/mine", "mine (12 layers of 768)"),
        (SMALL, "infoxlm_base", "folders/e5_small/", "e5_small (12 layers of 384)"),
        (SMALL, "infoxlm_base", "infoxlm_base", "infoxlm_base (12 layers of 384)"),
        (SMALL, "checkpoint", "folders/mine", "checkpoint"),
        (SMALL | {"encoder_name": "e5_small"}, "infoxlm_base", "mine", "e5_small"),
        (SMALL | {"encoder_name": "infoxlm_base"}, "checkpoint", "m", "m (12 layers of 384)"),
        (BASE, "infoxlm_base", None, "infoxlm_base with random weights"),
        (SMALL, "tiny", None, "tiny"),
    ],
)
def test_name(described, name, checkpoint, expected):
    assert encoder_name(described, name, checkpoint) == expected


def test_every_published_encoder_has_a_shape():
    rows = {*published.CROSS_LINGUAL_TRANSFER, *published.TRANSLATE_TRAIN_ALL, *published.PAWSX}
    versions = {"infoxlm_base_v1", "infoxlm_base_paddle"}  # rows of infoxlm_base, no encoders
    assert rows - versions == set(SHAPES)

import numpy as np
import pytest

from infoxlm.data.xnli import LANGUAGES
from infoxlm.retrieval.published import TATOEBA, TATOEBA_AVERAGE


def test_average_is_that_of_the_rows():
    assert tuple(TATOEBA) == tuple(language for language in LANGUAGES if language != "en")
    assert np.mean(list(TATOEBA.values()), axis=0) == pytest.approx(TATOEBA_AVERAGE, abs=5e-4)

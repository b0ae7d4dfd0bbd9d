import numpy as np
import pytest

from infoxlm.model.cpu.arrays import ELEMENTS, in_chunks


@pytest.mark.parametrize(
    ("rows", "width", "chunks"),
    [(1, 1, 1), (10, ELEMENTS, 10), (10, 3 * ELEMENTS, 10), (1000, ELEMENTS // 64, 16), (5, 8, 1)],
)
def test_every_row_is_met_once(rows, width, chunks):
    met = np.zeros(rows, int)
    numbers = []

    def work(piece, part):
        met[part] += 1
        numbers.append(piece)

    in_chunks(work, rows, width)
    assert (met == 1).all()
    assert sorted(numbers) == list(range(chunks))


def test_errors_arrive():
    def work(piece, part):
        if piece == 2:
            raise ValueError("piece 2")

    with pytest.raises(ValueError, match="piece 2"):
        in_chunks(work, 5, ELEMENTS)

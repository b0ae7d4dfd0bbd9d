from infoxlm.deploy import chunks as module
from infoxlm.deploy.chunks import chunks


def test_rows_come_in_order_a_number_at_a_time():
    rows = [(letter,) for letter in "abcde"]
    assert list(chunks(rows, 2, lambda row: row)) == [rows[:2], rows[2:4], rows[4:]]
    assert list(chunks([], 2, lambda row: row)) == []


def test_long_texts_come_fewer_at_a_time(monkeypatch):
    monkeypatch.setattr(module, "CHARACTERS", 10)
    rows = [("a" * 4, "b" * 4), ("a", "b" * 2), ("a" * 99, ""), ("a", "b"), ("c", "d")]
    sizes = [len(chunk) for chunk in chunks(iter(rows), 100, lambda row: row)]
    assert sizes == [2, 1, 2]


def test_rows_are_read_no_further_than_they_are_wanted():
    rows = iter(("a",) for _ in range(10))
    assert len(next(chunks(rows, 3, lambda row: row))) == 3
    assert len(list(rows)) == 7

import numpy as np
import pytest

from infoxlm.files import array_file
from infoxlm.files.array_file import ArrayWriter, MappedArray


@pytest.mark.parametrize("lengths", [[], [0], [3], [3, 0, 5, 12_345]])
@pytest.mark.parametrize("width", [None, 2])
def test_pieces_are_one_array(lengths, width, tmp_path):
    rng = np.random.default_rng(0)
    shape = () if width is None else (width,)
    pieces = [rng.integers(-9, 9, (length, *shape)) for length in lengths]
    with ArrayWriter(tmp_path / "a.npy", np.int32, width) as file:
        for piece in pieces:
            file.write(piece)
    whole = np.concatenate([np.zeros((0, *shape), np.int32), *pieces])
    for read in (np.load(tmp_path / "a.npy"), MappedArray(tmp_path / "a.npy").values):
        assert read.dtype == np.int32
        np.testing.assert_array_equal(read, whole)


def test_a_file_that_was_not_finished_has_no_elements(tmp_path):
    with pytest.raises(KeyError), ArrayWriter(tmp_path / "a.npy", np.int64) as file:
        file.write(np.arange(10))
        raise KeyError
    assert len(np.load(tmp_path / "a.npy")) == 0


def test_chunks_are_the_array(tmp_path, monkeypatch):
    monkeypatch.setattr(array_file, "CHUNK", 7)
    np.save(tmp_path / "a.npy", np.arange(20))
    array = MappedArray(tmp_path / "a.npy")
    assert [len(chunk) for chunk in array.chunks()] == [7, 7, 6]
    assert [len(chunk) for chunk in array.chunks(step=2)] == [6, 6, 6, 2]
    np.testing.assert_array_equal(np.concatenate([*array.chunks(2)]), np.arange(20))
    array.release()
    np.testing.assert_array_equal(array.values, np.arange(20))  # read again
    with pytest.raises(ValueError, match="read-only"):
        array.values[0] = 1


@pytest.mark.parametrize("width", [None, 2])
def test_ranges_are_read_end_to_end(width, tmp_path):
    whole = np.arange(40).reshape(-1, 2) if width else np.arange(40)
    np.save(tmp_path / "a.npy", whole)
    array = MappedArray(tmp_path / "a.npy")
    starts, lengths = np.array([7, 0, 19, 3, 3]), np.array([3, 1, 1, 0, 5])
    expected = np.concatenate([whole[a : a + n] for a, n in zip(starts, lengths, strict=True)])
    np.testing.assert_array_equal(array.take(starts, lengths), expected)
    np.testing.assert_array_equal(array.take(starts, 1), whole[starts])
    assert array.take(starts[:0], 1).shape == whole[:0].shape


def test_reading_at_random_maps_nothing(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(1 << 22, np.int64))
    array = MappedArray(tmp_path / "a.npy")
    assert array.take(np.arange(0, 1 << 22, 1 << 12), 3).sum() == 3 << 10
    assert mapped_bytes("a.npy") < 1 << 16


def test_pages_leave_memory(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(1 << 22, np.int64))
    array = MappedArray(tmp_path / "a.npy")
    assert array.values.sum() == 1 << 22
    assert mapped_bytes("a.npy") == pytest.approx(1 << 25, rel=0.01)
    array.release()
    assert mapped_bytes("a.npy") < 1 << 16
    assert sum(chunk.sum() for chunk in array.chunks()) == 1 << 22
    assert mapped_bytes("a.npy") < 1 << 16


def mapped_bytes(name):
    """The bytes of a mapped file that are in this process' memory."""
    total, inside = 0, False
    with open("/proc/self/smaps") as file:
        for line in file:
            if line.split()[0].endswith(":"):
                total += int(line.split()[1]) * 1024 if inside and line.startswith("Rss:") else 0
            else:
                inside = line.rstrip().endswith(name)
    return total

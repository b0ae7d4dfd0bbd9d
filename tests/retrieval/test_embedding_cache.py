import multiprocessing
import os
import time

import numpy as np
import pytest

from infoxlm.errors import UserError
from infoxlm.retrieval.embedding_cache import EmbeddingCache
from infoxlm.tokenization.token_ids import TokenIds, offsets_from

FINGERPRINT = {"weights": ["ab"], "pooling": "mean"}


def sentences(seed=0):
    return TokenIds(np.arange(8, dtype=np.int32) + seed, offsets_from(np.array([1, 2, 3, 2])))


class Embedder:
    """Makes vectors of three layers, and counts how often."""

    def __init__(self, seconds=0.0):
        self.calls = 0
        self.seconds = seconds

    def __call__(self, token_ids):
        self.calls += 1
        time.sleep(self.seconds)
        first = token_ids.ids[0]
        return first + np.arange(3 * 4 * 2, dtype=np.float32).reshape(3, 4, 2)


@pytest.fixture
def cache(tmp_path):
    return EmbeddingCache(tmp_path / "embeddings", limit_gb=1)


def load(cache, embed, layers=(0, 2), token_ids=None, **fingerprint):
    token_ids = sentences() if token_ids is None else token_ids
    return cache.load_or_embed(token_ids, FINGERPRINT | fingerprint, layers, embed)


def test_vectors_are_computed_once_and_any_layer_is_there(cache):
    embed = Embedder()
    made = load(cache, embed)
    assert list(made) == [0, 2]
    found = load(cache, embed)
    for layer in (0, 2):
        expected = np.arange(24, dtype=np.float32).reshape(3, 4, 2)[layer]
        np.testing.assert_array_equal(made[layer], expected)
        np.testing.assert_array_equal(found[layer], expected)
    np.testing.assert_array_equal(load(cache, embed, [1])[1], np.arange(8, 16).reshape(4, 2))
    assert embed.calls == 1


def test_whatever_decides_the_vectors_has_a_file_of_its_own(cache):
    embed = Embedder()
    cut_differently = TokenIds(sentences().ids, offsets_from(np.array([2, 1, 3, 2])))
    variants = (
        {},
        {"weights": ["cd"]},
        {"pooling": "cls"},
        {"token_ids": sentences(1)},
        {"token_ids": cut_differently},
    )
    for count, variant in enumerate(variants, start=1):
        load(cache, embed, **variant)
        assert embed.calls == count
    for variant in variants:
        load(cache, embed, **variant)
    assert embed.calls == len(variants)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_damaged_file_is_made_again(cache, tmp_path, damage, caplog):
    embed = Embedder()
    load(cache, embed)
    (file,) = (tmp_path / "embeddings").glob("*.npz")
    data = bytearray(file.read_bytes())
    if damage == "flipped":
        data[data.index(np.float32(17).tobytes())] ^= 1  # in layer 2
    file.write_bytes({"cut": data[:-30], "empty": b"", "other": b"no zip"}.get(damage, data))
    np.testing.assert_array_equal(load(cache, embed)[2], np.arange(16, 24).reshape(4, 2))
    assert embed.calls == 2
    assert "is damaged and is made again" in caplog.text
    load(cache, embed)
    assert embed.calls == 2


def test_files_unused_for_longest_are_removed(tmp_path):
    folder = tmp_path / "embeddings"
    embed = Embedder()
    roomy = EmbeddingCache(folder, limit_gb=1)
    load(roomy, embed, token_ids=sentences(1))
    (file,) = folder.glob("*.npz")
    size = file.stat().st_size
    load(roomy, embed, token_ids=sentences(2))
    for age, path in enumerate(sorted(folder.glob("*.npz"), key=lambda path: path == file)):
        os.utime(path, (1000 - age, 1000 - age))  # the first is the older
    load(roomy, embed, token_ids=sentences(1))  # and is used
    narrow = EmbeddingCache(folder, limit_gb=2.5 * size / 1e9)
    load(narrow, embed, token_ids=sentences(3))
    assert embed.calls == 3
    load(narrow, embed, token_ids=sentences(1))
    load(narrow, embed, token_ids=sentences(3))
    assert embed.calls == 3
    load(narrow, embed, token_ids=sentences(2))
    assert embed.calls == 4
    assert len(list(folder.glob("*.npz"))) == 2


def test_nothing_is_kept_at_a_limit_of_zero(tmp_path):
    cache, embed = EmbeddingCache(tmp_path / "embeddings", limit_gb=0), Embedder()
    np.testing.assert_array_equal(load(cache, embed)[0], np.arange(8).reshape(4, 2))
    assert not list((tmp_path / "embeddings").iterdir())


def test_failure_leaves_no_file(cache, tmp_path):
    def broken(token_ids):
        raise MemoryError

    with pytest.raises(MemoryError):
        load(cache, broken)
    assert not list((tmp_path / "embeddings").glob("*.npz"))
    embed = Embedder()
    load(cache, embed)
    assert embed.calls == 1


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/embeddings cannot be written.*Set data.cache_dir"):
        load(EmbeddingCache(tmp_path / "file" / "embeddings", 1), Embedder())


def test_disk_that_is_full(cache, monkeypatch, tmp_path):
    def savez(*arguments, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", savez)
    with pytest.raises(UserError, match="No space left on device. Set data.cache_dir"):
        load(cache, Embedder())
    assert not list((tmp_path / "embeddings").glob("*.npz"))


def _fill(folder, results):
    embed = Embedder(seconds=0.5)
    vectors = load(EmbeddingCache(folder, 1), embed)
    results.put((embed.calls, float(vectors[2].sum())))


def test_two_processes_fill_it_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [
        context.Process(target=_fill, args=(tmp_path / "embeddings", results)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert sorted(calls for calls, _ in found) == [0, 1]
    assert {total for _, total in found} == {float(np.arange(16, 24).sum())}

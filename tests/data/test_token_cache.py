import hashlib
import json
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from infoxlm.data import token_cache
from infoxlm.data.examples import Examples
from infoxlm.data.token_cache import TokenCache
from infoxlm.errors import UserError
from infoxlm.files.atomic import PART
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


class Pair(NamedTuple):
    premise: str
    hypothesis: str
    label: int
    row: int


PAIRS = [
    Pair("the cat sat", "the dog ran", 2, 0),
    Pair("a woman is playing", "a woman plays the violin", 1, 1),
    Pair("", "nothing", 1, 3),  # row 2 has no label
    Pair("the dog ran home", "the dog ran", 0, 4),
]


@dataclass
class MemorySource:
    """Pairs in memory, all languages with one fingerprint as in a file that holds them all."""

    pairs: list[Pair] = field(default_factory=lambda: list(PAIRS))
    seconds: float = 0.0
    reads: list[tuple[str, str, int | None]] = field(default_factory=list)
    name: str = "memory"

    def languages(self, split: str) -> tuple[str, ...]:
        return ("en", "fr")

    def read(self, split: str, language: str, limit: int | None = None) -> Iterator[Pair]:
        self.reads.append((split, language, limit))
        for pair in self.pairs:
            if limit is None or pair.row < limit:
                time.sleep(self.seconds)
                yield pair

    def fingerprint(self, split: str, language: str) -> str:
        return hashlib.sha256(repr(self.pairs).encode()).hexdigest()

    def files(self, split: str, language: str) -> tuple[Path, ...]:
        return ()


@pytest.fixture(scope="session")
def tokenizer(sentencepiece_file: Path) -> InfoXLMTokenizer:
    return InfoXLMTokenizer(sentencepiece_file)


Load = Callable[..., Examples]


def load_pairs(
    cache: TokenCache,
    source: MemorySource,
    split: str = "dev",
    language: str = "en",
    **options: Any,
) -> Examples:
    """Load pairs through a cache, with their labels as the target."""

    def encode(pairs: Sequence[Pair]) -> tuple[TokenIds, dict[str, np.ndarray]]:
        token_ids = cache.tokenizer.encode(
            [p.premise for p in pairs], [p.hypothesis for p in pairs], max_length=cache.max_length
        )
        return token_ids, {"labels": np.array([p.label for p in pairs], np.int64)}

    return cache.load(source, split, language, encode, **options)


@pytest.fixture
def load(tokenizer: InfoXLMTokenizer, tmp_path: Path) -> Load:
    def load(
        source: MemorySource,
        split: str = "dev",
        language: str = "en",
        max_length: int = 32,
        limit: int | None = None,
        cache_dir: Path = tmp_path / "cache",
        **options: Any,
    ) -> Examples:
        cache = TokenCache(cache_dir, tokenizer, max_length)
        return load_pairs(cache, source, split, language, limit=limit, **options)

    return load


def assert_holds(examples: Examples, pairs: list[Pair], tokenizer: InfoXLMTokenizer) -> None:
    expected = tokenizer.encode([p.premise for p in pairs], [p.hypothesis for p in pairs],
                                max_length=32)  # fmt: skip
    np.testing.assert_array_equal(examples.token_ids.ids, expected.ids)
    np.testing.assert_array_equal(examples.token_ids.offsets, expected.offsets)
    assert examples.targets["labels"].tolist() == [p.label for p in pairs]
    assert examples.rows.tolist() == [p.row for p in pairs]
    dtypes = [examples.token_ids.ids.dtype, examples.token_ids.offsets.dtype]
    assert dtypes == [np.int32, np.int64]
    assert examples.targets["labels"].dtype == examples.rows.dtype == np.int64


def folders(cache_dir: Path) -> list[Path]:
    return [path for path in cache_dir.iterdir() if path.is_dir()]


def test_second_time_comes_from_disk(load: Load, tokenizer: InfoXLMTokenizer) -> None:
    source = MemorySource()
    for _ in range(2):
        examples = load(source)
        assert_holds(examples, PAIRS, tokenizer)
        assert examples.language == "en"
        assert not examples.token_ids.ids.flags.writeable
    assert source.reads == [("dev", "en", None)]


def test_chunks_do_not_show(
    load: Load, tokenizer: InfoXLMTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_cache, "CHUNK", 3)
    assert_holds(load(MemorySource()), PAIRS, tokenizer)


def test_examples_of_several_sequences(
    tokenizer: InfoXLMTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(pairs: Sequence[Pair]) -> tuple[TokenIds, dict[str, np.ndarray]]:
        texts = [text for pair in pairs for text in (pair.premise, pair.hypothesis)]
        rows = np.repeat(np.array([pair.row for pair in pairs], np.int64), 2)
        return tokenizer.encode(texts, max_length=32), {"rows": rows, "twice": 2 * rows}

    monkeypatch.setattr(token_cache, "CHUNK", 3)
    cache = TokenCache(tmp_path / "cache", tokenizer, max_length=32)
    for _ in range(2):
        examples = cache.load(MemorySource(), "dev", "en", encode)
        assert examples.rows.tolist() == [0, 0, 1, 1, 3, 3, 4, 4]
        assert len(examples.token_ids) == 8 and list(examples.targets) == ["twice"]
        assert examples.targets["twice"].tolist() == (2 * examples.rows).tolist()
    assert cache.load(MemorySource([]), "dev", "fr", encode).rows.dtype == np.int64


def test_everything_that_decides_the_content_is_in_the_key(load: Load, tmp_path: Path) -> None:
    source = MemorySource()
    load(source)
    load(source, split="test")
    load(source, language="fr")
    load(source, max_length=16)
    load(source, limit=4)
    load(source, options={"task": "another"})
    load(MemorySource(PAIRS[:2]))
    assert len(folders(tmp_path / "cache")) == 7
    assert len(source.reads) == 6


def test_another_tokenizer_is_another_folder(
    load: Load, tokenizer: InfoXLMTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = MemorySource()
    load(source)
    monkeypatch.setitem(tokenizer.__dict__, "fingerprint", "another")
    load(source)
    assert len(folders(tmp_path / "cache")) == len(source.reads) == 2


def test_limit_counts_rows_of_the_file(load: Load, tokenizer: InfoXLMTokenizer) -> None:
    source = MemorySource()
    assert_holds(load(source, limit=4), PAIRS[:3], tokenizer)
    assert_holds(load(source, limit=100), PAIRS, tokenizer)
    assert [limit for _, _, limit in source.reads] == [4, 100]


def test_no_examples(load: Load) -> None:
    source = MemorySource([])
    for _ in range(2):
        examples = load(source)
        assert len(examples.token_ids) == len(examples.targets["labels"]) == len(examples.rows) == 0
    assert len(source.reads) == 1


def test_error_in_the_source_leaves_nothing(load: Load, tmp_path: Path) -> None:
    class Broken(MemorySource):
        def read(self, split: str, language: str, limit: int | None = None) -> Iterator[Pair]:
            yield PAIRS[0]
            raise UserError("dev/en.tsv, line 3: no label", "Mend it")

    with pytest.raises(UserError, match="line 3"):
        load(Broken())
    assert folders(tmp_path / "cache") == []


def truncate(folder: Path) -> None:
    os.truncate(folder / "ids.npy", 140)


def change_one_byte(folder: Path) -> None:
    content = bytearray((folder / "labels.npy").read_bytes())
    content[-8] ^= 1
    (folder / "labels.npy").write_bytes(content)


def remove_array(folder: Path) -> None:
    (folder / "rows.npy").unlink()


def remove_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def empty_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("")


def foreign_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("[1]")


def manifest_without_checksum(folder: Path) -> None:
    (folder / "manifest.json").write_text(json.dumps({"sha256": {"ids": "0"}}))


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        change_one_byte,
        remove_array,
        remove_manifest,
        empty_manifest,
        foreign_manifest,
        manifest_without_checksum,
    ],
)
def test_damage_is_found_and_repaired(
    load: Load,
    tokenizer: InfoXLMTokenizer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], None],
) -> None:
    source = MemorySource()
    load(source)
    (folder,) = folders(tmp_path / "cache")
    damage(folder)
    with caplog.at_level(logging.WARNING):
        assert_holds(load(source), PAIRS, tokenizer)
    assert f"damaged and is made again: {folder}" in caplog.text
    load(source)
    assert len(source.reads) == 2


def test_leftover_of_a_killed_process(
    load: Load, tokenizer: InfoXLMTokenizer, tmp_path: Path
) -> None:
    load(MemorySource())
    (folder,) = folders(tmp_path / "cache")
    part = folder.rename(folder.with_name(f".{folder.name}{PART}"))
    (part / "ids.npy").write_bytes(b"half")
    assert_holds(load(MemorySource()), PAIRS, tokenizer)
    assert folders(tmp_path / "cache") == [folder]


def load_in_process(
    sentencepiece_file: Path, cache_dir: Path, start: "multiprocessing.synchronize.Barrier",
    results: "multiprocessing.Queue[tuple[int, list[int]]]",
) -> None:  # fmt: skip
    source = MemorySource(seconds=0.05)
    tokenizer = InfoXLMTokenizer(sentencepiece_file)
    start.wait(60)
    examples = load_pairs(TokenCache(cache_dir, tokenizer, max_length=32), source)
    results.put((len(source.reads), examples.token_ids.ids.tolist()))


def test_two_processes_at_once(
    sentencepiece_file: Path, tokenizer: InfoXLMTokenizer, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.Queue()
    arguments = (sentencepiece_file, tmp_path / "cache", start, results)
    processes = [context.Process(target=load_in_process, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    answers = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    expected = tokenizer.encode(
        [p.premise for p in PAIRS], [p.hypothesis for p in PAIRS], max_length=32
    )
    assert [ids for _, ids in answers] == [expected.ids.tolist()] * 2
    assert sorted(reads for reads, _ in answers) == [0, 1]
    assert len(folders(tmp_path / "cache")) == 1


def test_unwritable_cache(load: Load, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    source = MemorySource()
    with pytest.raises(UserError, match=r"the cache .*file.*Set data\.cache_dir"):
        load(source, cache_dir=tmp_path / "file" / "cache")
    assert source.reads == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_read_only_cache_serves_what_it_has(
    load: Load, tokenizer: InfoXLMTokenizer, tmp_path: Path
) -> None:
    load(MemorySource())
    (tmp_path / "cache").chmod(0o500)
    try:
        assert_holds(load(MemorySource()), PAIRS, tokenizer)
        with pytest.raises(UserError, match=r"Set data\.cache_dir"):
            load(MemorySource(), max_length=16)
    finally:
        (tmp_path / "cache").chmod(0o700)


def test_full_disk(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", no_space)
    with pytest.raises(UserError, match=r"No space left on device. Set data\.cache_dir"):
        load(MemorySource())

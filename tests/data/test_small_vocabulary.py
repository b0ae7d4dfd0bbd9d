import pytest
import sentencepiece

from infoxlm.data.small_vocabulary import small_vocabulary
from infoxlm.data.source import EMBEDDED, open_source
from infoxlm.data.xnli import LANGUAGES
from infoxlm.errors import UserError
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


def pieces(path):
    model = sentencepiece.SentencePieceProcessor(str(path))
    return [model.id_to_piece(index) for index in range(model.vocab_size())]


def test_fills_the_embedding_table(tmp_path):
    tokenizer = InfoXLMTokenizer(small_vocabulary(1200, tmp_path))
    assert tokenizer.vocab_size == 1200


def test_covers_the_sample(cache_folder):
    tokenizer = InfoXLMTokenizer(small_vocabulary(2000, cache_folder))
    source = open_source(EMBEDDED)
    for language in LANGUAGES:
        pairs = list(source.read("dev", language, limit=6))
        encoded = tokenizer.encode([pair.premise for pair in pairs], max_length=512)
        for row, pair in enumerate(pairs):
            assert "<unk>" not in tokenizer.tokens(encoded[row]), (language, pair.premise)


def test_same_pieces_every_time_and_kept(tmp_path):
    first = small_vocabulary(1000, tmp_path / "a")
    assert pieces(small_vocabulary(1000, tmp_path / "b")) == pieces(first)
    written = first.stat().st_mtime_ns
    assert small_vocabulary(1000, tmp_path / "a") == first
    assert first.stat().st_mtime_ns == written
    assert pieces(small_vocabulary(1001, tmp_path / "a")) != pieces(first)


def test_large_tables_get_all_pieces_there_are(tmp_path):
    assert 3000 < len(pieces(small_vocabulary(250_002, tmp_path))) < 10_000


def test_too_small(tmp_path):
    with pytest.raises(UserError, match="model.shape.vocab_size=100 is too small.*1000"):
        small_vocabulary(100, tmp_path)
    assert not list(tmp_path.rglob("*.model"))


def test_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UserError, match="cannot be written.*data.cache_dir"):
        small_vocabulary(1000, tmp_path / "cache")

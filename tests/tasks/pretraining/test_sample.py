"""The embedded sample as a corpus."""

from infoxlm.schema import CorpusConfig
from infoxlm.tasks.pretraining.sample import place_sample, sample_corpus


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_its_texts_are_parallel_and_apart(tmp_path):
    folder = sample_corpus(tmp_path)
    assert len(list((folder / "mono").iterdir())) == 15
    for name, count in (("parallel", 144), ("eval", 40)):
        files = sorted((folder / name).iterdir())
        assert len(files) == 14
        english = [[row.split("\t")[0] for row in lines(file)] for file in files]
        assert all(side == english[0] for side in english)
        assert len(english[0]) == len(set(english[0])) == 1 + count
    learned = {row.split("\t")[0] for row in lines(folder / "parallel" / "en-de.tsv")[1:]}
    scored = {row.split("\t")[0] for row in lines(folder / "eval" / "en-de.tsv")[1:]}
    mono = set(lines(folder / "mono" / "en.txt"))
    assert learned < mono
    assert not scored & mono


def test_it_stands_for_embedded_alone(tmp_path):
    data = CorpusConfig(
        "sample_corpus", mono=["embedded", "own"], parallel=["embedded"], eval_pairs="own",
        cache_dir=str(tmp_path),
    )  # fmt: skip
    placed, folder = place_sample(data), sample_corpus(tmp_path)
    assert placed.mono == [str(folder / "mono"), "own"]
    assert (placed.parallel, placed.eval_pairs) == ([str(folder / "parallel")], "own")
    own = CorpusConfig("corpus", mono=["own"], cache_dir=str(tmp_path / "not_made"))
    assert place_sample(own) == own
    assert not (tmp_path / "not_made").exists()

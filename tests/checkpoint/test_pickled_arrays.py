import pickle
import random
import struct
import subprocess
import sys
import tracemalloc
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from infoxlm.checkpoint.pickle_reader import (
    MOST_INSTRUCTIONS,
    DamagedPickleError,
    ForeignCodeError,
)
from infoxlm.checkpoint.pickled_arrays import PLAIN_TYPES, OtherContentError, read_pickled_arrays

PROTOCOLS = (2, 3, 4)

STATE = {
    "encoder.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "encoder.bias": np.ones(4, np.float16),
    "bits": np.arange(6, dtype=np.uint16).reshape(2, 3, order="F"),
    "StructuredToParameterName@@": {"encoder.weight": "linear_0.w_0"},
}


@pytest.fixture
def read(tmp_path):
    """Reads a pickle's bytes from a file."""

    def reading(content: bytes):
        (tmp_path / "state").write_bytes(content)
        return read_pickled_arrays(tmp_path / "state")

    return reading


@settings(deadline=None, max_examples=50)
@given(
    arrays=st.dictionaries(
        st.text(max_size=20),
        st.sampled_from(sorted(PLAIN_TYPES)).flatmap(
            lambda code: npst.arrays(code, npst.array_shapes(min_dims=0, min_side=0, max_dims=4))
        ),
        max_size=4,
    ),
    protocol=st.sampled_from(PROTOCOLS),
    order=st.sampled_from("CF"),
)
def test_arrays_are_those_pickled(arrays, protocol, order, tmp_path_factory):
    arrays = {name: np.asarray(values, order=order) for name, values in arrays.items()}
    path = tmp_path_factory.mktemp("pickles") / "state"
    path.write_bytes(pickle.dumps(arrays, protocol))
    found = read_pickled_arrays(path)
    assert found.keys() == arrays.keys()
    for name, values in arrays.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_a_state_dict_may_hold(read, protocol):
    shared = np.arange(3, dtype=">f4")
    long = np.frombuffer(bytes(range(256)) * 1024, np.uint8)  # more than a name may be
    content = OrderedDict(STATE, a=shared, b=shared, long=long, step=3, rate=0.5, parts=[1, (2,)])
    found = read(pickle.dumps(content, protocol))
    assert found.keys() == {*STATE, "a", "b", "long"} - {"StructuredToParameterName@@"}
    np.testing.assert_array_equal(found["b"], [0, 1, 2])
    np.testing.assert_array_equal(found["long"], long)


def test_paddle_s_own_file(tmp_path):
    import paddle

    tensors = {name: paddle.to_tensor(x) for name, x in STATE.items() if name.startswith("enc")}
    for protocol in PROTOCOLS:
        paddle.save(tensors, str(tmp_path / "state"), protocol=protocol)
        found = read_pickled_arrays(tmp_path / "state")
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(found[name], tensor.numpy())


class Reduced:
    """Pickled as a call of something, perhaps with a state."""

    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return self.parts


F4 = np.dtype("f4")


def array(shape=(2,), kind=F4, contents=b"\0" * 8, call=(np.ndarray, (0,), b"b")):
    return Reduced(np.core.multiarray._reconstruct, call, (1, shape, kind, False, contents))


def kind(*state, code="f4"):
    return Reduced(np.dtype, (code, False, True), state)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (array((3,)), r"shape \[3\] and type float32 with other contents"),
        (array((10**15,)), r"shape \[1000000000000000\] and type float32"),
        (array((-1, -2)), "shape that is none"),
        (array((True, 2)), "shape that is none"),
        (array((1,) * 9 + (2,)), "shape that is none"),
        (array((0, 2**62, 2**62), contents=b""), "an array of shape"),
        (array([2]), "shape that is none"),
        (array(kind="f4"), "type is none"),
        (array(contents=[0.0, 0.0]), "with other contents"),
        (array(contents=None), "with other contents"),
        (np.zeros(2, [("a", "f4")]), "something else than plain numbers"),
        (np.zeros(2, "S4"), "something else than plain numbers"),
        (np.zeros(2, "M8[s]"), "something else than plain numbers"),
        (np.zeros(2, object), "something else than plain numbers"),
        (np.zeros(2, "c8"), "something else than plain numbers"),
        (array(kind=kind(3, "<", None, ("a",), {"a": (F4, 0)}, 4, 1, 0)), "structure of its own"),
        (array(kind=kind(3, "<", (F4, (2,)), None, None, 4, 1, 0)), "structure of its own"),
        (array(kind=kind(3, "<", None, None, None, 2**40, -1, 0)), "structure of its own"),
        (array(kind=kind(3, "<", None, None, None, -1, -1, 63)), "structure of its own"),
        (array(kind=kind(4, "<", None, None, None, -1, -1, 0, {})), "structure of its own"),
        (array(kind=kind(3, "?", None, None, None, -1, -1, 0)), "unknown order of bytes"),
        (array(kind=kind(3, "<", None, None, None, -1, -1, 0, code=((),))), "plain numbers"),
        (Reduced(np.core.multiarray._reconstruct, (np.ndarray, (0,), b"b")), "without contents"),
        (Reduced(OrderedDict, ([["a", 1]],)), "too few arguments or too many"),
        (Reduced(np.dtype, ()), "too few arguments or too many"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_that_are_none(read, value, problem, protocol):
    with pytest.raises(DamagedPickleError, match=problem):
        read(pickle.dumps({"a": value}, protocol))


@pytest.mark.parametrize("name", ["numpy.load", "numpy.memmap", "builtins.list", "numpy.core.x"])
def test_nothing_else_may_be_called(read, name):
    module, _, function = name.rpartition(".")
    for content in (
        f"c{module}\n{function}\n.".encode(),
        b"X" + struct.pack("<I", len(module)) + module.encode()
        + b"X" + struct.pack("<I", len(function)) + function.encode() + b"\x93.",
    ):  # fmt: skip
        with pytest.raises(ForeignCodeError, match=name):
            read(content)


@pytest.mark.parametrize("value", [[], 3, {1: STATE["bits"]}, STATE["bits"]])
def test_other_content(read, value):
    with pytest.raises(OtherContentError, match="something else than arrays by name"):
        read(pickle.dumps(value, 4))


def test_no_room_is_made_for_what_is_not_there(read):
    """Neither for contents, nor for places of the memo, nor for bytes that are used again."""
    huge, more = struct.pack("<Q", 2**40), struct.pack("<I", 2**31)
    again = b"c_codecs\nencode\nq\0X\0\0\x01\0" + b"a" * 65536 + b"q\1X\6\0\0\0latin1\x86q\2R"
    contents = {
        b"\x8e" + huge: "cut short",
        b"\x8d" + huge: "cut short",
        b"B" + more: "cut short",
        b"Nr" + more + b".": "something else",
        again + b"h\0h\2R" * 10_000 + b".": "used more than once",
        b"(" * (MOST_INSTRUCTIONS + 1): "more than 200,000 instructions",
        b"}" * (MOST_INSTRUCTIONS + 1): "more than 200,000 instructions",
    }
    tracemalloc.start()
    for content, problem in contents.items():
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        with pytest.raises((DamagedPickleError, OtherContentError), match=problem):
            read(content)
        peak = tracemalloc.get_traced_memory()[1] - before
        assert peak < 20_000_000
    tracemalloc.stop()


def test_depth_does_not_end_the_process(read):
    """Nothing here walks down what a pickle nests, as hashes and comparisons would."""
    deep = b")" + b"\x85" * 150_000
    for content in (
        deep + b".",
        b"}" + deep + b"Ns.",
        b"}(" + deep + b"Nu.",
        b"]" * 150_000 + b".",
    ):
        with pytest.raises((DamagedPickleError, OtherContentError)):
            read(content)
    cnumpy = b"cnumpy\ndtype\n" + deep + b"\x85R"
    whole = b"cnumpy.core.multiarray\n_reconstruct\n)R(K\1K\2\x85" + cnumpy + b"\x89C\0tb."
    with pytest.raises(DamagedPickleError, match="something else than plain numbers"):
        read(whole)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A copy with a few bytes changed, cut out, repeated or put in the place of others."""
    copy = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(copy) + 1), rng.choice((1, 1, 2, 4, 8, 30))
        piece = copy[at : at + length]
        match rng.randrange(6):
            case 0:
                copy[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del copy[at : at + length]
            case 2:
                copy[at:at] = piece * rng.randint(1, 50)
            case 3:
                start = rng.randrange(len(copy) + 1)
                copy[at : at + length] = copy[start : start + length]
            case 4:
                copy[at : at + length] = rng.choice((b"\xff", b"\0", b"\x7f")) * length
            case 5:
                del copy[at:]
        if not copy:
            break
    return bytes(copy)


def fuzz(start: int, count: int, folder: Path) -> None:
    """Read spoiled copies of a state dict; whatever is not one of the reader's errors is raised."""
    import resource

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 50_000_000,) * 2)
    wholes = [pickle.dumps(STATE, protocol) for protocol in PROTOCOLS]
    ended: dict[str, int] = {}
    for seed in range(start, start + count):
        rng = random.Random(seed)
        (folder / "state").write_bytes(mutated(rng.choice(wholes), rng))
        try:
            found = read_pickled_arrays(folder / "state")
            ended["read"] = ended.get("read", 0) + 1
            assert all(type(values) is np.ndarray for values in found.values()), seed
        except (DamagedPickleError, ForeignCodeError, OtherContentError) as error:
            kind = type(error).__name__
            ended[kind] = ended.get(kind, 0) + 1
            assert str(error).isprintable(), seed
            assert len(str(error)) < 500, seed
    print(ended)
    assert len(ended) == 4 or count < 1000, ended


@pytest.mark.parametrize(
    ("start", "count"), [(0, 500), pytest.param(0, 10_000, marks=pytest.mark.slow)]
)
def test_spoiled_copies(start, count, tmp_path):
    code = (
        "import importlib.util, pathlib, sys\n"
        "spec = importlib.util.spec_from_file_location('mutations', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "module.fuzz(int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4]))"
    )
    words = [sys.executable, "-c", code, __file__, str(start), str(count), str(tmp_path)]
    finished = subprocess.run(words, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-2000:]

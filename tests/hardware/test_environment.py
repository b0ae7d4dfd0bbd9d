import os
import platform
import subprocess
import sys

import pytest

from infoxlm.errors import UserError
from infoxlm.hardware import environment as hardware
from infoxlm.hardware.environment import (
    available_cores,
    check_bf16,
    check_device,
    find_distribution,
    prepare_environment,
)
from infoxlm.schema import Amp

NAMES = ("OMP_NUM_THREADS", "MKL_DEBUG_CPU_TYPE")


@pytest.fixture
def environment(monkeypatch):
    """Neither variable is set, four cores, no paddle; afterwards everything is as it was."""

    def prepare(*, path, paddle=False, **given):
        for name in NAMES:
            monkeypatch.setenv(name, "")  # so that it is restored
            monkeypatch.delenv(name)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(hardware, "mkl_path", lambda: path)
        monkeypatch.setattr(hardware, "available_cores", lambda: 4)
        modules = {name: module for name, module in sys.modules.items() if name != "paddle"}
        if paddle:
            modules["paddle"] = hardware
        monkeypatch.setattr(sys, "modules", modules)

    return prepare


def now():
    return {name: os.environ[name] for name in NAMES if name in os.environ}


@pytest.mark.parametrize(
    ("path", "given", "threads", "expected"),
    [
        (None, {}, None, {"OMP_NUM_THREADS": "4"}),
        ("7", {}, None, {"OMP_NUM_THREADS": "4", "MKL_DEBUG_CPU_TYPE": "7"}),
        ("5", {"OMP_NUM_THREADS": "2"}, None, {"OMP_NUM_THREADS": "2", "MKL_DEBUG_CPU_TYPE": "5"}),
        ("7", {"MKL_DEBUG_CPU_TYPE": "4"}, 1, {"OMP_NUM_THREADS": "1", "MKL_DEBUG_CPU_TYPE": "4"}),
        (None, {"OMP_NUM_THREADS": "2"}, 3, {"OMP_NUM_THREADS": "3"}),
    ],
)
def test_the_environment_is_set_and_what_the_user_set_is_kept(
    path, given, threads, expected, environment, caplog
):
    environment(path=path, **given)
    assert prepare_environment(threads) == int(expected["OMP_NUM_THREADS"])
    assert now() == expected
    assert not caplog.records


@pytest.mark.parametrize("word", [None, "0"])
def test_onnx_runtime_sends_nothing_unless_the_user_says_otherwise(environment, monkeypatch, word):
    environment(path=None)
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", word or "")
    if word is None:
        monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    prepare_environment(1)
    assert os.environ["ORT_DISABLE_TELEMETRY"] == (word or "1")


def test_it_warns_when_paddle_was_there_first(environment, caplog):
    environment(path="5", paddle=True)
    prepare_environment()
    assert "paddle was imported before OMP_NUM_THREADS=4 and MKL_DEBUG_CPU_TYPE=5" in caplog.text
    caplog.clear()
    prepare_environment()
    assert not caplog.records
    prepare_environment(2)
    assert "paddle was imported before OMP_NUM_THREADS=2 could be set" in caplog.text


@pytest.mark.parametrize(
    ("vendor", "flags", "path"),
    [
        ("AuthenticAMD", "fma avx2 avx512f avx512bw avx512dq avx512vl avx512cd", "7"),
        ("AuthenticAMD", "fma avx2", "5"),
        ("AuthenticAMD", "fma avx2 avx512f avx512cd", "5"),
        ("GenuineIntel", "fma avx2 avx512f avx512bw avx512dq avx512vl avx512cd", None),
    ],
)
def test_an_amd_cpu_gets_the_kernels_that_it_can_run(vendor, flags, path, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu {flags} sse\n")
    assert hardware.mkl_path(cpuinfo) == path
    assert hardware.mkl_path(tmp_path / "nowhere") is None


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux only")
def test_cores_are_those_of_this_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 6})
    assert available_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


LIGHT = """
import sys
import infoxlm, infoxlm.cli.entry
import infoxlm.tokenization.tokenizer, infoxlm.schema, infoxlm.data.source, infoxlm.evaluate.report
heavy = {"paddle", "paddlenlp", "torch", "transformers", "visualdl", "matplotlib.pyplot"}
print(*sorted(heavy & set(sys.modules)))
"""

PADDLE = """
import os, sys
import infoxlm
infoxlm.InfoXLMModel
assert "paddle" in sys.modules
print(os.environ["OMP_NUM_THREADS"], os.environ.get("MKL_DEBUG_CPU_TYPE"))
"""


def in_a_new_process(program, *words, **environment):
    inherited = {name: value for name, value in os.environ.items() if name not in NAMES}
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=True,
        env=inherited | environment,
    )


def test_importing_the_package_imports_nothing_heavy():
    assert in_a_new_process(LIGHT).stdout.split() == []


def test_the_model_brings_paddle_with_a_prepared_environment_and_without_noise():
    done = in_a_new_process(PADDLE)
    kind = hardware.mkl_path() or "None"
    assert done.stdout.split() == [str(available_cores()), kind]
    assert done.stderr == ""


@pytest.mark.parametrize("missing", ["avx512_bf16", "avx512vl"])
def test_a_cpu_without_bf16_is_refused_with_the_name_of_what_it_lacks(missing, tmp_path):
    flags = hardware.BF16 - {missing}
    (tmp_path / "cpuinfo").write_text(f"flags : fpu {' '.join(flags)}")
    message = rf"bf16 on a CPU without {missing} \(.*cpuinfo\).*hardware.amp=none"
    with pytest.raises(UserError, match=message):
        check_bf16(tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(f"flags : fpu {' '.join(hardware.BF16)}")
    check_bf16(tmp_path / "cpuinfo")


def test_fp16_is_for_gpus():
    check_device("gpu" if find_distribution("paddlepaddle-gpu") else "cpu")
    with pytest.raises(UserError, match=r"hardware.amp=fp16 on a CPU.*hardware=gpu_fp16"):
        check_device("cpu", Amp.fp16)


def test_a_gpu_needs_the_gpu_build():
    check_device("cpu")
    with pytest.raises(UserError, match="hardware.device=gpu, but .* on CPUs only"):
        check_device("gpu")
    assert find_distribution("numpy")


FAULTS = """
import resource, sys
from infoxlm.hardware.environment import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
for _ in range(3):
    array = bytearray(20 << 20)
    del array
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    array = bytearray(20 << 20)
    del array
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
@pytest.mark.parametrize(
    ("word", "given", "kept"),
    [
        ("leave", {"MALLOC_MMAP_THRESHOLD_": "1000000"}, False),
        ("keep", {"MALLOC_MMAP_THRESHOLD_": "1000000"}, False),
        ("keep", {}, True),
    ],
)
def test_freed_memory_is_kept_unless_the_user_says_otherwise(word, given, kept):
    faults = int(in_a_new_process(FAULTS, word, **given).stdout)
    assert (faults < 1000) is kept  # of 51,200 pages

"""The environment that Paddle needs to be fast; it must be set before paddle is imported."""

import contextlib
import ctypes
import io
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.hardware.deferred_package import defer_package
from infoxlm.hardware.place import ProcessInfo
from infoxlm.schema.checks import MOST_THREADS, check_amp
from infoxlm.schema.choices import Amp

logger = logging.getLogger(__name__)

CPUINFO = Path("/proc/cpuinfo")

#: What kernels for AVX-512 need of a CPU, in the words of /proc/cpuinfo.
AVX512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}

#: What bfloat16 products need.
BF16 = AVX512 | {"avx512_bf16"}

#: glibc's numbers for `mallopt`, what they are set to in bytes, and the variables by which a user
#: sets them. 32 MB is the largest array that glibc keeps at all. A gigabyte holds the arrays that
#: a micro-batch of the base shape leaves, and the next one wants.
KEPT_MEMORY = [
    (-3, 32 << 20, "MALLOC_MMAP_THRESHOLD_"),
    (-1, 1 << 30, "MALLOC_TRIM_THRESHOLD_"),
]


def available_cores() -> int:
    """Cores that this process may run on (a container's share, not the machine's)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_words(cpuinfo: Path = CPUINFO) -> set[str]:
    """The words of Linux's description of the CPUs; none on other systems.

    Args:
        cpuinfo: Where Linux describes the CPUs.
    """
    try:
        return set(cpuinfo.read_text(encoding="utf-8").split())
    except OSError:
        return set()


def mkl_path(cpuinfo: Path = CPUINFO) -> str | None:
    """MKL's number for its fastest kernels that an AMD CPU runs; None elsewhere: MKL finds them.

    5 is AVX2; 7 is AVX-512, with which products are 1.7 to 2.1 times as fast on a Zen 5.

    Args:
        cpuinfo: Where Linux describes the CPUs.
    """
    words = cpu_words(cpuinfo)
    if "AuthenticAMD" not in words:
        return None
    return "7" if words >= AVX512 else "5"


def environment_threads() -> int | None:
    """The number of threads that OMP_NUM_THREADS asks for; None when it does not."""
    return threads_of(os.environ)


def threads_of(environment: Mapping[str, str]) -> int | None:
    """The number of threads that an environment's OMP_NUM_THREADS asks for; None: no usable one."""
    outermost = environment.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # it may be a list
    usable = re.fullmatch("[0-9]{1,4}", outermost) and 1 <= int(outermost) <= MOST_THREADS
    return int(outermost) if usable else None


def usual_threads() -> int:
    """Threads to compute with when nobody names a number: OMP_NUM_THREADS, or every core."""
    return environment_threads() or available_cores()


def prepare_environment(threads: int | None = None) -> int:
    """Set the number of threads and the fast matrix kernels for Paddle.

    Paddle runs on one thread unless OMP_NUM_THREADS says otherwise, and the MKL inside it takes
    a slow path on AMD unless MKL_DEBUG_CPU_TYPE names a better one (`mkl_path`); together a factor
    of five to ten on two cores. Its threads would also keep their cores busy for 200 ms after each
    product, while NumPy's loops or another process could use them: KMP_BLOCKTIME makes it 1 ms. All
    are read when paddle is imported. Values already in the environment are kept, unless the caller
    names a number of threads.

    Args:
        threads: Threads to compute with; None: OMP_NUM_THREADS, or every available core, shared
            among the ranks of a run on this machine.

    Returns:
        The number of threads.
    """
    if threads is None:
        shared_by = ProcessInfo.of_this_process().local_size
        threads = environment_threads() or max(1, available_cores() // shared_by)
    wanted = {"OMP_NUM_THREADS": str(threads)}
    if path := mkl_path():
        wanted["MKL_DEBUG_CPU_TYPE"] = os.environ.get("MKL_DEBUG_CPU_TYPE", path)
    if "OMP_WAIT_POLICY" not in os.environ:
        wanted["KMP_BLOCKTIME"] = os.environ.get("KMP_BLOCKTIME", "1")
    # ONNX Runtime sends events to its makers unless switched off before it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    late = {key: value for key, value in wanted.items() if os.environ.get(key) != value}
    os.environ.update(wanted)
    if late and "paddle" in sys.modules:
        logger.warning(
            "paddle was imported before %s could be set: computing may be five times slower. "
            "Import infoxlm.model first, or call prepare_environment() of infoxlm.hardware.",
            " and ".join(f"{key}={value}" for key, value in late.items()),
        )
    return threads


def check_device(device: str, amp: Amp = Amp.none) -> None:
    """Refuse a GPU that the installed Paddle cannot use, without importing it, or bf16 on a CPU.

    Args:
        device: ``cpu``, ``gpu`` or ``gpu:N``.
        amp: In which precision products are wanted.

    Raises:
        UserError: Only the CPU build of Paddle is installed, or the CPU has no such products.
    """
    check_amp(device, amp)
    if device == "cpu" and amp is Amp.bf16:
        check_bf16()
    if device.startswith("gpu") and not find_distribution("paddlepaddle-gpu"):
        raise UserError(
            f"hardware.device={device}, but the installed paddlepaddle computes on CPUs only",
            "Install paddlepaddle-gpu from Paddle's own index, or take hardware=cpu.",
        )


def check_bf16(cpuinfo: Path = CPUINFO) -> None:
    """Refuse bfloat16 products on a CPU that has none.

    Args:
        cpuinfo: Where Linux describes the CPUs.

    Raises:
        UserError: The CPU lacks an instruction, which is named.
    """
    missing = sorted(BF16 - cpu_words(cpuinfo))
    if missing:
        raise UserError(
            f"hardware.amp=bf16 on a CPU without {', '.join(missing)} ({cpuinfo})",
            "Set hardware.amp=none; Zen 4, Sapphire Rapids and later ones have them.",
        )


def find_distribution(name: str) -> bool:
    """Tell whether a distribution is installed."""
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def keep_freed_memory() -> None:
    """Let the C library keep the memory of arrays that are freed for those that follow.

    It would give back what several megabytes had, and Linux would hand it out again page by page:
    a tenth of the time of a training step. Other C libraries than glibc are left as they are, and
    so is what the environment already says.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return
    for parameter, value, variable in KEPT_MEMORY:
        if variable not in os.environ:
            mallopt(parameter, value)


def load_paddle() -> None:
    """Import paddle and paddlenlp without the notes they print about this very environment.

    paddle warns of every OMP_NUM_THREADS other than 1, of a missing ccache and of setuptools;
    paddlenlp reports each file it reads. Of paddlenlp only the modules that are used are imported,
    a tenth of what it would import by itself; all else is there when it is asked for.
    """
    keep_freed_memory()
    with quiet_import():
        import paddle

        if find_distribution("paddlenlp") and "paddlenlp" not in sys.modules:
            # Three that import one another; the last two ask the first for its version.
            defer_package("paddlenlp", {"__version__": version("paddlenlp")})
            defer_package("paddlenlp.data")
            defer_package("paddlenlp.transformers")
            paddle.disable_signal_handler()  # as paddlenlp does
        from paddlenlp.utils.log import logger as paddlenlp_logger
    paddlenlp_logger.set_level("WARNING")


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Keep what modules say about the environment while they are imported from the terminal."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield

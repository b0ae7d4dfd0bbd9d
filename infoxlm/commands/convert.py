"""`infoxlm convert`: PyTorch weights to Paddle, and back."""

from pathlib import Path

from infoxlm.convert import append_verification, convert_to_paddle, convert_to_torch, verify
from infoxlm.convert.find_checkpoint import best_of_run
from infoxlm.errors import UserError
from infoxlm.reporting.console import show
from infoxlm.schema import ConvertConfig, Direction


def run(config: ConvertConfig, folder: str | Path) -> None:
    """Convert a checkpoint, verify it if asked to, and print a summary.

    Args:
        config: From where to where, and how.
        folder: Not used: the record is conversion.md in the target.

    Raises:
        UserError: The source or the target cannot be used, or the verification failed.
    """
    # A run means its best checkpoint, as in model.checkpoint.
    path, target = Path(config.source).expanduser(), Path(config.target).expanduser()
    source = str(best) if (best := best_of_run(path)) != path else config.source
    cache_dir = Path(config.cache_dir).expanduser()
    if config.direction is Direction.to_torch:
        report = convert_to_torch(Path(source).expanduser(), target, overwrite=config.overwrite)
    else:
        report = convert_to_paddle(source, target, overwrite=config.overwrite, cache_dir=cache_dir)
    show(f"{target}: {report.verdict}", f"every tensor: {target / 'conversion.md'}")
    if config.verify:
        paddle_folder, torch_source = target, source
        if config.direction is Direction.to_torch:
            paddle_folder, torch_source = Path(source).expanduser(), str(target)
        verification = verify(paddle_folder, torch_source, cache_dir=cache_dir)
        append_verification(target, verification)
        show(verification.verdict)
        if not verification.passed:
            raise UserError(
                f"{target} does not compute what {source} computes",
                "Do not use it; conversion.md has the differences.",
            )

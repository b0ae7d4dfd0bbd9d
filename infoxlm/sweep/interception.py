"""Hook into Hydra: while a command line runs, our launcher wraps the one that it chose."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from infoxlm.stopping import Interrupted
from infoxlm.sweep.job import resuming_command
from infoxlm.sweep.launcher import SweepLauncher
from infoxlm.sweep.search_space import check_search, is_search, set_search_defaults
from infoxlm.sweep.sweep_record import SWEEP_RECORD


@contextmanager
def sweeps_kept(command: str, words: list[str]) -> Iterator[None]:
    """Keep the record of the sweep that is run in the block, if one is, and report at its end.

    Hydra has no place of its own for this: its callbacks cannot leave a job out.

    Args:
        command: The command.
        words: The words typed behind it.

    Raises:
        UserError: Jobs are not finished.
        Interrupted: The sweep was stopped; how to resume it.
    """
    plugins = Plugins.instance()
    begun: list[SweepLauncher] = []

    def end_sweeps() -> None:
        # Here because it imports NumPy, which commands without a sweep start sooner without.
        from infoxlm.sweep.ending import end_sweep

        for launcher in begun:
            end_sweep(launcher)

    set_search_defaults()
    instantiate = plugins.instantiate_launcher

    def instantiate_launcher(hydra_context: Any, task_function: Any, config: Any) -> Launcher:
        resumed = (Path(config.hydra.sweep.dir) / SWEEP_RECORD).exists()
        if is_search(config.hydra):
            check_search(config.hydra, command, resumed)
        if resumed:
            renew_exchange(config)
        launcher = instantiate(hydra_context, task_function, config)
        loader = hydra_context.config_loader
        begun.append(SweepLauncher(launcher, config, loader, command, words))
        return begun[-1]

    plugins.instantiate_launcher = instantiate_launcher  # type: ignore[method-assign]
    try:
        yield
    except KeyboardInterrupt as stopped:
        if begun and begun[0].record.jobs:
            message = f"stopped. Resume with: {resuming_command(begun[0].folder)}"
            raise Interrupted(message, getattr(stopped, "code", 130) - 128) from None
        raise
    except ValueError:  # a search of which every trial failed has no best one
        if all(launcher.record.jobs for launcher in begun):
            end_sweeps()
        raise
    else:
        if begun:
            end_sweeps()
    finally:
        del plugins.instantiate_launcher
        for launcher in begun:
            launcher.release()


def renew_exchange(config: DictConfig) -> None:
    """Give submitit a new folder in that of a sweep that is resumed, which may be a stranger's.

    Its processes exchange Python objects there, and nothing is to be read that was there before.

    Args:
        config: The sweep's configuration, Hydra's part too.
    """
    launcher = config.hydra.launcher
    if "submitit_folder" in launcher:
        new = secrets.token_hex(8)
        launcher.submitit_folder = f"{config.hydra.sweep.dir}/.submitit/{new}/%j"

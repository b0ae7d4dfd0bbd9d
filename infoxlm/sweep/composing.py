"""The configuration of a sweep's job, composed and checked before any job runs."""

from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from infoxlm.schema.config_errors import check_known_keys, check_no_empty_values, explain


def compose_job(loader: Any, sweep: DictConfig, overrides: list[str], command: str) -> DictConfig:
    """Compose a job's configuration, without Hydra's part.

    Args:
        loader: Hydra's loader of configurations.
        sweep: The sweep's configuration, Hydra's part too.
        overrides: The job's own values.
        command: The command of the job.

    Raises:
        UserError: It cannot be composed, or does not fit the command's schema.
    """
    try:
        config: DictConfig = loader.load_sweep_config(sweep, overrides)
        with open_dict(config):
            del config["hydra"]
        check_known_keys(config, command)
        check_no_empty_values(config, command)
        OmegaConf.to_object(config)
    except (HydraException, OmegaConfBaseException, ValueError, TypeError) as error:
        raise explain(error, command, overrides) from None
    return config

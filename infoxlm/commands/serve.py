"""`infoxlm serve`: predictions over HTTP."""

import contextlib
import logging
from dataclasses import fields
from ipaddress import ip_address
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import TypeVar

from infoxlm.convert.find_checkpoint import required_checkpoint
from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.deploy.predictor import Predictor
from infoxlm.errors import UserError
from infoxlm.hardware.environment import check_device, usual_threads
from infoxlm.listening import bind
from infoxlm.schema import ServeConfig
from infoxlm.serve.limits import ConnectionLimits, Limits
from infoxlm.serve.repeats import repeats_left_out
from infoxlm.stopping import Interrupted

Kind = TypeVar("Kind", Limits, ConnectionLimits)

logger = logging.getLogger(__name__)


def run(config: ServeConfig, folder: str | Path) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        config: The model to serve, host and port, and limits.
        folder: Not used: serving has no run folder.

    Raises:
        UserError: The address or the model cannot be had, or a package is missing.
        KeyboardInterrupt: It was stopped; every request that was accepted has been answered.
    """
    named = required_checkpoint(config.model.checkpoint, exported=True)
    try:
        from infoxlm.serve.app import create_app
        from infoxlm.serve.batching import Batcher
        from infoxlm.serve.connections import Connections
        from infoxlm.serve.metrics import Metrics
        from infoxlm.serve.server import allow_open_files, make_server, run_until_stopped
        from infoxlm.serve.service import Service
        from infoxlm.serve.worker import started
    except ImportError as error:
        raise UserError(
            f"serving needs packages that are not installed ({error})",
            'Run `pip install "infoxlm[serve]"`.',
        ) from error

    check_device(config.hardware.device, config.hardware.amp)
    threads = config.hardware.threads or usual_threads()
    with contextlib.closing(bind(config.host, config.port)) as bound:
        allow_open_files(config.connections)
        model = ModelFolder.open(named, Path(config.cache_dir).expanduser())
        length = model.usable_length(config.max_length)
        tokenizer = model.tokenizer(threads=1)  # several requests are tokenized at once
        runtime = None if config.runtime is None else config.runtime.value
        metrics = Metrics()
        logger.info("loading %s", model.path)
        device, amp = config.hardware.device, config.hardware.amp
        with started(config.workers, model, runtime, device, threads, amp) as workers:
            batcher = Batcher(workers, config.batch_tokens, config.waiting_pairs, metrics.batch)
            try:
                service = Service(
                    Predictor(workers[0], tokenizer, model.inference, length),
                    batcher,
                    limits_of(config, Limits),
                    healthy=lambda: any(worker.ready for worker in workers),
                )
                connections = Connections(limits_of(config, ConnectionLimits), metrics.close)
                metrics.workers.set_function(lambda: sum(worker.ready for worker in workers))
                metrics.connections.set_function(lambda: len(connections))
                app = create_app(service, metrics, config.api_key)
                server = make_server(app, service, connections, access_log=config.access_log)
                warn_if_open(config)
                with repeats_left_out():
                    run_until_stopped(server, bound)
            except KeyboardInterrupt as stopped:
                number = SIGTERM if isinstance(stopped, Interrupted) else SIGINT
                raise Interrupted("stopped", number) from stopped
            finally:
                batcher.close()


def limits_of(config: ServeConfig, kind: type[Kind]) -> Kind:
    """Take limits of a kind from the configuration, whose keys have the same names."""
    return kind(**{field.name: getattr(config, field.name) for field in fields(kind)})


def warn_if_open(config: ServeConfig) -> None:
    """Say so when other machines may use the server and nothing is asked of them."""
    try:
        inside = ip_address(config.host).is_loopback
    except ValueError:
        inside = config.host == "localhost"
    if not inside and config.api_key is None:
        logger.warning("host=%s and no api_key: whoever reaches this may use it", config.host)

"""run.json: the record of a run, with all that it takes to repeat it."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infoxlm import __version__
from infoxlm.checkpoint.weights_file import weight_files
from infoxlm.errors import UserError
from infoxlm.files.atomic import atomic_file
from infoxlm.files.json_file import read_json_object
from infoxlm.files.manifest import sha256_of
from infoxlm.runs.machine import describe_process
from infoxlm.runs.run_folder import RUN_RECORD
from infoxlm.schema import BaseTrainConfig, PretrainConfig, PretrainingConfig, TrainConfig
from infoxlm.schema.json_shapes import (
    MisfitError,
    anything,
    entries,
    fields,
    items,
    optional,
    text,
)
from infoxlm.schema.plain import configuration, plain_config
from infoxlm.tokenization.tokenizer_files import files_of_ids

#: The shapes of some keys of a run.json, where they are there: older versions wrote fewer. Of the
#: others any value will do: they are compared and shown.
_RECORD = fields(
    {
        "started": text,
        "command": items(text),
        "directory": text,
        "git": optional(fields({"commit": text})),
        "environment": entries(text),
        "device": optional(text),
        "data": entries(text),
        "weights": entries(text),
        "config": entries(anything),
        "resumed": items(entries(anything)),
    }
)


def write_run_record(
    path: str | Path,
    *,
    config: Any,
    device: str | None,
    data: Mapping[str, str],
    weights: Mapping[str, str],
) -> None:
    """Write what this process is, how it was configured and what it reads, as JSON.

    Args:
        path: The run.json to write.
        config: The run's configuration, a dataclass of `infoxlm.schema`.
        device: The device that computes, such as "cpu" or "gpu:0".
        data: SHA-256 by data file, such as {"data/test/en.tsv": "ab12..."}.
        weights: SHA-256 by weight file, as `weights_checksums` gives it.
    """
    record = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "directory": str(Path.cwd()),
        **describe_process(),
        "device": device,
        "seed": getattr(config, "seed", None),
        "data": dict(data),
        "weights": dict(weights),
        "config": plain_config(config),
    }
    with atomic_file(path) as temporary:
        text = json.dumps(record, indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_run_record(folder: Path) -> dict[str, Any]:
    """Read the run.json of a run's folder.

    Raises:
        UserError: There is none, or it is damaged.
    """
    path = folder / RUN_RECORD
    try:
        record = read_json_object(path)
        _RECORD(record)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"{folder} is not the folder of a run: it has no {RUN_RECORD}",
            "Give a folder that `infoxlm train` or `infoxlm evaluate` wrote, such as "
            "outputs/train/NAME/TIME.",
        ) from error
    except (ValueError, OSError) as error:
        raise UserError(f"{path} is damaged: {error}", "Give another run.") from error
    return record


def recorded(record: Mapping[str, Any], *keys: str) -> list[Any]:
    """Get the values of some keys of a run's record.

    Raises:
        UserError: One of them is not there.
    """
    for key in keys:
        if key not in record:
            raise UserError(
                f"the run's {RUN_RECORD} does not tell its {key!r}",
                "Give the folder of a run as infoxlm wrote it.",
            )
    return [record[key] for key in keys]


def config_of(record: Mapping[str, Any], schema: type) -> Any:
    """The configuration of a recorded run, checked as if it had been given today.

    Args:
        record: The run's record, from `read_run_record`.
        schema: The dataclass of the run's command. Keys that the record lacks, because they came
            later, take its defaults.

    Raises:
        UserError: There is no configuration in the record, or it is none of this version.
    """
    wrote = f"infoxlm {record.get('version')}"
    if git := record.get("git"):
        wrote += f" at commit {git.get('commit', '')[:12]}"
    if "config" not in record:
        raise UserError(
            f"the run's {RUN_RECORD} holds no configuration: an older state of infoxlm wrote it",
            f"Repeat it by hand, with {wrote} and what `command` says there.",
        )
    try:
        return configuration(schema, record["config"])
    except MisfitError as error:
        raise UserError(
            f"the configuration in the run's {RUN_RECORD} does not fit infoxlm {__version__}: "
            f"{error}",
            f"Install what wrote it, {wrote}, or train again.",
        ) from error


def training_config(record: Mapping[str, Any]) -> BaseTrainConfig:
    """The configuration of a recorded training, as `config_of` gives it.

    Raises:
        UserError: There is none in the record, or it is none of this version.
    """
    task = (record.get("config") or {}).get("task") or {}
    pretrains = isinstance(task, Mapping) and task.get("name") == PretrainingConfig.name
    return config_of(record, PretrainConfig if pretrains else TrainConfig)  # type: ignore[no-any-return]


def weights_checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of the weights of a model folder and of their vocabulary, by path.

    The files are read rather than a manifest: it would not know of a file exchanged later.
    """
    files = weight_files(folder) + files_of_ids(folder)
    return {str(path): sha256_of(path) for path in files}

"""The dataclasses that every configuration is checked against.

Hydra refuses unknown keys and wrong types while it composes; what a type cannot say (ranges,
languages, combinations) is checked when the composed configuration becomes these objects.
"""

from infoxlm.constants import TRAINING
from infoxlm.schema.choices import (
    Amp,
    AnswerRules,
    Direction,
    ExportFormat,
    ExportPrecision,
    Faulty,
    Momentum,
    OnError,
    Pooling,
    RuntimeName,
    SelectOn,
    Similarity,
    Unanswerable,
)
from infoxlm.schema.consistency import ConsistencyConfig
from infoxlm.schema.deployment import ConvertConfig, ExportConfig, PredictConfig, ServeConfig
from infoxlm.schema.groups import DataConfig, HardwareConfig, ModelConfig, ShapeConfig
from infoxlm.schema.pretraining import CorpusConfig, PretrainConfig, PretrainingConfig
from infoxlm.schema.runs import CompareConfig, DashboardConfig, RepeatConfig, ReportConfig
from infoxlm.schema.scoring import EvaluateConfig, RetrieveConfig, TatoebaConfig
from infoxlm.schema.task import TASK_CONFIGS, QuestionAnsweringConfig, TaskConfig
from infoxlm.schema.training import (
    BaseTrainConfig,
    OptimizerConfig,
    SchedulerConfig,
    TrainConfig,
    TrainerConfig,
)

__all__ = [
    "Amp",
    "AnswerRules",
    "BaseTrainConfig",
    "CompareConfig",
    "ConsistencyConfig",
    "ConvertConfig",
    "CorpusConfig",
    "DashboardConfig",
    "DataConfig",
    "Direction",
    "EvaluateConfig",
    "ExportConfig",
    "ExportFormat",
    "ExportPrecision",
    "Faulty",
    "HardwareConfig",
    "ModelConfig",
    "Momentum",
    "OnError",
    "OptimizerConfig",
    "Pooling",
    "PredictConfig",
    "PretrainConfig",
    "PretrainingConfig",
    "QuestionAnsweringConfig",
    "RepeatConfig",
    "ReportConfig",
    "RetrieveConfig",
    "RuntimeName",
    "SchedulerConfig",
    "SelectOn",
    "ServeConfig",
    "ShapeConfig",
    "Similarity",
    "TaskConfig",
    "TatoebaConfig",
    "TrainConfig",
    "TrainerConfig",
    "Unanswerable",
    "SCHEMAS",
    "SWEEPING",
    "register_schemas",
]

#: The schema of each command.
SCHEMAS: dict[str, type] = {
    "train": TrainConfig,
    "pretrain": PretrainConfig,
    "evaluate": EvaluateConfig,
    "retrieve": RetrieveConfig,
    "convert": ConvertConfig,
    "export": ExportConfig,
    "predict": PredictConfig,
    "serve": ServeConfig,
    "dashboard": DashboardConfig,
    "report": ReportConfig,
    "compare": CompareConfig,
    "repeat": RepeatConfig,
}

#: The commands that sweep: each of their runs has a folder of its own.
SWEEPING = (*TRAINING, "evaluate", "retrieve", "compare", "repeat")


def register_schemas() -> None:
    """Tell Hydra the schemas, as ``NAME_schema`` for the defaults lists of commands and tasks."""
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    for command, schema in SCHEMAS.items():
        store.store(name=f"{command}_schema", node=schema)
    for task, options in TASK_CONFIGS.items():
        store.store(name=f"{task}_schema", node=options)

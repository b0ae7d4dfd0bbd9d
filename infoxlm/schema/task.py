"""The group `task`: what a model is trained for."""

from dataclasses import dataclass


@dataclass
class TaskConfig:
    """The task of a model; the group of a task with options of its own has a subclass."""

    name: str = "classification"

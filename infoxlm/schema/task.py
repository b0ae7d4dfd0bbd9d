"""The group `task`: what a model is trained for."""

from dataclasses import dataclass


@dataclass
class TaskConfig:
    """What a model is trained for; the group of a task with options of its own has a subclass."""

    name: str = "classification"

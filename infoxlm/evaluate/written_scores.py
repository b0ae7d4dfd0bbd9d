"""Shape of scores in results.json and training_state.json, also of versions before."""

from collections.abc import Mapping
from typing import Any

from infoxlm.evaluate.metric import ACCURACY, Metric
from infoxlm.schema.json_shapes import (
    MisfitError,
    Shape,
    boolean,
    entries,
    fields,
    items,
    number,
    optional,
    text,
    whole,
)

_METRIC = fields({"name": text, "percent": boolean, "higher_is_better": boolean}, ["name"])
_METRICS = fields({"metric": _METRIC, "secondary_metrics": items(_METRIC)})
#: The keys that are not metrics and not details.
FIXED_KEYS = (
    "average", "average_interval", "others", "others_interval", "gap", "examples", "interval",
    "metric", "chance", "secondary_metrics", "warning", "explanation", "figures",
)  # fmt: skip


def check_scores(found: Any) -> None:
    """Accept what `Scores.as_dict` gives; older versions wrote less."""
    _METRICS(found)
    main, *secondary = metrics_of(found)
    value = _value(main)
    fields(
        {
            **{metric.name: entries(_value(metric)) for metric in secondary},
            main.name: entries(value),
            "average": value,
            "average_interval": optional(items(value, 2)),
            "others": optional(value),
            "others_interval": optional(items(value, 2)),
            "gap": optional(value),
            "examples": entries(whole()),
            "interval": entries(items(value, 2)),
            "chance": optional(value),
            "warning": optional(text),
            "explanation": optional(text),
            "figures": entries(entries(number(-1e300, 1e300))),
        },
        required=["average", main.name, *(metric.name for metric in secondary)],
    )(found)


def metrics_of(written: Mapping[str, Any]) -> list[Metric]:
    """The metrics of written scores, the main one first."""
    found = [written.get("metric", ACCURACY._asdict()), *written.get("secondary_metrics", ())]
    for metric in found:
        if metric["name"] in FIXED_KEYS:
            raise MisfitError(f"has a metric with the name {metric['name']!r}")
    return [Metric(**{x: metric[x] for x in Metric._fields if x in metric}) for metric in found]


def _value(metric: Metric) -> Shape:
    """A share or a difference of two, which rounding may take just beyond 1; else any number."""
    return number(-2, 2) if metric.percent else number(-1e300, 1e300)


def chance_of_before(details: Mapping[str, Any]) -> float | None:
    """A guess's accuracy in files of before, which tell the classes by their confusion alone."""
    confusion = details.get("confusion")
    counts = next(iter(confusion.values()), None) if isinstance(confusion, dict) else None
    return 1 / len(counts) if isinstance(counts, list) and counts else None

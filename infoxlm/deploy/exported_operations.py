"""The operations that exported models have: a list made of exports, which others must match.

`exported_operations.json` was written by describing what `infoxlm export` makes of two models that
share no size, in every form and precision, and what earlier versions made. An attribute that was
the same in both models has to have one of those values; of the rest, such as a reshape's sizes,
the type has to be the same.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Self

from infoxlm.data.example import shown

LIST = "exported_operations.json"

#: Fields that describe an operation next to its attributes.
COUNTS = ("inputs", "outputs", "absent")

#: The attribute that names the layer an operation comes from, and does nothing.
LAYER = "struct_name"

#: The number of an input that is left out.
ABSENT = 0

#: Characters of the longest text in an attribute, and its largest whole number.
MOST_CHARACTERS = 1000
MOST_NUMBER = 2**31

#: What one operation of exports is like: its numbers of inputs and outputs, and its attributes.
Description = Mapping[str, Any]


class Operations:
    """Descriptions of Paddle's operations by name.

    Args:
        described: For each name `inputs` and `outputs`, the numbers that were seen; `absent`, the
            places of inputs that may be left out; and `attributes`, by name either `values` or
            `types`.
    """

    def __init__(self, described: Mapping[str, Description]) -> None:
        self.described = described

    @classmethod
    @cache
    def of_exports(cls) -> Self:
        """The operations of exports by this version and by earlier ones."""
        listed = _listed()["paddle"]
        return cls(_united(listed["now"], listed["earlier"]))

    @classmethod
    def describe(cls, models: Iterable[Iterable[Mapping[str, Any]]]) -> Self:
        """Describe operations.

        Args:
            models: The operations of all programs of each model; of models that share no size.
        """
        values: dict[str, Any] = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))
        counts: dict[str, Any] = defaultdict(lambda: {key: set() for key in COUNTS})
        for number, operations in enumerate(models):
            for each in operations:
                counts[each["#"]]["inputs"].add(len(each["I"]))
                counts[each["#"]]["outputs"].add(len(each["O"]))
                counts[each["#"]]["absent"].update(absent(each["I"]))
                for name, value in attributes_of(each).items():
                    if name == LAYER:
                        continue
                    values[each["#"]][name][number].add(json.dumps(value))
        return cls(
            {
                name: {
                    **{key: sorted(found) for key, found in counts[name].items()},
                    "attributes": {
                        attribute: _description(seen)
                        for attribute, seen in sorted(values[name].items())
                    },
                }
                for name in sorted(counts)
            }
        )

    def check(self, operation: Mapping[str, Any]) -> None:
        """Check an operation against its description.

        Raises:
            ValueError: It has none, or is not like it.
        """
        name = operation["#"]
        if not isinstance(name, str) or name not in self.described:
            raise ValueError(f"the operation {shown(str(name))}")
        known, attributes = self.described[name], attributes_of(operation)
        for key, values in (("inputs", operation["I"]), ("outputs", operation["O"])):
            if not isinstance(values, list) or len(values) not in known[key]:
                raise ValueError(f"{name} with other {key}")
        layer = attributes.pop(LAYER, {"#": "0.a_str", "D": ""})
        if type_of(layer) != "0.a_str" or not _is_modest(layer):
            raise ValueError(f"{name} with the {LAYER} {shown(json.dumps(layer))}")
        if any(place not in known["absent"] for place in absent(operation["I"])):
            raise ValueError(f"{name} without one of its inputs")
        if unknown := attributes.keys() - known["attributes"].keys():
            raise ValueError(f"{name} with the attribute {shown(min(unknown))}")
        for attribute, value in attributes.items():
            described = known["attributes"][attribute]
            # As text: for Python True, 1 and 1.0 are equal.
            same = json.dumps(value) in map(json.dumps, described.get("values", ()))
            if not same and not (
                type_of(value) in described.get("types", ()) and _is_modest(value)
            ):
                raise ValueError(f"{name} with the {attribute} {shown(json.dumps(value))}")


@cache
def onnx_operators() -> frozenset[str]:
    """The operators that exported ONNX models have, of this version and of earlier ones."""
    listed = _listed()["onnx"]
    return frozenset(listed["now"]) | frozenset(listed["earlier"])


def attributes_of(operation: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of an operation and of its outputs, by name.

    Raises:
        ValueError: They are not written as attributes are, or one is there twice.
    """
    found: dict[str, Any] = {}
    for key in ("A", "OA"):
        if not isinstance(operation[key], list):
            raise ValueError("an operation without attributes")
        for each in operation[key]:
            if not isinstance(each, dict) or each.keys() != {"N", "AT"}:
                raise ValueError("an attribute without a name or a value")
            if not isinstance(each["N"], str) or each["N"] in found:
                raise ValueError("an attribute that is there twice")
            found[each["N"]] = each["AT"]
    return found


def absent(inputs: Sequence[Mapping[str, Any]]) -> list[int]:
    """The places of inputs that an operation does without."""
    return [place for place, value in enumerate(inputs) if value["%"] == ABSENT]


def type_of(value: Any) -> str:
    """The type of an attribute, with that of its items.

    Raises:
        ValueError: It is not written as attributes are.
    """
    if not isinstance(value, dict) or value.keys() != {"#", "D"} or type(value["#"]) is not str:
        raise ValueError("an attribute's value that is none")
    if value["#"] != "0.a_array":
        return value["#"]
    if not isinstance(value["D"], list):
        raise ValueError("an attribute's list that is none")
    return f"0.a_array of {' or '.join(sorted({type_of(item) for item in value['D']}))}"


def _is_modest(value: Any) -> bool:
    """Tell whether an attribute holds numbers and texts that a model may have."""
    if isinstance(value, dict):
        return _is_modest(value["D"])
    if isinstance(value, list):
        return all(_is_modest(item) for item in value)
    if isinstance(value, str):
        return len(value) <= MOST_CHARACTERS and value.isprintable()
    if isinstance(value, float):
        return math.isfinite(value)
    return type(value) in (bool, int) and abs(value) < MOST_NUMBER


def _description(seen: Mapping[int, set[str]]) -> dict[str, Sequence[Any]]:
    """The values that an attribute had in every model, or else its types."""
    models = list(seen.values())
    if all(values == models[0] for values in models):
        return {"values": [json.loads(value) for value in sorted(models[0])]}
    values = {value for each in models for value in each}
    return {"types": sorted({type_of(json.loads(value)) for value in values})}


def _listed() -> Any:
    return json.loads(resources.files(__package__).joinpath(LIST).read_text(encoding="utf-8"))


def _united(
    one: Mapping[str, Description], other: Mapping[str, Description]
) -> dict[str, Description]:
    """Descriptions that fit whatever either fits."""
    united = dict(one)
    for name, described in other.items():
        known = united.get(name, dict.fromkeys(COUNTS, []))
        attributes = {**known.get("attributes", {})}
        for attribute, values in described["attributes"].items():
            before = attributes.get(attribute, {})
            attributes[attribute] = {
                key: [*before.get(key, ()), *values.get(key, ())] for key in ("values", "types")
            }
        united[name] = {
            **{key: [*known[key], *described[key]] for key in COUNTS},
            "attributes": attributes,
        }
    return united

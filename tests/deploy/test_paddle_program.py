import copy
import json

import pytest

from infoxlm.deploy.checked_program import CheckedProgram
from infoxlm.errors import UserError

PROGRAMS = ("inference.json", "inference_single_row.json")


@pytest.fixture
def changed(export, tmp_path):
    """Checks a copy of an exported program in which a function has changed something."""
    for file in export("fp32", False).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())

    def check(change, name=PROGRAMS[0]):
        content = json.loads((export("fp32", False) / name).read_text())
        content = change(content) or content
        (tmp_path / name).write_text(json.dumps(content))
        return CheckedProgram(tmp_path / name)

    return check


def block(content):
    return content["program"]["regions"][0]["blocks"][0]


def first(content, name):
    return next(each for each in block(content)["ops"] if each["#"] == name)


def attribute(operation, name):
    return next(each for each in operation["A"] if each["N"] == name)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_what_was_checked_is_what_paddle_reads(export, precision, name):
    program = CheckedProgram(export(precision, True) / name)
    assert program.labels == 3
    assert json.loads(program.copy.read_text()) == json.loads(program.path.read_text())
    copied = program.copy
    del program
    assert not copied.parent.exists()


def renamed(name, other):
    return lambda content: first(content, name).update({"#": other})


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("other", ["1.sign", "1.print", "2.mine", "3.if", "", 3, None, ["1.add"]])
def test_operations_that_no_export_has(changed, name, other):
    with pytest.raises(UserError, match="inference.*json holds the operation .*, which no export"):
        changed(renamed("1.tanh", other), name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_operation_that_nothing_uses(changed, name):
    """Paddle runs it all the same."""

    def add(content):
        extra = copy.deepcopy(first(content, "1.tanh"))
        extra["#"], extra["O"][0]["%"] = "1.sign", 9999
        block(content)["ops"].append(extra)

    with pytest.raises(UserError, match="holds the operation '1.sign', which no export of infoxlm"):
        changed(add, name)


def nested(key, value):
    """An operation that holds blocks of its own, as loops and branches do."""
    return lambda content: first(content, "1.tanh").update({key: value})


def second_block(content):
    content["program"]["regions"][0]["blocks"].append(block(content))


def second_region(content):
    content["program"]["regions"].append(content["program"]["regions"][0])


def without_region(content):
    content["program"]["regions"] = []


def argument(content):
    block(content)["args"] = [{"%": 7}]


def beside_program(content):
    content["other"] = content["program"]


def older(content):
    content["base_code"]["version"] = 0


def own_attribute(content):
    first(content, "1.tanh")["A"].append({"N": "file", "AT": {"#": "0.a_str", "D": "x"}})


def twice(content):
    operation = first(content, "1.softmax")
    operation["A"].append(attribute(operation, "axis"))


def valued(operation, name, value, kind=None):
    def change(content):
        held = attribute(first(content, operation), name)["AT"]
        held["D"] = value
        held["#"] = kind or held["#"]

    return change


def unknown_input(content):
    first(content, "1.tanh")["I"] = [{"%": 99999}]


def absent_input(content):
    first(content, "1.tanh")["I"] = [{"%": 0}]


def more_inputs(content):
    operation = first(content, "1.tanh")
    operation["I"] = operation["I"] * 2


def later_input(content):
    operations = block(content)["ops"]
    operations.insert(45, operations.pop())


def defined_again(content):
    first(content, "1.tanh")["O"][0]["%"] = 1


def other_type(content):
    first(content, "1.tanh")["O"][0]["TT"] = {"#": "0.t_vec", "D": [{"#": "3.t_stack"}]}


def parameter(key, value):
    return lambda content: first(content, "p").update({key: value})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (nested("regions", []), "'the keys #, A, I, O, OA, regions' where #"),
        (nested("blocks", [{"ops": []}]), "the keys #, A, I, O, OA, blocks"),
        (second_block, "several blocks of operations"),
        (second_region, "several blocks of operations"),
        (without_region, "several blocks of operations, or none"),
        (argument, "a block that takes arguments"),
        (beside_program, "the keys base_code, program, other"),
        (older, "a form of program that Paddle 3.3 does not write"),
        (lambda content: {"program": []}, "the keys program"),
        (own_attribute, "1.tanh with the attribute 'file'"),
        (twice, "an attribute that is there twice"),
        (valued("1.softmax", "axis", 0), "1.softmax with the axis '.*0.a_i32.*0"),
        (valued("1.transpose", "perm", [], "0.a_array"), "1.transpose with the perm"),
        (valued("1.data", "name", "a file"), "1.data with the name .*a file"),
        (valued("1.fetch", "col", True), "1.fetch with the col .*true"),
        (valued("1.full_int_array", "value", [], "0.a_bytes"), "1.full_int_array with the value"),
        (valued("1.full_int_array", "value", [{"#": "0.a_str", "D": "x"}]), "with the value"),
        (valued("1.layer_norm", "epsilon", "x" * 9999), "1.layer_norm with the epsilon"),
        (valued("1.tanh", "struct_name", "a", "0.a_pointer"), "1.tanh with the struct_name"),
        (unknown_input, "a value that is used before it is there"),
        (later_input, "a value that is used before it is there"),
        (absent_input, "1.tanh without one of its inputs"),
        (more_inputs, "1.tanh with other inputs"),
        (defined_again, "a value that is there twice"),
        (other_type, "where #, D belong"),
        (parameter("QA", [1]), "a parameter unlike those of exports"),
        (parameter("A", [1, 1, 1, "x"]), "a parameter unlike those of exports"),
        (parameter("I", []), "the keys #, A, DA, O, OA, QA, I"),
    ],
)
def test_what_no_export_holds(changed, change, problem):
    with pytest.raises(UserError, match=rf"inference\.json holds .*{problem}") as error:
        changed(change)
    assert "use programs of people you trust only" in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    "content", ["", "[]", "{", "{}", '{"a": NaN}', "[" * 1000, "\ud800"], ids=repr
)
def test_other_files(export, tmp_path, content):
    path = tmp_path / "inference.json"
    path.write_text(content, errors="surrogatepass")
    with pytest.raises(UserError, match=r"inference\.json (cannot be loaded|holds)"):
        CheckedProgram(path)


def test_sizes_may_be_others(changed):
    changed(valued("1.full", "value", 0.25))
    changed(valued("1.layer_norm", "epsilon", 1e-5))
    changed(valued("1.tanh", "struct_name", "/Other/"))

"""Help and completion hold what belongs to the command, explained."""

from importlib.resources import files

import pytest

from infoxlm.cli.help_page import ON_SWEEPS, comments, completions, explained, sections
from infoxlm.schema import SCHEMAS, SWEEPING

PAGE = """\
infoxlm evaluate: accuracy

Groups, chosen as GROUP=OPTION:

data: sample, xnli
optimizer: adam, adamw

Configuration (--cfg job shows it):

split: test
data:
  max_length: null
  root: null
  eval_languages:
  - ar
"""


def test_sections():
    assert sections("evaluate") == {
        "name", "split", "static_graph", "task", "model", "data", "hardware"
    }  # fmt: skip
    assert {"experiment", "sweep", "optimizer"} <= sections("train")


def test_groups_of_other_commands_are_left_out_and_keys_explained():
    page = explained(PAGE, "evaluate")
    assert "optimizer" not in page
    assert "data: sample, xnli" in page
    assert "split: test  # or dev\n" in page
    assert "  root: null  # " not in page  # its file explains root above, not behind the key
    assert "  max_length: null  # tokens of a pair; longer ones are cut\n" in page
    assert page.endswith("  eval_languages:\n  - ar\n")


def test_sweeps_are_offered_to_commands_that_sweep():
    page = f"{PAGE}\nEvery value above can be set as KEY=VALUE{ON_SWEEPS}.\n"
    assert explained(page, "evaluate").endswith(f"KEY=VALUE{ON_SWEEPS}.\n")
    assert explained(page, "serve").endswith("KEY=VALUE.\n")
    conf = files("infoxlm.conf")
    assert ON_SWEEPS in (conf / "hydra" / "help" / "command.yaml").read_text()
    for command in SCHEMAS:
        writes = "hydra/output: task_folder" in (conf / f"{command}.yaml").read_text()
        assert writes is (command in SWEEPING)


def test_comments_come_from_the_default_option_of_a_group():
    assert comments("hardware", "train")["threads"].endswith("null: all cores it may use")
    assert comments("trainer", "train")["patience"].startswith("scorings without a better one")


@pytest.mark.parametrize("command", SCHEMAS)
def test_a_comment_belongs_to_the_key_before_it(command):
    """On its line, so that none is that of a neighbour."""
    lines = (files("infoxlm.conf") / f"{command}.yaml").read_text(encoding="utf-8").splitlines()
    for key, comment in comments("", command).items():
        assert any(
            line.strip().startswith(f"{key}:") and line.endswith(f"# {comment}") for line in lines
        ), key


def test_every_key_of_a_prediction_is_explained_by_its_own():
    found = comments("", "predict")
    assert "context" not in found
    assert found["input"].endswith("also .json in SQuAD's form")


def test_completions_of_other_commands_are_left_out():
    found = "model= model/tiny optimizer= overwrite= hydra.run.dir="
    assert completions(found, "convert") == "overwrite= hydra.run.dir="
    assert completions(found, "evaluate") == "model= model/tiny hydra.run.dir="

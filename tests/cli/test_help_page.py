"""Help and completion hold what belongs to the command, explained."""

from infoxlm.cli.help_page import comments, completions, explained, sections

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


def test_comments_come_from_the_default_option_of_a_group():
    assert comments("hardware", "train")["threads"].endswith("null: all cores it may use")
    assert comments("trainer", "train")["patience"].startswith("scorings without a better one")


def test_completions_of_other_commands_are_left_out():
    found = "model= model/tiny optimizer= overwrite= hydra.run.dir="
    assert completions(found, "convert") == "overwrite= hydra.run.dir="
    assert completions(found, "evaluate") == "model= model/tiny hydra.run.dir="

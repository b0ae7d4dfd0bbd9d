import csv
import io
import json
from dataclasses import replace

from rich.console import Console

from infoxlm.sweep.sweep_report import markdown, terminal, write_sweep_report
from infoxlm.sweep.sweep_results import SweepResults

GRID = [
    [f"seed={seed}", f"optimizer.learning_rate={rate}"]
    for rate in ("1e-05", "2e-05")
    for seed in (1, 2)
]


def test_every_score_in_long_form(sweep_folder):
    folder = sweep_folder(GRID, [0.5, 0.6, 0.8, "no room"])
    write_sweep_report(SweepResults.read(folder))
    with open(folder / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 2 * 3 + 1
    row = next(r for r in rows if (r["job"], r["split"], r["language"]) == ("2", "test", "de"))
    assert (row["optimizer.learning_rate"], row["seed"], row["state"]) == ("2e-05", "1", "finished")
    assert float(row["accuracy"]) == 0.8 - 0.1 - 0.02
    assert (rows[-1]["state"], rows[-1]["accuracy"]) == ("failed", "")


def test_repeats_have_no_scores_of_their_own_for_programs(sweep_folder):
    folder = sweep_folder([GRID[0], GRID[1], GRID[0]], [0.5, 0.6, 0.5])
    results = SweepResults.read(folder)
    write_sweep_report(results)
    with open(folder / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * 3 + 1
    assert {row["repeats"] for row in rows[:-1]} == {""}
    last = rows[-1]
    assert (last["job"], last["state"], last["accuracy"], last["repeats"]) == (
        "2", "finished", "", "0",
    )  # fmt: skip
    text = markdown(results)
    assert "| [2](2) | 1 | 50.0 | 40.0 | 42.0 | 4.0 |  | [0](0) |" in text
    assert "mean of 2 seeds" in text


def test_markdown(sweep_folder):
    folder = sweep_folder(GRID, [0.5, 0.6, 0.8, "no | room"])
    text = markdown(SweepResults.read(folder))
    assert text.startswith("# Sweep of 4 runs: optimizer.learning_rate, seed\n")
    assert "**3 of 4 runs finished. Best on dev: optimizer.learning_rate=2e-05 with 80.0 %" in text
    assert "| 2e-05 | 1 | 80.0 ★ | 70.0 | 72.0 | 4.0 |" in text
    assert "| 1e-05 | 2 | 55.0 ± 7.1 | 45.0 ± 7.1 | 47.0 ± 7.1 | 4.0 ± 0.0 |" in text
    assert "| [2](2) | 2e-05 | 1 | 80.0 ★ | 70.0 | 72.0 | 4.0 | 1.5 |" in text
    assert "| de | 68.0 | 43.0 ± 7.1 |" in text
    assert "| [3](3) | 2e-05 | 2 | failed | no \\| room |" in text
    assert f"infoxlm train --multirun sweep.resume={folder}" in text


def test_runs_that_are_not_scored_alike_are_told(sweep_folder):
    folder = sweep_folder(GRID, [0.5, 0.6, 0.8, "no room"])
    assert "scored alike" not in markdown(SweepResults.read(folder))
    path = folder / "0" / "results.json"
    results = json.loads(path.read_text())
    results["dev"]["explanation"] = "By block 3."
    path.write_text(json.dumps(results))
    told = "Not all are scored alike, so do not compare them: By block 3."
    assert told in markdown(SweepResults.read(folder))


def test_hundred_runs_stay_narrow(sweep_folder):
    jobs = [[f"optimizer.learning_rate={0.1 / (n + 3)}", f"seed={n}"] for n in range(100)]
    text = markdown(SweepResults.read(sweep_folder(jobs, [0.5 + n / 1000 for n in range(100)])))
    assert max(map(len, text.splitlines())) < 160
    assert "## Languages" not in text
    assert "| 0.00098 |" in text


def test_terminal_shows_the_best_first_and_says_what_is_left_out(sweep_folder):
    jobs = [[f"optimizer.learning_rate={n}"] for n in range(1, 31)]
    results = SweepResults.read(sweep_folder(jobs, [n / 100 for n in range(1, 31)]))
    console = Console(file=io.StringIO(), width=80)
    console.print(terminal(results))
    lines = console.file.getvalue().splitlines()
    assert lines[3].split()[0] == "30"
    assert "18 more in results.md" in lines


def test_words_that_have_to_be_typed_are_no_part_of_the_command(sweep_folder):
    folder = sweep_folder(GRID, [0.5, 0.6, 0.8, 0.9])
    results = SweepResults.read(folder)
    asked = ["seed=1,2", "hydra.job.chdir=true", "name=${seed}", "data.cache_dir=there"]
    results = replace(results, record=replace(results.record, words=["-m", *asked]))
    blocks = markdown(results).split("\n\n")
    at = blocks.index("## Asked for")
    assert blocks[at + 1] == "    infoxlm train --multirun seed=1,2"
    assert all(word in blocks[at + 2] for word in asked[1:])

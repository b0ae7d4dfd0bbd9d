import matplotlib.image
import pytest
from matplotlib.figure import Figure

from infoxlm.sweep.sweep_plot import (
    colouring_key,
    places_of,
    plot_sweep,
    shortened,
    spans_decades,
)
from infoxlm.sweep.sweep_results import SweepResults

RATE, RATIO = "optimizer.learning_rate", "scheduler.warmup_ratio"


def jobs(*keys, count=4):
    values = {RATE: lambda n: 10.0 ** -(n % 4), RATIO: lambda n: n // 4 / 10, "seed": lambda n: n,
              "model": lambda n: ["tiny", "e5_small"][n % 2]}  # fmt: skip
    return [[f"{key}={values[key](n)}" for key in keys] for n in range(count)]


@pytest.mark.parametrize(
    "keys", [[RATE], [RATE, "seed"], ["seed"], [RATE, RATIO], ["model", RATE, RATIO, "seed"]]
)
@pytest.mark.parametrize("count", [2, 40])
def test_any_keys_are_drawn(keys, count, sweep_folder, tmp_path):
    folder = sweep_folder(jobs(*keys, count=count), [n / count for n in range(count)])
    plot_sweep(SweepResults.read(folder), tmp_path / "x.png")
    image = matplotlib.image.imread(tmp_path / "x.png")
    assert image[..., :3].std() > 0.01


def test_odd_values_are_drawn(sweep_folder, tmp_path):
    values = ["1e308", "-1e308", "1e-320", "$a_{$ [/red]\n", "w" * 3000, "", "0", "1e999"]
    folder = sweep_folder([[f"name={x}", f"$k={x}"] for x in values], [n / 8 for n in range(8)])
    plot_sweep(SweepResults.read(folder), tmp_path / "x.png")
    assert matplotlib.image.imread(tmp_path / "x.png").shape[0] < 1000
    folder = sweep_folder([[f"seed={x}"] for x in values[:3] + ["7"]], [0.1, 0.2, 0.3, 0.4])
    plot_sweep(SweepResults.read(folder), tmp_path / "x.png")


@pytest.mark.parametrize("spread", [1, 30])
def test_labels_of_a_logarithmic_axis_are_numbers(spread, sweep_folder, tmp_path, monkeypatch):
    folder = sweep_folder(
        [[f"{RATE}={2e-4 * (1 + spread * n / 3)}"] for n in range(12)], [n / 12 for n in range(12)]
    )
    labels = []
    save = Figure.savefig

    def noted(figure, *args, **kwargs):
        save(figure, *args, **kwargs)
        axis = figure.axes[0].xaxis
        labels.extend(x.get_text() for x in axis.get_ticklabels() + axis.get_ticklabels(minor=True))

    monkeypatch.setattr(Figure, "savefig", noted)
    plot_sweep(SweepResults.read(folder), tmp_path / "x.png")
    written = [float(label.replace("−", "-")) for label in labels if label]  # no formulas
    assert len(written) >= 2


def test_values_have_a_line_and_little_room():
    assert shortened("a\nb\x1b") == "a b "
    assert shortened("e5_small") == "e5_small"
    assert len(shortened("w" * 99)) == 24


def test_numbers_stand_at_themselves_and_names_side_by_side():
    assert places_of(["1e-5", "2"]) == ([1e-5, 2.0], None)
    assert places_of(["tiny", "e5", "tiny"]) == ([1, 0, 1], ["e5", "tiny"])
    assert places_of(["null", "2"])[1] is not None
    assert places_of(["1e300", "2"]) == ([1, 0], ["2", "1e300"])


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [([1e-5, 2e-5, 5e-5], True), ([0.1, 0.2], False), ([0, 1e-3], False), ([1, 2, 5], False),
     ([16, 256], False), ([10, 1000], True)],
)  # fmt: skip
def test_learning_rates_are_drawn_on_a_logarithmic_axis(values, logarithmic):
    assert spans_decades(values) is logarithmic


def test_colour_tells_the_other_key_with_the_fewest_values(sweep_folder):
    folder = sweep_folder(jobs(RATE, RATIO, "model", count=8), [0.5] * 8)
    results = SweepResults.read(folder)
    assert colouring_key(results.keys, results.finished, RATE) in (RATIO, "model")
    assert colouring_key([RATE], results.finished, RATE) is None

import pytest
from omegaconf import OmegaConf

from infoxlm.schema import OptimizerConfig, TrainConfig
from infoxlm.sweep.job_record import JobRecord, JobState, read_job
from infoxlm.sweep.repeats import Repeats, depends_on_job, earlier_twins, take_result


def composed(**values):
    return OmegaConf.merge(OmegaConf.structured(TrainConfig), values)


def test_equal_configurations_repeat_the_first():
    jobs = {number: composed(seed=seed) for number, seed in enumerate((1, 2, 1, "1", 2))}
    assert Repeats().among(jobs) == {2: 0, 3: 0, 4: 1}


def test_repeats_are_known_from_one_batch_to_the_next():
    repeats = Repeats()
    assert repeats.among({0: composed(seed=1), 1: composed(seed=2)}) == {}
    assert repeats.among({2: composed(seed=2), 3: composed(seed=3)}) == {2: 1}
    assert repeats.among({4: composed(seed=3)}) == {4: 3}


def test_numbers_are_compared_not_how_they_are_written():
    rates = ("1e-4", "0.0001", 1e-4, "2e-4")
    jobs = {
        number: composed(optimizer=OptimizerConfig("adam", float(rate)))
        for number, rate in enumerate(rates)
    }
    assert Repeats().among(jobs) == {1: 0, 2: 0}


@pytest.mark.parametrize(
    ("text", "depends"),
    [("run_${hydra:job.num}", True), ("${hydra.job.num}", True), ("${ now:%S}", True),
     ("${random_hex:4}", True), ("${oc.env:HOME}/hydra.", False), ("${seed}", False)],
)  # fmt: skip
def test_what_is_another_in_each_job_repeats_nothing(text, depends):
    assert depends_on_job(text) is depends
    jobs = {0: composed(name=text), 1: composed(name=text)}
    assert Repeats().among(jobs) == ({} if depends else {1: 0})
    assert earlier_twins([{"name": text}, {"name": text}]) == [[], [] if depends else [0]]


def test_twins_were_typed_the_same_in_any_order():
    jobs = [{"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": "1"}, {"a": "1", "b": "2"}]
    assert earlier_twins(jobs) == [[], [0], [], [0, 1]]


@pytest.mark.parametrize(
    "came",
    [JobRecord(JobState.finished, "host", 7, "then", "now", 0.5),
     JobRecord(JobState.failed, problem="no room", remedy="Make some.")],
)  # fmt: skip
def test_result_of_the_first_is_taken(came, tmp_path):
    (tmp_path / "0").mkdir()
    came.write(tmp_path / "0")
    take_result(tmp_path, 1, 0)
    taken = read_job(tmp_path / "1")
    assert (taken.state, taken.value, taken.problem, taken.remedy, taken.repeats) == (
        came.state, came.value, came.problem, came.remedy, 0,
    )  # fmt: skip


def test_nothing_is_taken_of_a_job_that_has_not_ended(tmp_path):
    take_result(tmp_path, 1, 0)
    assert read_job(tmp_path / "1").state is JobState.missing

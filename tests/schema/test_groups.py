import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from infoxlm.data.xnli import LANGUAGES
from infoxlm.errors import UserError
from infoxlm.schema import (
    SCHEMAS,
    Amp,
    DashboardConfig,
    DataConfig,
    HardwareConfig,
    ModelConfig,
    OptimizerConfig,
    SchedulerConfig,
    ShapeConfig,
    TrainConfig,
    TrainerConfig,
)
from infoxlm.schema.checks import check_languages


def adamw(**changes):
    return OptimizerConfig(**{"name": "adamw", "learning_rate": 1e-5, **changes})


@pytest.mark.parametrize(
    ("make", "key", "right", "wrong"),
    [
        (lambda x: DataConfig(max_length=x), "data.max_length", [8, 512], [7, 513]),
        (lambda x: DataConfig(limit_train=x), "data.limit_train", [None, 1], [0, -1]),
        (lambda x: DataConfig(limit_eval=x), "data.limit_eval", [None, 1], [0]),
        (lambda x: ModelConfig(dropout=x), "model.dropout", [None, 0, 0.99], [1, -0.1]),
        (lambda x: ShapeConfig(hidden_size=x), "model.shape.hidden_size", [12, 24],
         [0, -8, 2**31]),
        (lambda x: ShapeConfig(hidden_size=32, num_attention_heads=x),
         "model.shape.num_attention_heads", [1, 8, 32], [0, 5, 64]),
        (lambda x: ShapeConfig(layer_norm_eps=x), "model.shape.layer_norm_eps", [1e-12, 0.001],
         [0, -1, 0.002, float("nan")]),
        (lambda x: ShapeConfig(num_hidden_layers=x), "model.shape.num_hidden_layers", [1], [0]),
        (lambda x: adamw(learning_rate=x), "optimizer.learning_rate", [1e-9, 3.0],
         [0, -1e-5, float("nan"), float("inf")]),
        (lambda x: adamw(weight_decay=x), "optimizer.weight_decay", [0, 0.5], [1, -0.1]),
        (lambda x: adamw(beta1=x), "optimizer.beta1", [0, 0.999], [1]),
        (lambda x: adamw(beta2=x), "optimizer.beta2", [0, 0.999], [1]),
        (lambda x: adamw(epsilon=x), "optimizer.epsilon", [1e-12], [0, float("inf")]),
        (lambda x: adamw(max_grad_norm=x), "optimizer.max_grad_norm", [None, 0.1],
         [0, -1, float("nan"), float("inf")]),
        (lambda x: adamw(name=x), "optimizer.name", ["adam", "lamb"], ["sgd", "AdamW", ""]),
        (lambda x: SchedulerConfig(x), "scheduler.name", ["linear", "cosine"], ["cosin", ""]),
        (lambda x: SchedulerConfig("linear", x), "scheduler.warmup_ratio", [0, 0.9], [1, -1]),
        (lambda x: HardwareConfig("cpu", threads=x), "hardware.threads", [None, 1, 1024],
         [0, -1, 1025]),
        (lambda x: HardwareConfig("cpu", micro_batch_tokens=x), "hardware.micro_batch_tokens",
         [1], [0]),
        (lambda x: HardwareConfig(x), "hardware.device", ["cpu", "gpu", "gpu:0", "gpu:11"],
         ["tpu", "gpu:", "gpu:x", "cpu:0", "GPU", ""]),
        (lambda x: TrainerConfig(effective_batch_size=x), "trainer.effective_batch_size",
         [1, 256], [0]),
        (lambda x: TrainerConfig(max_steps=x), "trainer.max_steps", [None, 1], [0, 2**31]),
        (lambda x: TrainerConfig(patience=x), "trainer.patience", [None, 1], [0]),
        (lambda x: TrainerConfig(keep_checkpoints=x), "trainer.keep_checkpoints", [0, 3], [-1]),
        (lambda x: DashboardConfig(port=x), "port", [1, 65535], [0, 65536]),
    ],
)  # fmt: skip
def test_ranges(make, key, right, wrong):
    for value in right:
        make(value)
    for value in wrong:
        with pytest.raises(UserError, match=f"^{key}=") as caught:
            make(value)
        assert str(value) in caught.value.problem
        assert caught.value.remedy.startswith("It must be ")


CODES = ["ar", "ko", "ro", "swh", "zh-Hant", "zho_Hans", "pt-BR", "es-419", "sr-Latn-RS"]


@given(st.lists(st.sampled_from(CODES), min_size=1, max_size=20))
def test_languages_in_any_order_but_once(languages):
    if len(set(languages)) == len(languages):
        check_languages("data.eval_languages", languages)
    else:
        with pytest.raises(UserError, match="each once"):
            check_languages("data.eval_languages", languages)


@pytest.mark.parametrize(
    ("wrong", "right"), [("DE", "de"), ("zh-cn", "zh-CN"), ("ZH_hant", "zh_Hant"), ("Swh", "swh")]
)
def test_usual_case_of_a_code(wrong, right):
    with pytest.raises(UserError, match=f"'{wrong}' is not the .* Did you mean {right}\\?"):
        check_languages("data.train_languages", ["en", wrong])


@pytest.mark.parametrize("wrong", ["german", "", "x", "d3", "all", "en,de", "../en", "de-"])
def test_what_is_no_code(wrong):
    with pytest.raises(UserError, match="is not the code of a language. A code has two or three"):
        check_languages("data.train_languages", [wrong])


def test_norwegian_in_a_yaml_without_quotes():
    configuration = OmegaConf.create("{name: own, cache_dir: cache, languages: [en, no]}")
    with pytest.raises(UserError, match=r"data.languages: 'False' is not .* In a YAML, no is Fal"):
        OmegaConf.to_object(OmegaConf.merge(DataConfig, configuration))


def test_no_language_at_all():
    with pytest.raises(UserError, match=r"data.eval_languages=\[\]\. Name at least one"):
        DataConfig(eval_languages=[])


def test_labels_can_be_told_apart():
    assert DataConfig().labels is None
    for right in (["neutral", "contradiction", "entailment"], ["0", "1"], ["not a pair", "ja"]):
        assert DataConfig(labels=right).labels == right
    for wrong in (
        [],
        ["one"],
        ["neutral"] * 3,
        ["no", "No"],
        ["a", " a"],
        ["", "b"],
        ["a\nb", "c"],
    ):
        with pytest.raises(UserError, match=r"(?s)^data.labels=\[.*\]\. Name two labels or more"):
            DataConfig(labels=wrong)


def test_fp16_needs_a_gpu():
    assert HardwareConfig("gpu:1", amp=Amp.bf16).amp is Amp.bf16
    assert HardwareConfig("cpu", amp=Amp.bf16).amp is Amp.bf16
    with pytest.raises(UserError, match="hardware.amp=fp16 on a CPU.*hardware=gpu_fp16"):
        HardwareConfig("cpu", amp=Amp.fp16)


def test_adam_has_no_weight_decay():
    adamw(weight_decay=0.01)
    with pytest.raises(UserError, match="weight_decay=0.01.*optimizer=adamw"):
        adamw(name="adam", weight_decay=0.01)


def test_selecting_on_english_needs_english(compose):
    german = "data.eval_languages=[de]"
    compose("train", german)
    with pytest.raises(UserError, match="trainer.select_on=dev_en, but data.eval_languages"):
        compose("train", german, "trainer.select_on=dev_en")


@pytest.mark.parametrize(
    ("seed", "fits"), [(0, True), (2**31 - 1, True), (-1, False), (2**31, False)]
)
def test_seed(compose, seed, fits):
    if fits:
        assert compose("train", f"seed={seed}").seed == seed
    else:
        with pytest.raises(UserError, match="seed="):
            compose("train", f"seed={seed}")


@pytest.mark.parametrize("split", ["dev", "test"])
def test_split(compose, split):
    assert compose("evaluate", f"split={split}").split == split


def test_composed_configuration_is_made_of_the_schemas(compose):
    config = compose("train", "model=tiny", "hardware=gpu_fp16")
    assert isinstance(config, TrainConfig)
    assert isinstance(config.model.shape, ShapeConfig)
    assert config.hardware.amp is Amp.fp16
    assert config.data.eval_languages == list(LANGUAGES)
    assert config.optimizer.learning_rate == 2e-5


def test_every_schema_says_what_it_is():
    for schema in SCHEMAS.values():
        assert dataclasses.is_dataclass(schema)
        assert schema.__doc__


def test_several_devices_are_not_one_that_is_named():
    assert HardwareConfig("gpu", devices=4).devices == 4
    with pytest.raises(UserError, match="hardware.device=gpu:1 with hardware.devices=2"):
        HardwareConfig("gpu:1", devices=2)
    with pytest.raises(UserError, match=r"hardware.devices=1025 is out of range. .* at most 1024"):
        HardwareConfig("cpu", devices=1025)

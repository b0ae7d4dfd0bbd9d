"""Fixtures for everything: a tiny tokenizer, a tiny model, and real data where there is some."""

import io
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import sentencepiece
from matplotlib.figure import Figure
from numpy.typing import NDArray

from infoxlm.checkpoint.architecture import expected_tensors
from infoxlm.constants import BOS_ID, EOS_ID
from infoxlm.data.xnli import WORDS
from infoxlm.errors import UserError
from infoxlm.evaluate.predictions import Predictions, write_predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.runs.finished_run import FinishedRun
from infoxlm.schema import (
    DataConfig,
    HardwareConfig,
    ModelConfig,
    OptimizerConfig,
    SchedulerConfig,
    TrainConfig,
    TrainerConfig,
)
from infoxlm.stopping import Interrupted
from infoxlm.tasks.classification.scores import classifier_predictions, classifier_scores
from infoxlm.tokenization.token_ids import TokenIds, offsets_from
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

SENTENCES = [
    "the cat sat on the mat and the dog ran home",
    "a woman is playing the violin in the park, never alone.",
    "der kleine Hund läuft schnell durch den Garten!",
    "le garçon mange une pomme rouge à la maison",
    "el niño come una manzana en la cocina?",
    "маленький мальчик читает книгу дома",
    "το παιδί διαβάζει ένα βιβλίο στο σπίτι",
    "çocuk evde kitap okuyor ve çay içiyor",
    "बच्चा घर पर किताब पढ़ रहा है",
    "الولد يقرأ كتابا في البيت",
    "بچہ گھر میں کتاب پڑھ رہا ہے",
    "เด็กอ่านหนังสืออยู่ที่บ้าน ไม่ใช่ที่โรงเรียน",
    "cậu bé đang đọc sách ở nhà",
    "mtoto anasoma kitabu nyumbani",
    "孩子在家里看书,狗在睡觉。",
    "yesterday our teacher was very happy because everybody finished the exercise early",
    "several people were waiting outside the station while it rained",
    "gestern haben wir zusammen gekocht und viel gelacht",
    "hier nous avons visité un musée près de la rivière",
    "mañana vamos a comprar zapatos nuevos para la fiesta",
    "вчера мы купили новую машину и поехали на море",
    "вчера времето беше хубаво и играхме навън",
    "χθες αγοράσαμε καινούργια παπούτσια για τη γιορτή",
    "dün yeni ayakkabı aldık ve denize gittik",
    "कल हमने नई गाड़ी खरीदी और समुद्र देखने गए",
    "أمس اشترينا سيارة جديدة وذهبنا إلى البحر",
    "کل ہم نے نئی گاڑی خریدی اور سمندر دیکھنے گئے",
    "เมื่อวานเราซื้อรถใหม่และไปทะเล",
    "hôm qua chúng tôi mua xe mới và đi biển",
    "jana tulinunua gari jipya na kwenda baharini",
    "昨天我们买了新车,然后去了海边。",
    "0 1 2 3 4 5 6 7 8 9 10 12 2019",
]


@pytest.fixture(scope="session")
def sentencepiece_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A unigram model in XLM-R's layout with about 400 pieces."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4),
        model_writer=model,
        model_type="unigram",
        vocab_size=400,
        hard_vocab_limit=False,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
    )
    file = tmp_path_factory.mktemp("sentencepiece") / "sentencepiece.bpe.model"
    file.write_bytes(model.getvalue())
    return file


@pytest.fixture
def config_file() -> Callable[..., Path]:
    """Writes the config.json of a small XLM-R into a folder, with changes."""

    def write(folder: Path, **changes: Any) -> Path:
        config = {
            "model_type": "xlm-roberta", "vocab_size": 100, "hidden_size": 16,
            "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
            "max_position_embeddings": 40, "type_vocab_size": 1, "pad_token_id": 1,
        }  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def tiny_model(sentencepiece_file: Path) -> Callable[..., Any]:
    """Builds a two-layer model for the tiny tokenizer, without dropout, in evaluation mode.

    Every parameter is drawn, biases and LayerNorm too, so that none can be mistaken for another.
    """
    vocab_size = InfoXLMTokenizer(sentencepiece_file).vocab_size

    def build(kind: str = "InfoXLMForSequenceClassification", seed: int = 7, **changes: Any) -> Any:
        import paddle

        import infoxlm

        settings: dict[str, Any] = {
            "vocab_size": vocab_size,
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 48,
            "max_position_embeddings": 40,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "id2label": dict(enumerate(WORDS)),
        }
        paddle.seed(seed)
        model = getattr(infoxlm, kind)(infoxlm.InfoXLMConfig(**settings | changes))
        rng = np.random.default_rng(seed)
        for parameter in model.parameters():
            drawn = rng.normal(0, 0.3, parameter.shape).astype(np.float32)
            parameter.set_value(parameter + paddle.to_tensor(drawn))
        model.eval()
        return model

    return build


@pytest.fixture
def bf16_machine() -> None:
    """Skip where this machine multiplies in nothing but float32."""
    from infoxlm.model.cpu import bf16_library

    try:
        bf16_library()
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture
def train_until_stopped(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Path], None]:
    """Trains until SIGTERM comes before the sixth step: `train_until_stopped(config, folder)`."""
    from infoxlm.commands import train
    from infoxlm.train.trainer import Trainer

    step = Trainer.optimizer_step

    def interrupted(self: Trainer) -> Any:
        if self.state.step == 5:
            signal.raise_signal(signal.SIGTERM)
        return step(self)

    def stopped(config: Any, folder: Path) -> None:
        with monkeypatch.context() as patch, pytest.raises(Interrupted):
            patch.setattr(Trainer, "optimizer_step", interrupted)
            train.run(config, folder)

    return stopped


@pytest.fixture
def saved_model(tiny_model: Callable[..., Any], tmp_path: Path) -> Callable[..., Path]:
    """Saves a tiny model and gives its folder."""

    def save(kind: str = "InfoXLMForSequenceClassification", **changes: Any) -> Path:
        tiny_model(kind, **changes).save_pretrained(tmp_path)
        return tmp_path

    return save


@pytest.fixture(scope="session")
def random_token_ids() -> Callable[..., TokenIds]:
    """Draws sequences `<s> ... </s>` of different lengths, from the first 60 of the ids."""

    def draw(count: int, longest: int = 20, seed: int = 0) -> TokenIds:
        rng = np.random.default_rng(seed)
        lengths = rng.integers(4, longest + 1, count)
        offsets = offsets_from(lengths)
        ids = rng.integers(4, 60, offsets[-1]).astype(np.int32)
        ids[offsets[:-1]] = BOS_ID
        ids[offsets[1:] - 1] = EOS_ID
        return TokenIds(ids, offsets)

    return draw


TORCH_SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 80,
    "type_vocab_size": 1,
}


@pytest.fixture(scope="session")
def tiny_torch_config(sentencepiece_file: Path) -> dict[str, Any]:
    """The config.json of a tiny XLM-R whose vocabulary is the tiny tokenizer's."""
    return {
        "model_type": "xlm-roberta",
        "architectures": ["XLMRobertaModel"],
        "vocab_size": InfoXLMTokenizer(sentencepiece_file).vocab_size,
        "layer_norm_eps": 1e-5,
        "hidden_act": "gelu",
        "torch_dtype": "float16",
        "pad_token_id": 1,
        **TORCH_SIZES,
    }


@pytest.fixture(scope="session")
def tiny_state(tiny_torch_config: dict[str, Any]) -> Callable[..., dict[str, np.ndarray]]:
    """Draws a state dict in PyTorch's layout, with the parts that are asked for."""

    def draw(*parts: str, **changes: Any) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(7)
        expected = expected_tensors({**tiny_torch_config, **changes}, parts)
        return {
            name: rng.normal(size=tensor.torch_shape).astype(np.float32)
            for name, tensor in expected.items()
        }

    return draw


@pytest.fixture(scope="session")
def train_config() -> Callable[..., TrainConfig]:
    """The configuration of a run on these inputs; keywords are those of ``trainer``."""

    def make(
        *,
        seed: int = 1,
        optimizer: dict[str, Any] | None = None,
        hardware: dict[str, Any] | None = None,
        dropout: float = 0.0,
        **trainer: Any,
    ) -> TrainConfig:
        steps = {"effective_batch_size": 10, "max_steps": 6, "eval_every": 2, "log_every": 2}
        return TrainConfig(
            name="tiny",
            seed=seed,
            model=ModelConfig("tiny", dropout=dropout),
            data=DataConfig("sample", eval_languages=["en", "de"], cache_dir="unused"),
            optimizer=OptimizerConfig(
                **{"name": "adamw", "learning_rate": 2e-2, "weight_decay": 0.01} | (optimizer or {})
            ),
            scheduler=SchedulerConfig("linear", 0.1),
            hardware=HardwareConfig(
                **{"device": "cpu", "micro_batch_tokens": 160} | (hardware or {})
            ),
            trainer=TrainerConfig(**steps | trainer),
        )

    return make


def answers(right: Mapping[str, NDArray[np.bool_]]) -> Predictions:
    """Predictions of one of three classes that are right where told to be, row by row."""
    labels = np.concatenate([np.arange(len(x)) % 3 for x in right.values()])
    given = np.where(np.concatenate(list(right.values())), labels, (labels + 1) % 3)
    return classifier_predictions(
        np.repeat(list(right), [len(x) for x in right.values()]),
        np.concatenate([np.arange(len(x)) for x in right.values()]),
        labels,
        0.1 + 0.7 * np.eye(3, dtype=np.float32)[given],
        WORDS,
    )


@pytest.fixture
def scores_of() -> Callable[[Mapping[str, NDArray[np.bool_]]], Scores]:
    """Scores of a classifier that is right where told to be."""
    return lambda right: classifier_scores(answers(right), WORDS)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., FinishedRun]:
    """Writes a run's folder with test predictions that are right where told to be."""

    def make(
        name: str,
        right: Mapping[str, NDArray[np.bool_]],
        settings: Mapping[str, Any] | None = None,
        record: Mapping[str, Any] | None = None,
        **results: Any,
    ) -> FinishedRun:
        folder = tmp_path / name
        predictions = answers(right)
        write_predictions(folder / "predictions.jsonl", predictions)
        results = {
            "task": "train",
            "experiment": name,
            "model": "tiny",
            "data": "sample",
            "test": classifier_scores(predictions, WORDS).as_dict(),
            "settings": {"seed": 42, **(settings or {})},
        } | results
        (folder / "results.json").write_text(json.dumps(results))
        (folder / "run.json").write_text(json.dumps({"version": "0.1.0", **(record or {})}))
        return FinishedRun.read(folder)

    return make


@pytest.fixture
def drawn(monkeypatch):
    """Figures that were saved, for looking into."""
    figures = []
    save = Figure.savefig

    def savefig(self, *arguments, **options):
        figures.append(self)
        return save(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return figures


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache of a whole session, so that no test writes into the home folder."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("INFOXLM_CACHE", str(folder))
        yield folder


class Finished(NamedTuple):
    """The end of a command line: exit code and output."""

    code: int
    out: str
    err: str


@pytest.fixture
def infoxlm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Finished]]:
    """Runs a command line inside this process, in an empty folder."""
    from hydra.core.global_hydra import GlobalHydra

    from infoxlm.cli import entry as cli
    from infoxlm.hardware.environment import mkl_path

    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", sys.argv)
    # What the command line sets itself, so that it is set back, and so that a paddle which
    # another test has imported is not told to have been imported too early.
    for name, value in (("OMP_NUM_THREADS", "1"), ("MKL_DEBUG_CPU_TYPE", mkl_path() or "5")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def run(*words: str) -> Finished:
        GlobalHydra.instance().clear()
        code: Any = 0
        try:
            cli.main(words)
        except SystemExit as end:
            code = end.code
        return Finished(code, *capsys.readouterr())

    yield run
    logging.captureWarnings(False)
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    GlobalHydra.instance().clear()


@pytest.fixture(scope="session")
def compose() -> Callable[..., Any]:
    """Composes and checks a configuration as a command does: `compose("train", "model=tiny")`."""
    import hydra
    from omegaconf import OmegaConf

    from infoxlm.schema import register_schemas
    from infoxlm.schema.config_errors import check_known_keys

    def composed(command: str, *overrides: str) -> Any:
        register_schemas()
        with hydra.initialize_config_module("infoxlm.conf", version_base="1.3"):
            configuration = hydra.compose(command, list(overrides))
        check_known_keys(configuration, command)
        return OmegaConf.to_object(configuration)

    return composed


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data that INFOXLM_SHARED names."""
    if not os.environ.get("INFOXLM_SHARED"):
        pytest.skip("INFOXLM_SHARED is not set")
    return Path(os.environ["INFOXLM_SHARED"])


@pytest.fixture(scope="session")
def e5_torch() -> Path:
    """The folder of the e5_small checkpoint in PyTorch format that INFOXLM_E5 names."""
    if not os.environ.get("INFOXLM_E5"):
        pytest.skip("INFOXLM_E5 is not set")
    return Path(os.environ["INFOXLM_E5"])

"""Fixtures that everything shares: a tiny tokenizer, and real data where there is some."""

import io
import os
from pathlib import Path

import pytest
import sentencepiece

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


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data that INFOXLM_SHARED names."""
    if "INFOXLM_SHARED" not in os.environ:
        pytest.skip("INFOXLM_SHARED is not set")
    return Path(os.environ["INFOXLM_SHARED"])


@pytest.fixture(scope="session")
def e5_torch() -> Path:
    """The folder of the e5_small checkpoint in PyTorch format that INFOXLM_E5 names."""
    if "INFOXLM_E5" not in os.environ:
        pytest.skip("INFOXLM_E5 is not set")
    return Path(os.environ["INFOXLM_E5"])

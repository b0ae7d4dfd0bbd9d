"""A corpus of three languages, small enough to be read."""

import pytest

_EN = (
    "the cat sleeps", "a dog runs", "the house is red", "we drink tea", "she reads a book",
    "he eats an apple", "the river is long", "birds sing early", "it rains today",
    "the train is late", "my brother cooks", "they play outside", "snow falls slowly",
    "the door is open", "our garden is green", "children laugh loudly", "the soup is hot",
    "a letter came", "the shop closes soon", "music fills the room",
)  # fmt: skip
_DE = (
    "die Katze schläft", "ein Hund rennt", "das Haus ist rot", "wir trinken Tee",
    "sie liest ein Buch", "er isst einen Apfel", "der Fluss ist lang", "Vögel singen früh",
    "heute regnet es", "der Zug hat Verspätung", "mein Bruder kocht", "sie spielen draußen",
    "Schnee fällt langsam", "die Tür ist offen", "unser Garten ist grün", "Kinder lachen laut",
    "die Suppe ist heiß", "ein Brief kam", "der Laden schließt bald", "Musik füllt den Raum",
)  # fmt: skip
_FR = (
    "le chat dort", "un chien court", "la maison est rouge", "nous buvons du thé",
    "elle lit un livre", "il mange une pomme", "le fleuve est long", "les oiseaux chantent tôt",
    "il pleut aujourd'hui", "le train est en retard", "mon frère cuisine", "ils jouent dehors",
    "la neige tombe lentement", "la porte est ouverte", "notre jardin est vert",
    "les enfants rient fort", "la soupe est chaude", "une lettre est arrivée",
    "le magasin ferme bientôt", "la musique remplit la pièce",
)  # fmt: skip
TEXTS = {"en": _EN, "de": _DE, "fr": _FR}


def write_pairs(folder, start=0, end=None):
    """Tables en-de.tsv and en-fr.tsv."""
    folder.mkdir(parents=True, exist_ok=True)
    for code in ("de", "fr"):
        rows = zip(_EN[start:end], TEXTS[code][start:end], strict=True)
        lines = [f"en\t{code}", *(f"{a}\t{b}" for a, b in rows)]
        (folder / f"en-{code}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def corpus(tmp_path):
    """A folder with mono/{en,de,fr}.txt, parallel/en-{de,fr}.tsv and eval/en-{de,fr}.tsv."""
    folder = tmp_path / "corpus"
    (folder / "mono").mkdir(parents=True)
    for code, texts in TEXTS.items():
        (folder / "mono" / f"{code}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    write_pairs(folder / "parallel", 0, 14)
    write_pairs(folder / "eval", 14)
    return folder


@pytest.fixture
def words(corpus):
    """A command line that pre-trains on that corpus in seconds."""
    return [
        "model=tiny", "task.block=1", "task.queue_size=8", "task.momentum=0.9",
        f"data.mono=[{corpus}/mono]", f"data.parallel=[{corpus}/parallel]",
        f"data.eval_pairs={corpus}/eval", "data.held_out=1", "data.max_length=24",
        f"data.cache_dir={corpus.parent}/cache", "optimizer.learning_rate=0.003",
        "trainer.effective_batch_size=4", "trainer.max_steps=8", "trainer.eval_every=4",
        "trainer.log_every=1", "hardware.threads=1",
    ]  # fmt: skip

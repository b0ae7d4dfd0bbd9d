"""A model of random weights with a vocabulary learned on a corpus, to pre-train from scratch.

python random_model.py --text FOLDER [FOLDER ...] --exclude '*/flores200/*' --out weights/random
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import sentencepiece

from infoxlm.hardware.environment import load_paddle
from infoxlm.tasks.pretraining.corpus_files import find_monolingual
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


def sentences(paths: Sequence[Path], exclude: Sequence[str], languages: set[str]) -> Iterator[str]:
    """Every sentence of the languages, of pairs both sides."""
    for code, sources in find_monolingual(paths, exclude).items():
        if not languages or code in languages:
            for source in sources:
                yield from (row.texts[0] for row in source.rows() if row.texts[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--text", type=Path, nargs="+", required=True)
    parser.add_argument("--exclude", nargs="*", default=[])
    parser.add_argument("--languages", nargs="*", default=[], help="none: all")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vocabulary", type=int, default=16_000)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    texts = sentences(arguments.text, arguments.exclude, set(arguments.languages))
    arguments.out.mkdir(parents=True)
    vocabulary = arguments.out / "sentencepiece.bpe.model"
    with open(vocabulary, "wb") as written:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=texts,
            model_writer=written,
            vocab_size=arguments.vocabulary - 2,  # two ids more: fairseq's offset and <mask>
            character_coverage=0.9995,
            num_threads=1,  # the order in which threads finish would change the pieces
            minloglevel=2,
        )
    tokenizer = InfoXLMTokenizer(vocabulary)

    load_paddle()
    import paddle

    from infoxlm import InfoXLMConfig, InfoXLMForMaskedLM

    paddle.seed(arguments.seed)
    config = InfoXLMConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=arguments.width,
        num_hidden_layers=arguments.blocks,
        num_attention_heads=arguments.width // 64,
        intermediate_size=4 * arguments.width,
        encoder_name="random",
    )
    InfoXLMForMaskedLM(config).save_pretrained(arguments.out)
    tokenizer.save_pretrained(arguments.out)
    print(f"{tokenizer.vocab_size:,} ids, {arguments.blocks} blocks x {arguments.width}")


if __name__ == "__main__":
    main()

"""Memory of reading and tokenising: MultiNLI's size made of the rows at hand.

python reading.py --train_file $MNLI_TRAIN --tokenizer weights/e5_small
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

WORKER = """
import json, resource, sys, time
from pathlib import Path
from infoxlm.data.encoding import encode_split
from infoxlm.data.source import open_source
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
tokenizer = InfoXLMTokenizer.from_pretrained(sys.argv[2])
source = open_source(sys.argv[1], None)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.perf_counter()
(found,) = encode_split(source, "train", ["en"], tokenizer, max_length=128, limit=None,
                        cache_dir=Path(sys.argv[1]) / "cache")
seconds = time.perf_counter() - started
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"pairs": len(found.labels), "seconds": round(seconds, 2),
                  "mb_before": before // 1024, "mb_peak": after // 1024,
                  "mb_of_token_ids": round(found.token_ids.ids.nbytes / 1e6)}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train_file", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    arguments = parser.parse_args()
    header, *rows = arguments.train_file.read_text(encoding="utf-8").splitlines(keepends=True)
    for count in (10_000, 54_961, 392_702):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "train").mkdir()
            with open(folder / "train" / "en.tsv", "w", encoding="utf-8") as file:
                file.write(header)
                for start in range(0, count, len(rows)):
                    file.writelines(rows[: count - start])
            worker = [sys.executable, "-c", WORKER, folder, arguments.tokenizer]
            out = subprocess.run(worker, check=True, capture_output=True, text=True)
            print(json.dumps({"rows": count} | json.loads(out.stdout)), flush=True)


if __name__ == "__main__":
    main()

"""Reading a few words out of a large file of vectors: `python -m benchmarks.vector_files [--words 2000000]`.

Writes a GloVe file (2 million words with 300 dimensions take 5 GB), reads the vectors of 30,000 of its words in a
separate process, and compares this with reading the bytes alone and with gensim's reader (on 50,000 lines; it parses
each).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors

from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.utils.files import write_json

READ = """
import json, sys, time
from benchmarks.memory import peak_megabytes
from modeling_lstm.vectors import WordVectors
wanted = [f"word{n}" for n in range(0, int(sys.argv[2]), max(1, int(sys.argv[2]) // 30_000))]
before = peak_megabytes()
start = time.perf_counter()
found = WordVectors.from_file(sys.argv[1], words=wanted)
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "found": len(found), "peak_mb": peak_megabytes(), "before_mb": before}))
"""
GENSIM_LINES = 50_000


def write_file(path: Path, words: int, dimension: int) -> None:
    """Write a GloVe file whose numbers repeat after a thousand words."""
    random = np.random.default_rng(0)
    tails = [" ".join(f"{number:.5f}" for number in random.normal(size=dimension)) for _ in range(1_000)]
    with open(path, "w", encoding="utf-8") as file:
        for number in range(words):
            file.write(f"word{number} {tails[number % 1_000]}\n")


def read_bytes(path: Path) -> float:
    """Return the seconds to read the bytes of the file."""
    start = time.perf_counter()
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
    return time.perf_counter() - start


def gensim_rate(path: Path) -> float:
    """Return the bytes per second of gensim's reader on the first lines."""
    with tempfile.NamedTemporaryFile() as part, open(path, "rb") as file:
        for _ in range(GENSIM_LINES):
            part.write(file.readline())
        part.flush()
        start = time.perf_counter()
        KeyedVectors.load_word2vec_format(part.name, no_header=True)
        return part.tell() / (time.perf_counter() - start)


def main() -> None:
    """Measure, print the results and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=2_000_000)
    parser.add_argument("--dimension", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("results/vector_files.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "glove.txt"
        write_file(path, arguments.words, arguments.dimension)
        size = path.stat().st_size
        bare, ours, gensim = [], [], []
        for _ in range(arguments.repeats):
            bare.append(size / read_bytes(path))
            command = [sys.executable, "-c", READ, str(path), str(arguments.words)]
            shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found = json.loads(shown.splitlines()[-1])
            ours.append(size / found["seconds"])
            gensim.append(gensim_rate(path))
    rates = {name: statistics.median(rate) / 1e6 for name, rate in (("read", bare), ("ours", ours), ("gensim", gensim))}
    result = {
        "file_gb": size / 1e9,
        "words": arguments.words,
        "vectors_read": found["found"],
        "megabytes_per_second": {name: round(rate) for name, rate in rates.items()},
        "seconds": round(size / 1e6 / rates["ours"], 2),
        "ours_of_bare_reading": round(rates["ours"] / rates["read"], 3),
        "ours_over_gensim": round(rates["ours"] / rates["gensim"], 1),
        "peak_memory_mb": round(found["peak_mb"]),
        "memory_before_mb": round(found["before_mb"]),
    }
    print(json.dumps(result, indent=2))
    write_json(arguments.output, result | describe_environment())


if __name__ == "__main__":
    main()

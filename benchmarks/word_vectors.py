"""What each source of word vectors is worth in every recipe: `python -m benchmarks.word_vectors [SOURCE ...]`.

Each source has three seeds and is evaluated on test; finished runs are skipped. Needs the local copies of data and
vectors (MODELING_LSTM_DATA). The records go to `results/RECIPE/SOURCE/seed-N.json`; the rows without vectors are those
of `benchmarks.accuracy`.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from .accuracy import MINILM, SEEDS, local_flags, local_minilm, required_data, train_and_evaluate

RECIPES = ("trec", "tweet_eval_sentiment", "sst2", "imdb")
SOURCES = ("minilm", "potion", "word2vec-imdb", "glove", "googlenews")
FILES = {
    "potion": "potion-base-4M-int8",
    "glove": "glove.6B.50d.subset.txt",
    "googlenews": "GoogleNews-vectors-negative300.subset.bin.gz",
}
SIZES = {"potion": 128, "word2vec-imdb": 100, "glove": 50}  # smaller than in the recipes


def source_flags(source: str, data: Path, runs: Path) -> list[str]:
    """Return the flags of `train` for a source. In-domain vectors are first trained on 50,000 reviews."""
    if source == "minilm":
        return ["--embeddings", f"transformer:{local_minilm() or MINILM}"]
    if source == "word2vec-imdb":
        path = runs / source
        if not (path / "model.safetensors").exists():
            flags = ["--dataset", str(data / "imdb_unsupervised"), "--output_dir", str(path)]
            subprocess.run([sys.executable, "-m", "modeling_lstm.cli", "vectors", "train", *flags], check=True)
    else:
        path = data / "vectors" / FILES[source]
    size = ["--embedding_size", str(SIZES[source])] if source in SIZES else []
    return ["--embeddings", str(path), *size]


def main() -> None:
    """Run the named sources, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", default=list(SOURCES), help=f"Of: {', '.join(SOURCES)}")
    parser.add_argument("--recipes", nargs="*", default=list(RECIPES), help=f"Of: {', '.join(RECIPES)}")
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    arguments = parser.parse_args()
    data = required_data()
    for name in arguments.recipes:
        for source in arguments.sources:
            flags = local_flags(name) + source_flags(source, data, arguments.runs)
            for seed in range(SEEDS):
                train_and_evaluate(f"{name}_word_vectors", f"{name}/{source}", seed, arguments.runs, flags)


if __name__ == "__main__":
    main()

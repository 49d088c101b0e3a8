"""Write the IMDB film reviews as Parquet: `python -m data_scripts.imdb --output_dir FOLDER [--source aclImdb]`."""

import re
from pathlib import Path

from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from data_scripts.parquet import Description, read_text, release_folder, run
from modeling_lstm.utils.errors import InputError

URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
DESCRIPTION = Description(
    name="imdb",
    title="IMDB film reviews",
    summary="Film reviews, negative (rating 1 to 4) or positive (7 to 10), and as many without a label.",
    source=f"The Large Movie Review Dataset, {URL}.",
    how=(
        "Texts are unchanged (`<br />` tags are kept). `movie` is the film's id from the lists of addresses, so that a "
        "validation split can be held out by film (`--group_column movie`). The configuration `unlabeled` has no labels."
    ),
    license="unknown",
    license_note="Not stated by the source, which asks for the citation.",
    citation="Maas et al. (2011), Learning Word Vectors for Sentiment Analysis, ACL, pages 142 to 150.",
)
EXPECTED = {"default": {"train": 25_000, "test": 25_000}, "unlabeled": {"train": 50_000}}
NAMES = ["neg", "pos"]


def build(source: str | None = None) -> dict[str, DatasetDict]:
    """Build both configurations from the folder aclImdb, from its archive, or from a download."""
    folder = release_folder(source, URL)
    if not (folder / "train").is_dir():
        folder = folder / "aclImdb"
    labeled = DatasetDict({split: _read(folder / split, NAMES) for split in ("train", "test")})
    return {"default": labeled, "unlabeled": DatasetDict({"train": _read(folder / "train", ["unsup"])})}


def _read(folder: Path, parts: list[str]) -> Dataset:
    rows: dict[str, list[str | int]] = {name: [] for name in ("text", "label", "rating", "review_id", "movie")}
    for part in parts:
        files = sorted((folder / part).glob("*_*.txt"), key=lambda path: int(path.stem.split("_")[0]))
        if not files:
            raise InputError(
                f"There are no reviews in {str(folder / part)!r}: --source is the folder aclImdb or its archive."
            )
        addresses = (folder / f"urls_{part}.txt").read_text(encoding="utf-8").split("\n")
        for path in files:
            number, rating = (int(value) for value in path.stem.split("_"))
            film = re.search(r"tt\d+", addresses[number])
            rows["text"].append(read_text(path))
            rows["label"].append(NAMES.index(part) if part in NAMES else -1)
            rows["rating"].append(rating)
            rows["review_id"].append(f"{part}/{path.stem}")
            rows["movie"].append(film.group() if film else "")
    features = Features(
        {
            "text": Value("string"),
            "label": ClassLabel(names=NAMES),
            "rating": Value("int64"),
            "review_id": Value("string"),
            "movie": Value("string"),
        }
    )
    return Dataset.from_dict(rows, features=features)


if __name__ == "__main__":
    run(build, DESCRIPTION, EXPECTED)

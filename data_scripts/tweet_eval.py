"""Write TweetEval as Parquet: `python -m data_scripts.tweet_eval --output_dir FOLDER [--source tweeteval/datasets]`."""

from pathlib import Path

from datasets import ClassLabel, Dataset, DatasetDict, Features, Value, load_dataset

from data_scripts.parquet import Description, read_text, run
from modeling_lstm.utils.errors import InputError

HUB_ID = "cardiffnlp/tweet_eval"
DESCRIPTION = Description(
    name="tweet_eval",
    title="TweetEval",
    summary="Seven classification tasks on English tweets (stance with five targets), as one configuration each.",
    source=f"`{HUB_ID}` on the Hub, or the text files of the repository cardiffnlp/tweeteval.",
    how="Texts are stripped of outer blanks, as on the Hub, and otherwise unchanged; user names are already `@user`.",
    license="other",
    license_note=(
        "Released by its authors without restrictions of their own; restrictions of the single tasks and of Twitter may apply."
    ),
    citation="Barbieri, Camacho-Collados, Espinosa-Anke, Neves (2020), Findings of EMNLP, arXiv:2010.12421.",
)


def _three(train: int, validation: int, test: int) -> dict[str, int]:
    return {"train": train, "validation": validation, "test": test}


EXPECTED = {
    "sentiment": _three(45_615, 2_000, 12_284),
    "emoji": _three(45_000, 5_000, 50_000),
    "emotion": _three(3_257, 374, 1_421),
    "hate": _three(9_000, 1_000, 2_970),
    "irony": _three(2_862, 955, 784),
    "offensive": _three(11_916, 1_324, 860),
    "stance_abortion": _three(587, 66, 280),
    "stance_atheism": _three(461, 52, 220),
    "stance_climate": _three(355, 40, 169),
    "stance_feminist": _three(597, 67, 285),
    "stance_hillary": _three(620, 69, 295),
}


def build(source: str | None = None, tasks: list[str] | None = None) -> dict[str, DatasetDict]:
    """Build every task, from the Hub or from the folder `datasets` of the repository."""
    tasks = tasks or list(EXPECTED)
    if source is None:
        return {task: load_dataset(HUB_ID, task) for task in tasks}
    return {task: _read_task(Path(source) / task.replace("stance_", "stance/")) for task in tasks}


def _read_task(folder: Path) -> DatasetDict:
    mapping = _lines(folder / "mapping.txt")
    names = [line.split("\t")[1].strip().strip("_") for line in mapping if line.strip()]
    features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
    splits = DatasetDict()
    for split, stem in (("train", "train"), ("validation", "val"), ("test", "test")):
        texts = [line.strip() for line in _lines(folder / f"{stem}_text.txt")]
        labels = [int(line) for line in _lines(folder / f"{stem}_labels.txt") if line.strip()]
        if len(texts) != len(labels):
            raise InputError(f"{folder / stem}_text.txt has {len(texts)} lines but {len(labels)} labels.")
        splits[split] = Dataset.from_dict({"text": texts, "label": labels}, features=features)
    return splits


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}: --source is the folder `datasets` of cardiffnlp/tweeteval.")
    # not splitlines(), which also splits at rare characters inside tweets
    return read_text(path).removesuffix("\n").split("\n")


if __name__ == "__main__":
    run(build, DESCRIPTION, EXPECTED)

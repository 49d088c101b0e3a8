"""Tools of the scripts for language models: releases with a text file for each split, one text per line."""

from pathlib import Path

from datasets import Dataset, DatasetDict, Features, Value

from data_scripts.parquet import read_text, release_folder
from modeling_lstm.utils.errors import InputError


def read_release(
    source: str | None, url: str, files: dict[str, str], words: dict[str, int], vocabulary: int
) -> DatasetDict:
    """
    Read the splits of a release from its folder, from its archive, or from a download.

    Args:
        source: The folder or the archive, if it is on this machine.
        url: Address of the archive.
        files: For each split the name of its file.
        words, vocabulary: Expected numbers for [`check_words`].

    Raises:
        InputError: A file is missing, or the data are not the published ones.
    """
    splits = read_lines(release_folder(source, url), files)
    check_words(splits, words, vocabulary)
    return splits


def read_lines(folder: Path, files: dict[str, str]) -> DatasetDict:
    """
    Read the lines of a release's files, without leading and trailing spaces; empty lines are kept.

    Args:
        folder: The folder of the files, or one above it.
        files: For each split the name of its file.

    Raises:
        InputError: A file is missing.
    """
    splits = {}
    for split, name in files.items():
        found = sorted(folder.rglob(name))
        if not found:
            raise InputError(f"There is no {name} in {str(folder)!r}: --source is the release's folder or archive.")
        lines = read_text(found[0]).removesuffix("\n").split("\n")
        texts = {"text": [line.strip() for line in lines]}
        splits[split] = Dataset.from_dict(texts, features=Features({"text": Value("string")}))
    return DatasetDict(splits)


def check_words(splits: DatasetDict, words: dict[str, int], vocabulary: int) -> None:
    """
    Raise unless the numbers of words in the splits (the end of a line counts as one) and in the vocabulary of the train
    split are the published ones.

    Args:
        splits: The texts.
        words: Expected number of words in each split.
        vocabulary: Expected number of different words in train, including the end of a line.
    """
    for split, expected in words.items():
        found = sum(len(text.split()) + 1 for text in splits[split]["text"])
        if found != expected:
            raise InputError(f"The source is not the published data: {split} has {found:,} words, not {expected:,}.")
    known = len({word for text in splits["train"]["text"] for word in text.split()}) + 1
    if known != vocabulary:
        raise InputError(f"The source is not the published data: {known:,} different words, not {vocabulary:,}.")

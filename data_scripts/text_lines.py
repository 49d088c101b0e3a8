"""What the scripts for language models share: releases that are one text file for each split, a text in each line."""

from pathlib import Path

from datasets import Dataset, DatasetDict, Features, Value

from data_scripts.parquet import release_folder
from modeling_lstm.utils.errors import InputError


def read_release(
    source: str | None, url: str, files: dict[str, str], words: dict[str, int], vocabulary: int
) -> DatasetDict:
    """
    The splits of a release: its folder, its archive, or what is downloaded.

    Args:
        source: The folder or the archive, if it is here.
        url: The archive elsewhere.
        files: For each split the name of its file.
        words, vocabulary: What [`check_words`] expects.

    Raises:
        InputError: a file is missing, or it is not the published data.
    """
    splits = read_lines(release_folder(source, url), files)
    check_words(splits, words, vocabulary)
    return splits


def read_lines(folder: Path, files: dict[str, str]) -> DatasetDict:
    """
    The lines of the files of a release, without the blanks at their ends; empty lines are kept.

    Args:
        folder: Where the files are, or a folder above that.
        files: For each split the name of its file.

    Raises:
        InputError: a file is not there.
    """
    splits = {}
    for split, name in files.items():
        found = sorted(folder.rglob(name))
        if not found:
            raise InputError(f"There is no {name} in {str(folder)!r}: --source is the release's folder or archive.")
        lines = found[0].read_text(encoding="utf-8").removesuffix("\n").split("\n")
        texts = {"text": [line.strip() for line in lines]}
        splits[split] = Dataset.from_dict(texts, features=Features({"text": Value("string")}))
    return DatasetDict(splits)


def check_words(splits: DatasetDict, words: dict[str, int], vocabulary: int) -> None:
    """
    Raise if the words of the splits, with one more for the end of each line, or the vocabulary of the train split, are
    not as many as published.

    Args:
        splits: The texts.
        words: Of each split.
        vocabulary: Different words of train, the end of a line among them.
    """
    for split, expected in words.items():
        found = sum(len(text.split()) + 1 for text in splits[split]["text"])
        if found != expected:
            raise InputError(f"The source is not the published data: {split} has {found:,} words, not {expected:,}.")
    known = len({word for text in splits["train"]["text"] for word in text.split()}) + 1
    if known != vocabulary:
        raise InputError(f"The source is not the published data: {known:,} different words, not {vocabulary:,}.")

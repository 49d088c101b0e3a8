"""Read text pairs: a source and its translation."""

import logging
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict, Features, Value

from ..utils.errors import InputError, as_text, require
from .columns import TRANSLATIONS
from .formats.encodings import find_suffix
from .formats.known_formats import FORMATS
from .formats.table import find_column, normalize_name
from .held_out import draw_rows, split_off
from .loading import check_texts, choose_splits, share_of_unlabeled
from .pair_arguments import PairArguments
from .sources import explain_read_failures
from .splits import Split

logger = logging.getLogger(__name__)

# What pairs have in common that stay together
SOURCE, SOURCE_AND_TARGET = "source", "source and target"
# Blanks, and characters that only mark where a line may break
_BLANK = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u00ad\u200b\u2060\ufeff"


@dataclass
class TextPairs:
    """
    Checked splits with the columns `text` and `target`.

    Args:
        splits: The rows.
        source: The name of the source: a column or a language.
        target: The name of the target.
        left_out: How many pairs were left out of each split: those with an `empty` side and, in train, those whose
            sides are the `same`.
        held_out_by: What pairs have in common that stay together where rows of train are held out.
    """

    splits: DatasetDict
    source: str
    target: str
    left_out: dict[str, dict[str, int]]
    held_out_by: str = SOURCE_AND_TARGET

    def describe(self) -> dict[str, Any]:
        """
        Return what `run.json` records about the data besides the settings: the rows of each split, and what was left
        out.
        """
        counts = {name: {"rows": rows.num_rows} for name, rows in self.splits.items()}
        return {
            "text_column": [self.source],
            "counts": counts,
            "left_out": self.left_out,
            "held_out_by": self.held_out_by,
        }


def load_pairs(
    arguments: PairArguments, only: str | None = None, *, is_other: bool = False, held_out_by: str = SOURCE_AND_TARGET
) -> TextPairs:
    """
    Read and check the splits train, validation and (if there is one with translations) test.

    Without a validation split, rows of train are held out for it; pairs with the same source or the same target stay
    together.

    Args:
        arguments: What to read.
        only: Read just this split (for evaluation).
        is_other: Whether these are not the data that a model was trained on (see [`load_data`]).
        held_out_by: What pairs have in common that stay together; in runs of older versions the source alone.

    Raises:
        InputError: the data cannot be used; the message says why in one sentence.
    """
    _refuse_lines(arguments)
    sources, shares = choose_splits(arguments, only, is_other)
    raw = DatasetDict()
    for name, split in sources.items():
        with explain_read_failures(arguments.dataset):
            languages = _languages(split)
            source, target = _name_columns(split, languages, arguments)
            if name == "test" and "train" in sources and not languages and split.find(target) is None:
                logger.warning("The %s has no translations (column %s): left out.", split.origin, target)
                continue
            rows = _read(split, name, languages, source, target)
        require(rows.num_rows > 0, f"The {name} split has no rows.")
        check_texts(rows, split, [source, target], arguments.max_characters)
        raw[name] = rows.rename_columns({source: "text", target: "target"})
    left_out = {name: _leave_out(raw, name) for name in list(raw)}
    if "test" in raw and "train" in raw and raw["test"].num_rows == 0:
        logger.warning("The test split has no pair with text on both sides: left out.")
        del raw["test"]
    for name, rows in raw.items():
        same = left_out[name].get("same", 0)
        require(
            rows.num_rows > 0,
            f"The {name} split has no pair with text on both sides{', other than the same text' * bool(same)}.",
        )
    shares = share_of_unlabeled(arguments, sources, raw, is_other) | shares
    if shares and "train" in raw:
        groups, held_out_by = _number_groups(raw["train"], held_out_by, shares)
        raw |= split_off(raw["train"], shares, arguments.split_seed, groups=groups, group_name=f"the {held_out_by}")
    if "train" in raw and arguments.max_train_samples is not None:
        raw["train"] = draw_rows(raw["train"], arguments.max_train_samples, arguments.split_seed)
    if only is not None:
        raw = DatasetDict({only: raw[only]})
    names = str(arguments.source_column), str(arguments.target_column)
    return TextPairs(raw, *names, left_out, held_out_by)


def _refuse_lines(arguments: PairArguments) -> None:
    """Raise for a folder of nothing but a file for each language, as Moses takes them, and say how to join them."""
    source, target = arguments.source_column, arguments.target_column
    folder = Path(arguments.dataset)
    if source is None or target is None or not folder.is_dir():
        return
    names = sorted(path.name for path in folder.iterdir())
    if any(find_suffix(Path(name)) in FORMATS.keys() - {".txt"} for name in names):
        return
    for one in names:
        stem, found, rest = one.partition(f".{source}")
        other = f"{stem}.{target}{rest}"
        if found and rest in ("", ".txt") and (folder / other).is_file():
            raise InputError(
                f"{arguments.dataset!r} holds a file for each language ({one} and {other}). Join them into one "
                f"with a column for each; in that folder: (printf '{source}\\t{target}\\n'; paste "
                f"{shlex.join([one, other])}) > {shlex.quote(f'{stem}.tsv')}"
            )


def _name_columns(split: Split, languages: list[str], arguments: PairArguments) -> tuple[str, str]:
    """
    Return the columns of source and target. They are never guessed, since each could be translated into the other.
    """
    found = [name for name in (arguments.source_column, arguments.target_column) if name is not None]
    columns = [name for name in split.columns if not languages or normalize_name(name) != TRANSLATIONS]
    require(
        len(found) == 2,
        "Name the column to translate with --source_column and that of its translations with --target_column: the "
        f"columns are {as_text([*columns, *languages])}.",
    )
    return found[0], found[1]


def _translations(split: Split) -> str | None:
    """Return the name of the translation column, which all rows have, if there is one."""
    return find_column(split.columns, TRANSLATIONS, f"The {split.origin}")


def _languages(split: Split) -> list[str]:
    """Return the languages of a translation column, if there is one."""
    column = _translations(split)
    if column is None:
        return []
    feature = split.read([column]).features[column]
    return list(getattr(feature, "languages", None) or (feature if isinstance(feature, Mapping) else ()))


def _read(split: Split, name: str, languages: list[str], source: str, target: str) -> Dataset:
    """Read the columns of source and target, or these two languages of a translation column."""
    column = _translations(split)
    if languages and (split.find(source) is None or split.find(target) is None):
        missing = [one for one in (source, target) if one not in languages]
        require(
            not missing,
            f"The column {column!r} of the {split.origin} has no language {as_text(missing)}; it has "
            f"{as_text(languages)}.",
        )
        rows = split.read([str(column)])
        both: Any = (source, target)
        return rows.map(
            lambda values: {name: [one and one[name] for one in values] for name in both},
            input_columns=column,
            remove_columns=rows.column_names,
            batched=True,
            features=Features(dict.fromkeys(both, Value("string"))),
        )
    split.require([source, target])
    return split.read([source, target])


def _leave_out(raw: DatasetDict, name: str) -> dict[str, int]:
    """Leave out pairs that are useless for training or evaluation, and return how many."""
    rows = raw[name]
    texts, targets = ([text.strip(_BLANK) for text in rows[column][:]] for column in ("text", "target"))
    is_empty = np.array([not text or not target for text, target in zip(texts, targets, strict=True)])
    is_same = np.array([text == target for text, target in zip(texts, targets, strict=True)]) & ~is_empty
    leaves_same = name == "train"  # untranslated pairs teach copying (Khayrallah and Koehn, 2018)
    found = {"empty": int(is_empty.sum())} | ({"same": int(is_same.sum())} if leaves_same else {})
    dropped = is_empty | is_same if leaves_same else is_empty
    if dropped.any():
        kinds = {"empty": "have an empty side", "same": "are the same on both sides"}
        counts = "; ".join(f"{number:,} pairs {kinds[kind]}" for kind, number in found.items() if number)
        logger.warning("Left out of %s: %s.", name, counts)
        raw[name] = rows.select(np.flatnonzero(~dropped))
    return found


def _number_groups(train: Dataset, held_out_by: str, shares: Mapping[str, float]) -> tuple[np.ndarray, str]:
    """
    Number the groups of pairs that stay together. If common targets connect so many of them that no share of this size
    can be held out, only pairs with a common source stay together.
    """
    sources = _number_texts(train["text"])
    if held_out_by == SOURCE:
        return sources, SOURCE
    groups = _join(sources, _number_texts(train["target"]))
    largest, number = np.bincount(groups).max(), len(np.unique(groups))
    if largest <= (1 - sum(shares.values())) * len(groups) and number * min(shares.values()) >= 1:
        return groups, SOURCE_AND_TARGET
    logger.warning("Most pairs are connected by a common target: only those with a common source stay in one split.")
    return sources, SOURCE


def _number_texts(texts: Iterable[str]) -> np.ndarray:
    """Number the texts; those that differ only in blanks have the same number."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(" ".join(text.split()), len(numbers)) for text in texts])


def _join(sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Number the groups of pairs that are connected by a common source or a common target."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = int(sources.max()) + int(targets.max()) + 2
    links = coo_array((np.ones(len(sources)), (sources, targets + sources.max() + 1)), shape=(size, size))
    return connected_components(links, directed=False)[1][sources]

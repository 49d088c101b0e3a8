"""Several labels per row: a list of them, or a 0 or 1 for each, in one column or in several."""

from collections import Counter
from typing import Any

from datasets import Dataset

from ...utils.errors import InputError, as_text, require
from ..formats.parquet import STRINGS
from ..formats.table import normalize_name
from .label_reader import LabelReader, Locate, NamedLabels, class_label, name_of
from .names import NUMBER, find_broken, find_names, is_missing, parse_truth


class LabelSets(NamedLabels):
    """A list of the labels of each row."""

    kind = "multi_label_classification"

    def __init__(self, columns: list[str], rows: Dataset, names: list[str] | None, asked: list[str] | None):
        super().__init__(columns, names, asked)
        (column,) = columns
        coded = class_label(rows.features[column])
        inner = str(getattr(rows.features[column].feature, "dtype", rows.features[column].feature))
        require(
            inner.startswith(("int", "uint", "bool")) or inner in STRINGS or inner == "null",
            f"The label column {column!r} must hold lists of strings or integers, found lists of {inner}. Instead of "
            "shares or scores, write the labels that each text has.",
        )
        values = {value for row in rows[column][:] for value in row or ()}
        require(None not in values, f"The label column {column!r} has lists with a missing label.")
        broken = find_broken(map(str, values)) if all(NUMBER.fullmatch(str(value)) for value in values) else []
        require(
            names is not None or not broken,
            f"The label column {column!r} must hold lists of strings or integers, found numbers such as "
            f"{as_text(broken[:1])}. Instead of shares or scores, write the labels that each text has.",
        )
        self.names = names or (list(coded.names) if coded else find_names(values, column, rows.num_rows))
        require(bool(self.names), f"The label column {column!r} has no label in any row of train.")

    def check(self, rows: Dataset, split: str, locate: Locate) -> None:
        """See [`LabelReader.check`]."""
        (column,) = self.columns
        coded, known = class_label(rows.features[column]), set(self.names)
        lists = rows[column][:]
        self._check_coded(coded, lists, locate)
        unknown: dict[int, set[str]] = {}
        for number, values in enumerate(lists, start=1):
            if values is None:
                raise self._complain(locate(number), "is missing: a row without labels has an empty list")
            if not isinstance(values, list):
                raise self._complain(locate(number), f"must be a list of labels, as in train, found {values!r:.60}")
            if any(map(is_missing, values)) or (coded is not None and -1 in values):
                raise self._complain(locate(number), f"is a list with a missing label, {values}")
            if len(set(values)) < len(values):
                twice = f"has a label twice, {values}: lists with a 0 or 1 for each label must all have the same length"
                raise self._complain(locate(number), f"{twice} and hold nothing else")
            if others := {name_of(one, coded) for one in values} - known:
                unknown[number] = others
        self._check_orders(lists, split)
        self._check_known(unknown, split, locate)

    def _check_orders(self, lists: list[list[Any]], split: str) -> None:
        """Raise if every list holds both of two labels, and their order varies: they seem to be vectors."""
        is_mixed = len(self.names) == 2 and all(len(row) == 2 for row in lists) and len(set(map(tuple, lists))) > 1
        require(
            not is_mixed,
            f"Each row of the {split} split has both labels, {as_text(self.names)} (column {self.columns[0]!r}). List "
            "those that each text has, or write a 0 or 1 for each label.",
        )

    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> list[float]:
        """See [`LabelReader.read`]."""
        coded = class_label(features[0])
        chosen = {name_of(one, coded) for one in values[0]}
        return [float(name in chosen) for name in self.names]


class LabelVectors(LabelReader):
    """A list with a 0 or 1 for each label."""

    kind = "multi_label_classification"

    def __init__(self, columns: list[str], rows: Dataset, names: list[str] | None):
        super().__init__(columns)
        (column,) = columns
        width = _common_length([row for row in rows[column][:] if row])
        coded = class_label(rows.features[column])
        self.names = names or (list(coded.names) if coded else [str(number) for number in range(width)])
        require(
            len(self.names) == width,
            f"The label column {column!r} holds a 0 or 1 for each of {width} labels, but the names of "
            f"{len(self.names)} labels are given: {as_text(self.names)}.",
        )

    def check(self, rows: Dataset, split: str, locate: Locate) -> None:
        """See [`LabelReader.check`]."""
        for number, values in enumerate(rows[self.columns[0]][:], start=1):
            is_vector = isinstance(values, list) and len(values) == len(self.names)
            if not is_vector or any(parse_truth(one) is None for one in values):
                expected = f"must be a list of {len(self.names)} values 0 or 1, one for each label, found {values}"
                raise self._complain(locate(number), expected)

    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> list[float]:
        """See [`LabelReader.read`]."""
        return [float(parse_truth(one) or 0.0) for one in values[0]]


class LabelColumns(LabelReader):
    """A column of 0 and 1 for each label. Columns are matched to labels by name, in any case, or else by order."""

    kind = "multi_label_classification"

    def __init__(self, columns: list[str], names: list[str] | None):
        by_name = {normalize_name(column): column for column in columns}
        wanted = list(map(normalize_name, names or columns))
        is_by_name = sorted(wanted) == sorted(by_name)
        super().__init__([by_name[name] for name in wanted] if is_by_name else columns)
        self.names = names or list(columns)
        require(
            len(self.names) == len(columns),
            f"There are {len(columns)} label columns, {as_text(columns)}, but {len(self.names)} labels: "
            f"{as_text(self.names)}.",
        )
        pairs = zip(self.columns, self.names, strict=True)
        elsewhere = [
            name
            for column, name in pairs
            if normalize_name(name) != normalize_name(column) and normalize_name(name) in by_name
        ]
        require(
            not elsewhere,
            f"The label columns are {as_text(columns)}, the labels {as_text(self.names)}: {as_text(elsewhere)} would "
            "not be read from the column of the same name. Name the columns in the order of the labels.",
        )

    def check(self, rows: Dataset, split: str, locate: Locate) -> None:
        """See [`LabelReader.check`]."""
        for column in self.columns:
            coded = class_label(rows.features[column])
            for number, value in enumerate(rows[column][:], start=1):
                is_known = coded is None or value is None or 0 <= value < coded.num_classes
                name = name_of(value, coded) if is_known else value
                if parse_truth(name) is None:
                    raise InputError(
                        f"The label in {locate(number)} must be 0 or 1, found {name!r} (column {column!r})."
                    )

    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> list[float]:
        """See [`LabelReader.read`]."""
        pairs = zip(values, map(class_label, features), strict=True)
        return [float(parse_truth(name_of(value, coded)) or 0.0) for value, coded in pairs]


def are_vectors(rows: Dataset, column: str, names: list[str] | None) -> bool:
    """
    Return whether the lists hold a 0 or 1 for each label, instead of the names of a row's labels. If most do, the
    others are mistakes, which [`LabelVectors.check`] names.
    """
    lists = [row for row in rows[column][:] if row]
    width = _common_length(lists)
    coded = class_label(rows.features[column])
    if names is None and coded is None and all(len(row) == 1 for row in lists):
        require(
            {parse_truth(row[0]) for row in lists} != {0.0, 1.0},
            f"The label column {column!r} holds lists such as [0] and [1], which may be label numbers or say whether "
            "a text has the only label: write the names of the labels, or a 0 or 1 for each of two or more.",
        )
    vectors = [row for row in lists if len(row) == width and all(parse_truth(one) is not None for one in row)]
    has_twins = any(len(set(row)) < width for row in vectors)
    is_ordered = len(set(map(tuple, vectors))) > len(set(map(frozenset, vectors)))
    if len(vectors) == rows.num_rows:
        fits = width > 0
    else:  # a set of labels holds none twice, and has no order
        fits = width > 1 and (has_twins or is_ordered) and 2 * len(vectors) > len(lists)
    if not fits:
        return False
    if coded is not None:
        return width == len(coded.names) and has_twins
    return names is None or len(names) == width or not {"0", "1"} <= set(names)


def _common_length(lists: list[list[Any]]) -> int:
    """Return the most common length of lists; 0 if there are none."""
    return max(Counter(map(len, lists)).items(), key=lambda item: item[1], default=(0, 0))[0]

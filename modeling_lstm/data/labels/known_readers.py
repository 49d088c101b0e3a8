"""Choose the reader of label columns: the problem type is that of the columns, unless the user names it."""

import math

from datasets import DatasetDict, LargeList, List

from ...utils.errors import InputError, as_text, require
from ..arguments import ProblemType
from .label_reader import LabelReader
from .multiple_labels import LabelColumns, LabelSets, LabelVectors, are_vectors
from .regression_targets import Numbers
from .single_labels import SingleLabels


def make_label_reader(
    raw: DatasetDict,
    columns: list[str],
    problem_type: ProblemType | None,
    names: list[str] | None,
    *,
    asked: list[str] | None = None,
) -> LabelReader:
    """
    Find out what kind of labels the columns hold, and return a reader for them.

    Args:
        raw: The splits. The kind is that of train or, without train, of the first split.
        columns: The label column, or one column for each label.
        problem_type: The problem type; `None` infers it from the type of the column.
        names: Names of the labels, for example those of a trained model. Default: taken from the data.
        asked: Names given by the user; instead of these the data may hold the numbers 0, 1, ...

    Raises:
        InputError: the columns cannot be labels, or not of that problem type.
    """
    rows = raw["train"] if "train" in raw else next(iter(raw.values()))
    if len(columns) > 1:
        require(
            problem_type in (None, "multi_label_classification"),
            f"Several label columns are for texts with several labels, not for {problem_type}: name one.",
        )
        return LabelColumns(columns, names)
    (column,) = columns
    feature = rows.features[column]
    dtype = str(getattr(feature, "dtype", feature))
    is_list = isinstance(feature, (List, LargeList))
    is_text = dtype in ("string", "large_string")
    is_float = dtype.startswith(("float", "double"))
    is_integer = dtype.startswith(("int", "uint"))
    if problem_type == "regression":
        require(asked is None, f"Regression has no labels, found --labels {as_text(asked or ())}: leave them out.")
        require(is_float or is_integer or is_text, f"The label column {column!r} must hold numbers, found {dtype}.")
        return Numbers(columns)
    if problem_type == "multi_label_classification" or (problem_type is None and is_list):
        require(
            is_list,
            f"The label column {column!r} must hold lists of labels, found {dtype}. Store lists in JSON Lines or "
            "Parquet, not in CSV. If each label has a column of 0 and 1, name all of them with --label_column.",
        )
        if are_vectors(rows, column, names):
            return LabelVectors(columns, rows, names)
        return LabelSets(columns, rows, names, asked)
    if is_float:
        missing = sum(value is None or math.isnan(value) for value in rows[column])
        found = f"{missing} of them missing (NaN)" if missing else "for example " + as_text(rows[column][:3])
        raise InputError(
            f"The label column {column!r} holds floating-point numbers, {found}: labels must be strings or "
            "integers; to predict a number, add --problem_type regression."
        )
    require(
        not is_list and (is_integer or is_text or dtype == "bool"),
        f"The label column {column!r} must hold strings or integers, found {dtype}.",
    )
    return SingleLabels(columns, rows, names, asked)

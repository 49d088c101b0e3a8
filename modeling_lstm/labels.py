"""What a label column holds: its problem type, the names of the labels, and the number of each."""

import math
from typing import Any, Literal

from datasets import ClassLabel, Dataset, DatasetDict, LargeList, List, Value

from .errors import InputError, listed, require

ProblemType = Literal["single_label_classification", "multi_label_classification", "regression"]
MISSING = (None, "")


class LabelReader:
    """Finds what kind of labels a column holds, names them, and turns each value into what the model learns from."""

    def __init__(self, raw: DatasetDict, column: str, problem_type: ProblemType | None, names: list[str] | None):
        self.column = column
        reference = raw["train"] if "train" in raw else next(iter(raw.values()))
        self.kind = self._kind(reference, problem_type)
        coded = _class_label(reference.features[column])
        if self.kind == "regression":
            self.names = [column]
        elif names is not None:
            self.names = names
        else:
            self.names = list(coded.names) if coded is not None else self._names(reference)
        self.ids = {name: number for number, name in enumerate(self.names)}

    @property
    def feature(self) -> Any:
        """The `datasets` feature of the finished label column."""
        if self.kind == "regression":
            return Value("float32")
        if self.kind == "multi_label_classification":
            return List(Value("float32"))
        return ClassLabel(names=self.names)

    def _kind(self, rows: Dataset, wanted: ProblemType | None) -> ProblemType:
        """The problem type that the column's type says, or the wanted one if the column can serve it."""
        feature = rows.features[self.column]
        dtype = str(getattr(feature, "dtype", feature))
        is_list = isinstance(feature, (List, LargeList))
        is_float = dtype.startswith(("float", "double"))
        is_integer = dtype.startswith(("int", "uint"))
        if wanted == "regression":
            require(is_float or is_integer, f"The label column {self.column!r} must hold numbers, found {dtype}.")
            return wanted
        if wanted == "multi_label_classification" or (wanted is None and is_list):
            require(is_list, f"The label column {self.column!r} must hold lists of labels, found {dtype}.")
            return "multi_label_classification"
        if is_float:
            missing = sum(value is None or math.isnan(value) for value in rows[self.column])
            found = f"{missing} of them missing (NaN)" if missing else "for example " + listed(rows[self.column][:3])
            raise InputError(
                f"The label column {self.column!r} holds floating-point numbers, {found}: labels must be strings or "
                "integers; to predict a number, add --problem_type regression."
            )
        require(
            not is_list and (is_integer or dtype in ("bool", "string", "large_string")),
            f"The label column {self.column!r} must hold strings or integers, found {dtype}.",
        )
        return "single_label_classification"

    def _names(self, rows: Dataset) -> list[str]:
        if self.kind == "multi_label_classification":
            values = {value for row in rows[self.column] for value in row or ()}
            require(None not in values, f"The label column {self.column!r} has lists with a missing label in them.")
        else:
            values = {value for value in rows.unique(self.column) if value not in MISSING}
        require(
            len(values) <= max(20, rows.num_rows // 2),
            f"The label column {self.column!r} has {len(values)} different values in {rows.num_rows} rows, which are "
            "no labels: name the column with --label_column.",
        )
        return [str(value) for value in sorted(values)]

    def check(self, rows: Dataset, split: str) -> None:
        """Raise for a label that is missing or that the model does not know."""
        if self.kind != "single_label_classification":
            return
        coded = _class_label(rows.features[self.column])
        missing = (*MISSING, -1) if coded is not None else MISSING
        values = rows.unique(self.column)
        if any(value in missing for value in values):
            number = next(i for i, value in enumerate(rows[self.column], start=1) if value in missing)
            raise InputError(f"The label in row {number} of the {split} split is missing (column {self.column!r}).")
        unknown = sorted({_name(value, coded) for value in values} - set(self.names))
        require(
            not unknown,
            f"The {split} split has labels that the train split lacks: {listed(unknown)}; "
            f"known are {listed(self.names)}.",
        )

    def read(self, value: Any, feature: Any) -> Any:
        """The number (or numbers) that the model learns from; `feature` is that of the value's own split."""
        if self.kind == "regression":
            if value is None or not math.isfinite(value):
                raise InputError(f"A label is missing or infinite (column {self.column!r}): every row needs a number.")
            return float(value)
        coded = _class_label(feature)
        if self.kind == "single_label_classification":
            return self.ids[_name(value, coded)]
        chosen = {_name(one, coded) for one in value or ()}
        unknown = sorted(chosen - set(self.names))
        require(not unknown, f"There are labels that the train split lacks: {listed(unknown)}.")
        return [float(name in chosen) for name in self.names]


def _class_label(feature: Any) -> ClassLabel | None:
    """The coding of a column of labels, or of lists of labels, that are stored as numbers with names."""
    inner = feature.feature if isinstance(feature, (List, LargeList)) else feature
    return inner if isinstance(inner, ClassLabel) else None


def _name(value: Any, coded: ClassLabel | None) -> str:
    return coded.int2str(value) if coded is not None and isinstance(value, int) else str(value)

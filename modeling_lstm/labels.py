"""What a label column holds: its problem type, the names of the labels, and the number of each."""

import math
from typing import Any, Literal

from datasets import ClassLabel, Dataset, DatasetDict, List, Value

from .errors import InputError, listed, require

ProblemType = Literal["single_label_classification", "multi_label_classification", "regression"]


class LabelReader:
    """Finds what kind of labels a column holds, names them, and turns each value into what the model learns from."""

    def __init__(self, raw: DatasetDict, column: str, problem_type: ProblemType | None, names: list[str] | None):
        self.column = column
        reference = raw["train"] if "train" in raw else next(iter(raw.values()))
        feature = reference.features[column]
        self.kind: ProblemType = problem_type or self._kind(feature, reference)
        inner = feature.feature if isinstance(feature, List) else feature
        self.class_label = inner if isinstance(inner, ClassLabel) else None
        if self.kind == "regression":
            self.names = [column]
        elif names is not None:
            self.names = names
        elif self.class_label is not None:
            self.names = list(self.class_label.names)
        else:
            self.names = self._names(reference)
        self.ids = {name: number for number, name in enumerate(self.names)}

    @property
    def feature(self) -> Any:
        """The `datasets` feature of the finished label column."""
        if self.kind == "regression":
            return Value("float32")
        if self.kind == "multi_label_classification":
            return List(Value("float32"))
        return ClassLabel(names=self.names)

    def _kind(self, feature: Any, rows: Dataset) -> ProblemType:
        if isinstance(feature, List):
            return "multi_label_classification"
        dtype = getattr(feature, "dtype", str(feature))
        if str(dtype).startswith(("float", "double")):
            missing = sum(value is None or math.isnan(value) for value in rows[self.column])
            found = f"{missing} of them missing (NaN)" if missing else "for example " + listed(rows[self.column][:3])
            raise InputError(
                f"The label column {self.column!r} holds floating-point numbers, {found}: labels must be strings or "
                "integers; to predict a number, add --problem_type regression."
            )
        require(
            str(dtype).startswith(("int", "uint", "bool", "string", "large_string")),
            f"The label column {self.column!r} must hold strings or integers, found {dtype}.",
        )
        return "single_label_classification"

    def _names(self, rows: Dataset) -> list[str]:
        if self.kind == "multi_label_classification":
            values = {value for row in rows[self.column] for value in row or ()}
        else:
            values = {value for value in rows.unique(self.column) if value not in (None, "")}
        return [str(value) for value in sorted(values)]

    def check(self, rows: Dataset, split: str) -> None:
        """Raise for a label that is missing or that the model does not know."""
        if self.kind != "single_label_classification":
            return
        values = rows.unique(self.column)
        if None in values or "" in values or (self.class_label is not None and -1 in values):
            number = next(i for i, value in enumerate(rows[self.column], start=1) if value in (None, "", -1))
            raise InputError(f"The label in row {number} of the {split} split is missing (column {self.column!r}).")
        unknown = sorted({self.name(value) for value in values} - set(self.names))
        require(
            not unknown,
            f"The {split} split has labels that the train split lacks: {listed(unknown)}; "
            f"known are {listed(self.names)}.",
        )

    def name(self, value: Any) -> str:
        """The name of a raw value."""
        return (
            self.class_label.int2str(value) if self.class_label is not None and isinstance(value, int) else str(value)
        )

    def read(self, value: Any) -> Any:
        """The number (or numbers) that the model learns from."""
        if self.kind == "regression":
            if value is None or math.isnan(float(value)):
                raise InputError(f"A label is missing (column {self.column!r}): every row needs a number.")
            return float(value)
        if self.kind == "single_label_classification":
            return self.ids[self.name(value)]
        chosen = {self.name(one) for one in value or ()}
        unknown = sorted(chosen - set(self.names))
        require(not unknown, f"There are labels that the train split lacks: {listed(unknown)}.")
        return [float(name in chosen) for name in self.names]

"""A number to predict in each row."""

import re
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset, Value

from ...utils.errors import require
from .label_reader import LabelReader, Locate, class_label, name_in
from .names import DECIMAL_COMMA, NUMBER, is_missing

_NOT_FINITE = re.compile(r"\s*[-+]?(nan|inf|infinity)\s*", re.IGNORECASE)
MAX_NUMBER = 3.4e38  # the largest number that fits into 32 bits
LEAST_SPREAD = 1e-5  # of regression targets: standard deviation / mean; 32 bits round a number by up to 6e-8 of it


class Numbers(LabelReader):
    """A number to predict."""

    kind = "regression"

    def __init__(self, columns: list[str]):
        super().__init__(columns)
        self.names = columns

    @property
    def feature(self) -> Any:
        """The `datasets` feature of the finished label column."""
        return Value("float32")

    def check(self, rows: Dataset, split: str, locate: Locate) -> None:
        """See [`LabelReader.check`]."""
        (column,) = self.columns
        coded = class_label(rows.features[column])
        values = [_number_of(value, coded) for value in rows[column]]
        for number, value in enumerate(values, start=1):
            if is_missing(value) or _NOT_FINITE.fullmatch(str(value)):
                raise self._complain(locate(number), "is missing or infinite: every row needs a number")
            if not NUMBER.fullmatch(str(value)):
                text = str(value).strip()
                hint = ": a number is written with a decimal point, and without commas" if "," in text else ""
                hint = f": write {text.replace(',', '.')}" if DECIMAL_COMMA.fullmatch(text) else hint
                raise self._complain(locate(number), f"must be a number, found {value!r:.60}{hint}")
            if abs(float(value)) > MAX_NUMBER:
                raise self._complain(
                    locate(number), f"must be a number of at most {MAX_NUMBER:.3g}, found {value!r:.60}"
                )
        if split == "train":
            self._check_spread(values)

    def _check_spread(self, values: list[Any]) -> None:
        """Raise if 32 bits cannot hold the differences between the targets, with which the network computes."""
        numbers = np.array(list(map(float, values)))
        low, high = (values[index] for index in (numbers.argmin(), numbers.argmax()))
        require(
            numbers.min() == numbers.max() or numbers.std() >= LEAST_SPREAD * abs(numbers.mean()),
            f"The numbers in the column {self.columns[0]!r} differ too little for their size to be learned: from {low} "
            f"to {high}. Subtract a constant, {low} say, from all of them first.",
        )

    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> float:
        """See [`LabelReader.read`]."""
        return float(_number_of(values[0], class_label(features[0])))


def _number_of(value: Any, coded: ClassLabel | None) -> Any:
    """Return a number as written. Where a column numbers its values, the number is the name, not its index."""
    return value if coded is None else name_in(coded, value)

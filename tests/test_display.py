"""Numbers and names as the terminal and the cards show them."""

import pytest

from modeling_lstm.utils.display import format_number, to_one_line


@pytest.mark.parametrize(
    ("value", "sign", "decimals", "expected"),
    [
        (0.5, "", 4, "0.5000"),
        (0.0, "", 4, "0.0000"),
        (0.05, "+", 4, "+0.0500"),
        (123.456, "", 2, "123.46"),
        (0.00012345, "", 4, "0.0001"),
        (0.000012345, "", 4, "1.234e-05"),
        (-5.4e-38, "", 4, "-5.4e-38"),
        (5.357254e20, "", 3, "5.36e+20"),
        (float("nan"), "", 4, "nan"),
    ],
)
def test_no_number_is_shown_as_0_that_is_not(value: float, sign: str, decimals: int, expected: str) -> None:
    assert format_number(value, sign, decimals=decimals) == expected


def test_names_stay_in_their_line() -> None:
    assert to_one_line("a\tb\nc") == "a b c"

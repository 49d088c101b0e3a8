"""Numbers and names as the terminal and the cards show them."""

import pytest

from modeling_lstm.utils.display import format_gap, format_number, to_one_line


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
    assert to_one_line("a\tb\r\nc  d\u2028e\x85f") == "a b  c  d e f"


def test_a_gap_is_shown_with_its_interval_if_there_is_one() -> None:
    gap = {"difference": 0.003, "interval": [-0.001, 0.008]}
    assert format_gap(gap) == "+0.0030 (-0.0010 to +0.0080)"
    assert format_gap(gap | {"interval": None}) == "+0.0030"

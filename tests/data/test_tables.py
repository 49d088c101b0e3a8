"""Text files as tables: any file that we say we read comes back cell by cell; any other is refused in one sentence."""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_lstm.data.arguments import FileArguments
from modeling_lstm.data.formats.json_lines import WrittenValue
from modeling_lstm.data.formats.known_formats import open_table
from modeling_lstm.data.formats.table import Table
from modeling_lstm.utils.errors import InputError

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), max_size=8) | st.sampled_from(
    [
        '"',
        '""',
        'a "b" c',
        "a,b",
        "a;b",
        "a\tb",
        "line\nbreak",
        "\r",
        "\r\n",
        "01",
        "TRUE",
        "NA",
        "null",
        "1e5",
        " x ",
        "-",
    ]
)
NAMES = st.lists(st.from_regex(r"[a-z][a-z ]{0,5}", fullmatch=True), min_size=2, max_size=4, unique_by=str.strip)


def opened(path: Path, content: str | bytes, **arguments: Any) -> Table:
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return open_table(path, FileArguments(**arguments))


def rows(path: Path, content: str | bytes, **arguments: Any) -> list[tuple[Any, ...]]:
    table = opened(path, content, **arguments)
    return list(table.rows(table.columns))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    names = draw(NAMES)
    row = st.lists(CELLS, min_size=len(names), max_size=len(names)).filter(lambda cells: cells != names)
    return names, draw(st.lists(row, min_size=1, max_size=6))


@settings(max_examples=200, deadline=None)
@given(
    table=tables(),
    delimiter=st.sampled_from([",", ";", "\t", "|", ":", "^"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_csv_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    table: tuple[list[str], list[list[str]]],
    delimiter: str,
    quoting: Any,
    encoding: str,
    end: str,
) -> None:
    names, cells = table
    if end == "\n":  # `csv` of Python 3.11 then writes a carriage return without quotes
        cells = [[cell.replace("\r", "") for cell in row] for row in cells]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([names, *cells])
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    asked = encoding if encoding == "utf-16-le" else None
    # what is said need not be recognized; the usual delimiters are, as the next test shows
    found = open_table(path, FileArguments(delimiter=delimiter, quoting="double", encoding=asked))
    assert found.columns == names
    assert list(found.rows(names)) == [tuple(row) for row in cells]


@settings(max_examples=200, deadline=None)
@given(table=tables(), delimiter=st.sampled_from([",", ";", "\t", "|"]))
def test_usual_delimiters_are_recognized_or_asked_for(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[str], list[list[str]]], delimiter: str
) -> None:
    names, cells = table
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([names, *cells])
    path = tmp_path_factory.getbasetemp() / "usual.csv"
    path.write_bytes(text.getvalue().encode("utf-8"))
    try:
        found = open_table(path, FileArguments())
        read = list(found.rows(names))
    except InputError as error:
        assert "--quoting" in str(error)  # lines that are rows of their own, too
    else:
        assert found.columns == names
        assert read == [tuple(row) for row in cells]


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.fixed_dictionaries({"text": CELLS, "label": CELLS | st.integers() | st.booleans()}), min_size=1)
)
@pytest.mark.parametrize("form", ["lines", "array"])
def test_json_is_read_as_it_is_written(
    tmp_path_factory: pytest.TempPathFactory, values: list[dict[str, Any]], form: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    lines = [json.dumps(value) for value in values]
    path.write_text("\n".join(lines) if form == "lines" else f"[{', '.join(lines)}]", encoding="utf-8")
    found = list(open_table(path, FileArguments()).rows(["text", "label"]))
    written = [one["label"] if isinstance(one["label"], str) else json.dumps(one["label"]) for one in values]
    assert found == list(zip([one["text"] for one in values], written, strict=True))
    assert [isinstance(label, WrittenValue) for _, label in found] == [
        not isinstance(one["label"], str) for one in values
    ]


def test_numbers_of_json_keep_their_spelling(tmp_path: Path) -> None:
    text = '{"a": 1.50, "b": [1, 0.0, true, null], "c": {"d": 1e5}}\n'
    table = opened(tmp_path / "a.jsonl", text)
    assert list(table.rows(["a", "b", "c"])) == [("1.50", ["1", "0.0", "true", None], {"d": "1e5"})]


def test_a_column_that_only_late_rows_of_json_have(tmp_path: Path) -> None:
    early, late = '{"text": "a"}\n' * 1_500, '{"text": "b", "Note": "c"}\n'
    table = opened(tmp_path / "a.jsonl", early + late)
    assert table.find("note") == "Note" and table.columns == ["text", "Note"]
    assert list(table.rows(["Note"]))[-1] == ("c",)
    with pytest.raises(InputError, match=r"no column label; its columns are text, Note"):
        table.find("label")


@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", "text,n\n{}\0b,1\n"), ("a.tsv", "text\tn\n{}b\t1\0\n"), ("a.txt", "{}\n\0\n")]
)
def test_zero_bytes_after_the_beginning_of_a_file(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(InputError, match="line 2 holds a zero byte"):
        rows(tmp_path / name, text.format("words " * 1_000))


@pytest.mark.parametrize(
    "text",
    [
        '{"text": "a", "n": 1}\n\n{"text": "b", "n": 2}\n',
        '[{"text": "a", "n": 1}, {"text": "b", "n": 2}]',
        '\n[\n  {"text": "a",\n   "n": 1},\n  {"text": "b", "n": 2}\n]\n',
        '{\n "text": ["a", "b"],\n "n": [1, 2]\n}',
        '{"text": ["a", "b"], "n": [1, 2]}\n\n',
    ],
)
def test_forms_of_json(tmp_path: Path, text: str) -> None:
    assert rows(tmp_path / "a.json", text) == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"text": "a"}]\n[{"text": "b"}]\n', "it is not valid JSON: Extra data"),
        ('{"text": "a"}\n["b"]\n', "line 2 must hold a JSON object"),
        ('{"text": "a"}\n{"text": \n', "line 2 is not valid JSON"),
        ('{\n"text": ["a", "b"], "n": [1]}', "its columns differ in length"),
        ("5\n", "expected a JSON object in each line"),
        ('{"data": [{"text": "a"}, {"text": "b"}]}', "its rows are inside 'data'. Write that array alone"),
        ('{"text": "Reviews of May", "data": [{"text": "a"}, {"text": "b"}]}', "its rows are inside 'data'"),
        ('{\n"name": "x",\n"data": [{"text": "a"}]}', "its rows are inside 'data'"),
        (
            '{"train": [{"text": "a"}], "test": [{"text": "b"}, {"text": "c"}]}',
            "inside 'train, test'. .* each in a file",
        ),
        ('{"columns": ["text"], "index": [0, 1], "data": [["a"], ["b"]]}', 'Write it with orient="records"'),
        ('{"text": "a"}\n{"text": "b", "n": 1, "text": "c"}\n', "line 2 has two values of the name 'text'"),
        ('{"text": "a", "meta": {"n": 1, "n": 2}}\n', "line 1 has two values of the name 'n'"),
        ('[\n{"text": "a",\n"text": "b"}\n]', "it has two values of the name 'text'"),
        ('{"text": ["a"], "text": ["b"]}', "two values of the name 'text'"),
        (f'{{"text": "a"}}\n{{"text": {"[" * 100_000}{"]" * 100_000}}}\n', "line 2 is nested too deeply"),
    ],
)
def test_no_tables_of_json(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rows(tmp_path / "a.json", text)


def test_a_row_of_json_may_hold_objects(tmp_path: Path) -> None:
    assert rows(tmp_path / "a.json", '{"text": "a", "entities": [{"from": 0, "name": "x"}]}')[0][0] == "a"
    assert rows(tmp_path / "a.jsonl", '{"text": "a", "answers": [{"text": "b"}]}\n')[0][0] == "a"


def test_quotation_marks_after_a_backslash_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'a quotation mark twice \(""\) and not after a backslash'):
        rows(tmp_path / "a.csv", 'text,label\n"he said \\"x\\" again",1\n')


def test_a_first_line_of_numbers_is_mentioned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    opened(tmp_path / "a.csv", "1,good film\n0,bad film\n")
    assert "its first line is read as the names of the columns: 1, good film" in caplog.text


@pytest.mark.parametrize(("suffix", "module"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma)])
def test_compressed_files(tmp_path: Path, suffix: str, module: Any) -> None:
    assert rows(tmp_path / f"a.csv{suffix}", module.compress(b"text,label\na,1\n")) == [("a", "1")]
    assert rows(tmp_path / f"a.jsonl{suffix}", module.compress(b'{"text": "a"}\n')) == [("a",)]
    long = random.Random(0).randbytes(100_000).hex()
    for whole in ("text,label\n" + bytes(range(65, 91)).decode() * 2_000 + ",1\n", f"text,label\na,1\n{long},1\n"):
        with pytest.raises(InputError, match="could not be read"):
            rows(tmp_path / f"b.csv{suffix}", module.compress(whole.encode())[:-20])
    parts = module.compress(b"text,label\na,1\n"), module.compress(b"b,2\n" * 100_000)
    assert rows(tmp_path / f"c.csv{suffix}", b"".join(parts)) == [("a", "1"), *[("b", "2")] * 100_000]
    for rest in (b"b,2\n", b"\0" * 8 + b"b,2\n", parts[1][:4] + b"damaged"):
        with pytest.raises(InputError, match="could not be read"):
            rows(tmp_path / f"d.csv{suffix}", parts[0] + rest)
    assert rows(tmp_path / f"e.csv{suffix}", parts[0] + b"\0" * 8) == [("a", "1")], "padding"
    with pytest.raises(InputError, match="its first bytes are those of .*: unpack it first"):
        rows(tmp_path / f"f.csv{suffix}", module.compress(parts[0]))
    with pytest.raises(InputError, match="found .tar. Its first bytes are those of .*: unpack it first"):
        rows(tmp_path / f"a.tar{suffix}", parts[0])


def test_lines_end_where_a_line_feed_is(tmp_path: Path) -> None:
    assert rows(tmp_path / "a.txt", b"\xef\xbb\xbfone\rtwo\r\n\nthree") == [("one\rtwo",), ("",), ("three",)]


def test_lines_that_carriage_returns_end_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its lines end in carriage returns, as on old Macs"):
        rows(tmp_path / "a.txt", "one\rtwo\rthree\r")
    assert rows(tmp_path / "b.txt", "one\r\r\ntwo\r") == [("one",), ("two",)]


@pytest.mark.parametrize("first", ["text,label", "stars\tbody", "Review", '{"text": "a"}'])
def test_a_table_in_a_file_of_plain_text_is_told(tmp_path: Path, first: str, caplog: pytest.LogCaptureFixture) -> None:
    assert rows(tmp_path / "a.txt", f"{first}\nb\n") == [(first,), ("b",)]
    assert f"each line is read as a text, including the first one, {first!r}, which looks like" in caplog.text


@pytest.mark.parametrize(
    ("header", "delimiter", "typed"),
    [
        ("text^label", None, "'^'"),
        ("id:text:label", None, ":"),
        ("review\x01stars", None, r"$'\x01'"),
        ("the text~the label", None, "'~'"),
        ("text,label", ";", ","),
    ],
)
def test_a_single_column_that_seems_to_be_several(
    tmp_path: Path, header: str, delimiter: str | None, typed: str
) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\ngreat film\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        open_table(tmp_path / "a.csv", FileArguments(delimiter=delimiter))
    assert f"has a single column, {header!r}. If" in str(caught.value)
    assert f"add --delimiter {typed}; if this is one name" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "is_told"),
    [
        ("text", False),
        ("review_body", False),
        ("reseña", False),
        ("good film", True),
        ("so-so", True),
        ("Why? ok", True),
    ],
)
def test_a_single_column_whose_name_may_be_a_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, header: str, is_told: bool
) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\ngreat film\n", encoding="utf-8")
    assert open_table(tmp_path / "a.csv", FileArguments()).columns == [header]
    assert ("its first line is read as the name of its column" in caplog.text) == is_told


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "text;label\nwell, well;1\n", [("well, well", "1")]),
        ("a.csv", "text\tlabel\na;b\t1\n", [("a;b", "1")]),
        ("a.csv", "text|label\na,b|1\n", [("a,b", "1")]),
        ("a.csv", 'text;"label, as given"\na;1\n', [("a", "1")]),
        ("a.tsv", "text;x\tlabel\na,b\t1\n", [("a,b", "1")]),
        ("a.csv", "id,text,label\n1,5,01\n2,10,TRUE\n", [("1", "5", "01"), ("2", "10", "TRUE")]),
        ("a.csv", ",text\n0,a\n", [("0", "a")]),
        ("a.csv", f"text,label\n{'long ' * 40_000},1\n", [("long " * 40_000, "1")]),
        ("a.csv", "text\na\n\n", [("a",)]),
        ("a.csv", "text,label\n\na,1\n\n", [("a", "1")]),
    ],
)
def test_delimiters(tmp_path: Path, name: str, content: str, expected: list[tuple[str, ...]]) -> None:
    assert rows(tmp_path / name, content) == expected


@pytest.mark.parametrize(
    "lines",
    [
        ['"Frailty" is good', "b", '"it was', "d"],
        ['"begins here', "b", 'and "ends" here', "d"],
        ['"', "b", '""', "d"],
        ['"One" said', '"Two', 'three" said', "d"],
        ['He said "no', "b", 'yes" and', '"" empty'],
    ],
)
def test_tabs_without_quoting_swallow_no_line(tmp_path: Path, lines: list[str]) -> None:
    text = "text\tlabel\n" + "".join(f"{line}\t1\n" for line in lines)
    assert rows(tmp_path / "a.tsv", text) == [(line, "1") for line in lines]


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_quotation_marks_that_may_join_rows_whatever_ends_them(tmp_path: Path, end: str) -> None:
    content = 'text,label\n"open,1\nb,0\nend",1\ne,0\n'.replace("\n", end)
    with pytest.raises(InputError, match="can be read as 4 rows, .*, or as 2 rows"):
        rows(tmp_path / "a.csv", content)


@pytest.mark.parametrize("mark", [",", ";", "|"])
def test_quotation_marks_that_may_join_rows(tmp_path: Path, mark: str) -> None:
    """Lines that fit the header one by one are rows, unless the user says otherwise."""
    lines = [f"{text}{mark}{n % 2}" for n, text in enumerate(['"open', "b", "c", 'end"'])]
    content = f"text{mark}label\n" + "".join(f"{line}\n" for line in (*lines, f"e{mark}0"))
    with pytest.raises(InputError, match="can be read as 5 rows, .*, or as 2 rows, .*--quoting none or --quoting doub"):
        rows(tmp_path / "a.csv", content)
    assert rows(tmp_path / "a.csv", content, quoting="none")[0] == ('"open', "0")
    written = f'text{mark}label\n"two\nlines"{mark}1\n"a {mark} b"{mark}0\n'
    assert rows(tmp_path / "b.csv", written) == [("two\nlines", "1"), (f"a {mark} b", "0")]
    quoted = f'"text"{mark}"label"\n"a{mark}1\nb"{mark}"2"\n'
    assert rows(tmp_path / "c.csv", quoted) == [(f"a{mark}1\nb", "2")], "the header shows what the marks are for"


def test_tabs_with_quoting(tmp_path: Path) -> None:
    text = 'text\tlabel\n"two\nlines, ""quoted"""\t1\nb\t2\n'
    assert rows(tmp_path / "a.tsv", text) == [('two\nlines, "quoted"', "1"), ("b", "2")]
    both = 'text\tlabel\n"a\t1\nb"\t2\n'
    with pytest.raises(
        InputError, match="can be read as 2 rows, .*, or as 1 rows, .*--quoting none or --quoting double"
    ):
        opened(tmp_path / "b.tsv", both)
    assert rows(tmp_path / "b.tsv", both, quoting="none") == [('"a', "1"), ('b"', "2")]
    assert rows(tmp_path / "b.tsv", both, quoting="double") == [("a\t1\nb", "2")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label,source\ngood,pos,web,\n", "line 2 has 4 fields, the header 3"),
        ("text,label,source\na,1,x\ngood,pos\n", "line 3 has 2 fields, the header 3"),
        ("text,label\na,1\nb, and c,2\n", "line 3 has 3 fields.*must be enclosed in quotation marks"),
        ('text,label\n\n"a\nb",1\n"c\nd"\n', "line 5 has 1 field, the header 2"),
        ("text\na\nb,c\n", "line 3 has 2 fields, the header 1"),
        ("text,label\na,1\ntext,label\nb,0\n", "line 3 repeats the header. If files were joined, remove that line"),
        ("text,label\na,1\n\ufefftext,label\nb,0\n", "line 3 repeats the header"),
        ("text,label\na,1\ntext, label\nb,0\n", "line 3 repeats the header"),
        ("text\na\n\ufefftext\nb\n", "line 3 repeats the header"),
        ("text\nfoo\rbar\nbaz\n", "line 2: a carriage return within the line would split its row. Put its field in"),
        ("text,label\r\nfoo\rbar,1\r\nbaz,0\r\n", "line 2: a carriage return within the line would split its row"),
        ('text,label\n"a\nb",1\n"c,2\nd,1\n', "line 4: a quotation mark is never closed.*--quoting none"),
        ('text,label\n"a"b,1\n', "line 2: ',' expected after '\"'"),
        ("text;label|x\na;1|2\nb;3|4\n", "';', '|' may separate its fields: name the right one with --delimiter"),
        (
            "review;label;price, EUR\ngood;p;0,00\nbad;n;1,10\n",
            "',', ';' may separate its fields: name the right one",
        ),
        ("text,label\ncaf\xe9,1\n".encode("cp1252"), r"line 2 is not UTF-8 \(byte 0xe9\).*--encoding cp1252"),
        ("text,label\na,1\n".encode("utf-16-le"), "zero bytes.*--encoding utf-16-le"),
        (
            gzip.compress(b"text,label\na,1\n", mtime=0),
            "is not a text file: its first bytes are those of gzip: rename it to end in .gz",
        ),
        (bz2.compress(b"text,label\na,1\n"), "bzip2: rename it to end in .bz2"),
        (lzma.compress(b"text,label\na,1\n"), "xz: rename it to end in .xz"),
        (b"PK\x03\x04\x14\0\x06\0", "zip, which Excel also uses: unpack it first"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer: type git lfs pull"),
        ("<!doctype HTML>\n<html></html>\n", "a web page: download the file itself"),
        ('label, text\n"neg", "bad, or not"\n', "a blank stands between ',' and a quotation mark,  \"bad"),
        ('label, text\nneg, "bad"\npos, "good"\n', "a blank stands between ',' and a quotation mark,  \"bad"),
        ('"label", "text"\nneg,bad\n', "a blank stands between ',' and a quotation mark,  \"text\""),
        ("text\nfoo\n\nbar\n", "line 3 is empty. Write an empty text as two quotation marks"),
        (b"", "is empty"),
        ("\n\n", "is empty"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rows(tmp_path / "a.csv", content)


def test_quotation_marks_after_a_blank_in_a_text(tmp_path: Path) -> None:
    content = 'label,text\n1, "Yes" and "no"\n2,plain\n'
    assert rows(tmp_path / "a.csv", content) == [("1", ' "Yes" and "no"'), ("2", "plain")]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "^"])
def test_a_line_for_spreadsheets_names_the_delimiter(tmp_path: Path, delimiter: str, mark: str) -> None:
    path = tmp_path / "a.csv"
    text = f'{mark}sep={delimiter}\r\ntext{delimiter}label\r\n"a\r\nb"{delimiter}1\r\nc, d; e{delimiter}2\r\n'
    if delimiter in ",;":
        text = text.replace("c, d; e", '"c, d; e"')
    path.write_bytes(text.encode())
    table = open_table(path, FileArguments())
    assert table.columns == ["text", "label"]
    assert list(table.rows(["text", "label"])) == [("a\r\nb", "1"), ("c, d; e", "2")]
    assert list(table.lines()) == [3, 5]
    path.write_bytes(text.replace("sep=", "SEP=").encode())
    assert open_table(path, FileArguments()).columns == ["text", "label"]
    path.write_bytes(text.encode() + f"x{delimiter}y{delimiter}z\r\n".encode())
    with pytest.raises(InputError, match="line 6 has 3 fields, the header 2"):
        list(open_table(path, FileArguments()).rows(["text"]))


def test_encodings_of_two_orders(tmp_path: Path) -> None:
    text = "text,label\na,1\n"
    with pytest.raises(InputError, match="has no byte order mark: type --encoding utf-16-le, or utf-16-be"):
        rows(tmp_path / "a.csv", text.encode("utf-16-le"), encoding="utf-16")
    with pytest.raises(InputError, match="the byte order mark of UTF-16-LE, but --encoding says utf-16-be"):
        rows(tmp_path / "a.csv", "\ufeff".encode("utf-16-le") + text.encode("utf-16-le"), encoding="utf-16-be")
    marked = "\ufeff".encode("utf-16-be") + text.encode("utf-16-be")
    assert rows(tmp_path / "a.csv", marked, encoding="utf-16") == [("a", "1")]


@pytest.mark.parametrize(
    ("encoding", "asked"),
    [("cp1252", "cp1252"), ("utf-16", None), ("utf-8-sig", None), ("utf-16-be", "utf-16-be"), ("latin-1", "iso8859-1")],
)
def test_encodings(tmp_path: Path, encoding: str, asked: str | None) -> None:
    assert rows(tmp_path / "a.csv", "text,label\ncafé,1\n".encode(encoding), encoding=asked) == [("café", "1")]
    assert rows(tmp_path / "a.txt", "café\n".encode(encoding), encoding=asked) == [("café",)]
    assert rows(tmp_path / "a.jsonl", '{"text": "café"}'.encode(encoding), encoding=asked) == [("café",)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encoding": "klingon"}, "--encoding klingon is not an encoding"),
        ({"encoding": "base64"}, "--encoding base64 is not an encoding"),
        ({"encoding": "cp1252"}, "begins with the byte order mark of UTF-8, but --encoding says cp1252"),
        ({"encoding": "utf-16"}, "begins with the byte order mark of UTF-8, but --encoding says utf-16"),
        ({"delimiter": ",,"}, "--delimiter must be one character, or tab; found ',,'"),
        ({"delimiter": '"'}, "--delimiter must be one character"),
    ],
)
def test_wrong_settings(tmp_path: Path, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        opened(tmp_path / "a.csv", b"\xef\xbb\xbftext,label\na,1\n", **arguments)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name, told in (("pipe.csv", "is a pipe or a device"), ("folder.csv", "is a folder"), ("x.csv", "There is no")):
        with pytest.raises(InputError, match=told):
            open_table(tmp_path / name, FileArguments())


def test_an_encoding_that_was_named_is_not_suggested(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2 is not CP1252 .byte 0x9d.. It may be damaged, or have another"):
        rows(tmp_path / "a.csv", "text,label\n\u201dx,1\n".encode(), encoding="cp1252")


def test_tabs_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tab in its first line, but ','. Name what separates its fields"):
        opened(tmp_path / "a.tsv", "text,label\na,1\n")
    assert rows(tmp_path / "a.tsv", "text,label\na,1\n", delimiter=",") == [("a", "1")]
    assert rows(tmp_path / "b.tsv", "text\na, b\n") == [("a, b",)]


@pytest.mark.parametrize("name", ["tab", "\\t", "\t"])
def test_names_of_the_tab(tmp_path: Path, name: str) -> None:
    assert rows(tmp_path / "a.csv", "a,b\tc\n1\t2\n", delimiter=name) == [("1", "2")]


def test_columns_are_found_in_any_case(tmp_path: Path) -> None:
    table = opened(tmp_path / "a.csv", "Text, Label ,label,id,id\na,1,2,3,4\n")
    assert (table.find("text"), table.find("TEXT"), table.find("label")) == ("Text", "Text", "label")
    with pytest.raises(InputError, match="has 2 columns 'id'"):
        table.find("id")
    with pytest.raises(InputError, match="has 2 columns 'LABEL'"):
        table.find("LABEL")
    with pytest.raises(InputError, match="has no column body; its columns are Text"):
        table.find("body")


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("a.csv", 'text,label\n"a\nb",1\n\n"c\r\nd\n\n",2\r\ne,3\n', [2, 5, 9]),
        ("a.csv", '\ufeff\n"te\nxt",label\na,1\n', [4]),
        ("a.tsv", 'text\tlabel\n"a\t1\nb\t2\n', [2, 3]),
        ("a.jsonl", '\n\n{"text": "a"}\n\n{"text": "b"}\n{"text": "c"}', [3, 5, 6]),
        ("a.jsonl", '{"text": "a"}', [1]),
        ("a.json", '[\n{"text": "a"},\n{"text": "b"}\n]', [None, None]),
        ("a.json", '{"text": ["a", "b"]}\n', [None, None]),
        ("a.txt", "a\n\nb", [1, 2, 3]),
    ],
)
def test_a_row_has_the_line_where_it_begins(tmp_path: Path, name: str, content: str, lines: list[int | None]) -> None:
    table = opened(tmp_path / name, content)
    assert list(table.lines()) == list(table.lines()) == lines
    last = f"row {len(lines)}" if lines[-1] is None else f"line {lines[-1]}"
    assert table.locate(len(lines)) == f"{last} of '{tmp_path / name}'"


def test_columns_of_text(tmp_path: Path) -> None:
    table = opened(tmp_path / "a.csv", "id,text,stars\n1,nice,5\n2,,3\n")
    assert table.text_columns() == {"id": False, "text": True, "stars": False}
    fixed = pa.array([["x", "y"]], pa.list_(pa.string(), 2))
    views = pa.table({"text": pa.array(["a"], pa.string_view()), "n": [1], "names": [["x"]], "options": fixed})
    pq.write_table(views, tmp_path / "a.parquet")
    table = open_table(tmp_path / "a.parquet", FileArguments())
    assert table.text_columns() == {"text": True} and list(table.lines()) == [None]


def test_a_column_whose_name_begins_like_a_format(tmp_path: Path) -> None:
    for name in ("par1", "PAR1", "bzh91ay&sy"):
        assert rows(tmp_path / "a.csv", f"{name},text\n1,a\n") == [("1", "a")]
    for start in (b"PAR1\x15\x04", b"<HTML>", b"<!doctype HTML>"):
        with pytest.raises(InputError, match="is not a text file|Parquet|web page"):
            rows(tmp_path / "a.csv", start + b"\n1,a\n")


def test_json_lines_by_their_other_suffix(tmp_path: Path) -> None:
    assert rows(tmp_path / "a.ndjson", '{"a": 1}\n{"a": 2}\n') == [("1",), ("2",)]


@pytest.mark.parametrize(
    "content",
    [
        "text,label\nabc,1\ndef,2\r",
        "text,label\nabc,1\rdef,2\n",
        "text,label\r\nabc,1\r\r\ndef,2\r\n",
        "text,label\nTEXT,Label\nabc,1\n",
        "text\nabc\ndef\r",
    ],
)
def test_rows_that_are_whole_are_read_whatever_ends_their_lines(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content.encode())
    table = open_table(tmp_path / "a.csv", FileArguments())
    assert len(list(table.rows(["text"]))) == 2

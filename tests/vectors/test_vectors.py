"""Files of word vectors: every format agrees with gensim's reader, and damage of any kind gives one clear sentence."""

import ast
import bz2
import gzip
import lzma
import os
import pickle
import re
import shlex
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gensim.models import FastText, KeyedVectors, Word2Vec
from gensim.models.fasttext import load_facebook_vectors, save_facebook_model
from huggingface_hub import ModelCard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from modeling_lstm import LstmTokenizer
from modeling_lstm.cli import main
from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.files import claim_folder
from modeling_lstm.vectors import WordVectors
from modeling_lstm.vectors.card_template import write_vectors_card
from modeling_lstm.vectors.formats.fasttext import ngrams
from modeling_lstm.vectors.similarity import compare_vectors, load_vectors
from modeling_lstm.vectors.word_matching import find_spellings, find_whole_words
from modeling_lstm.vectors.word_sources import WordSource, is_from_hub, open_vectors
from tests.conftest import write_csv

WORDS = ["the", "a", "film", "good", "Good", "naïve", "#", ".", "n't", "3", "émoi", "电影"]
SENTENCES = [["the", "film", "was", "good"], ["a", "naïve", "film", "Good", "."], ["émoi", "电影", "the", "a"]] * 5


def table(words: list[str] = WORDS, dimension: int = 7) -> WordVectors:
    numbers = np.random.default_rng(0).normal(size=(len(words), dimension)).astype(np.float32)
    return WordVectors(words, numbers)


def keyed(vectors: WordVectors) -> KeyedVectors:
    found = KeyedVectors(vectors.dimension)
    found.add_vectors(vectors.words, vectors.vectors)
    return found


def text_lines(vectors: WordVectors, header: bool = False) -> bytes:
    lines = [f"{len(vectors)} {vectors.dimension}"] if header else []
    for word, numbers in zip(vectors.words, vectors.vectors, strict=True):
        lines.append(" ".join([word, *(repr(float(number)) for number in numbers)]))
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same vectors in every format, and fastText's own."""
    folder = tmp_path_factory.mktemp("vectors")
    vectors = table()
    found = {name: folder / name for name in ("glove.txt", "glove.txt.gz", "glove.zip", "header.txt", "word2vec.bin")}
    found["glove.txt"].write_bytes(text_lines(vectors))
    found["header.txt"].write_bytes(text_lines(vectors, header=True))
    found["glove.txt.gz"].write_bytes(gzip.compress(text_lines(vectors)))
    with zipfile.ZipFile(found["glove.zip"], "w") as archive:
        archive.writestr("glove.7d.txt", text_lines(vectors))
    keyed(vectors).save_word2vec_format(str(found["word2vec.bin"]), binary=True)
    found["word2vec.bin.gz"] = folder / "word2vec.bin.gz"
    found["word2vec.bin.gz"].write_bytes(gzip.compress(found["word2vec.bin"].read_bytes()))
    model = FastText(SENTENCES, vector_size=6, min_count=1, bucket=50, epochs=1, min_n=2, max_n=4, seed=1)
    found["fasttext.bin"] = folder / "fasttext.bin"
    save_facebook_model(model, str(found["fasttext.bin"]))
    found["fasttext.vec"] = folder / "fasttext.vec"
    model.wv.save_word2vec_format(str(found["fasttext.vec"]))
    return found


@pytest.mark.parametrize(
    "name", ["glove.txt", "glove.txt.gz", "glove.zip", "header.txt", "word2vec.bin", "word2vec.bin.gz"]
)
def test_formats_of_words_read_back_to_the_last_bit(files: dict[str, Path], name: str) -> None:
    found = WordVectors.from_file(files[name])
    assert found.words == WORDS
    assert np.array_equal(found.vectors, table().vectors)
    some = WordVectors.from_file(files[name], words=["good", "电影", "absent"])
    assert some.words == ["good", "电影"]
    assert np.array_equal(some.vectors, table().vectors[[3, 11]])


def test_fasttext_agrees_with_gensim_on_words_it_knows_and_on_others(files: dict[str, Path]) -> None:
    theirs = load_facebook_vectors(str(files["fasttext.bin"]))
    unknown = ["films", "goodish", "naïveté", "影电", "x", "¿"]
    for words in ([*theirs.index_to_key, *unknown], None):
        ours = WordVectors.from_file(files["fasttext.bin"], words=words, compose=unknown)
        assert set(ours.words) == set(theirs.index_to_key)
        for word in [*theirs.index_to_key, *unknown]:
            found = ours.vector(word)
            assert found is not None and np.array_equal(found, theirs.get_vector(word)), word
    packed = files["fasttext.bin"].with_suffix(".bin.gz")
    packed.write_bytes(gzip.compress(files["fasttext.bin"].read_bytes()))
    assert np.array_equal(WordVectors.from_file(packed).vectors, ours.vectors)
    assert np.array_equal(
        WordVectors.from_file(files["fasttext.vec"]).vectors,
        KeyedVectors.load_word2vec_format(str(files["fasttext.vec"])).vectors,
    )


def test_vectors_of_reserved_words_alone_are_saved(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    WordVectors(["[PAD]", "<unk>"], np.ones((2, 3), dtype=np.float32)).save_pretrained(tmp_path)
    assert "Left out with their vectors, since they are names of special tokens: [PAD], <unk>" in caplog.text
    assert WordVectors.from_pretrained(str(tmp_path)).words == []


def test_the_card_names_an_algorithm_only_if_it_is_known(tmp_path: Path) -> None:
    vectors = WordVectors(["a", "b"], np.ones((2, 3), dtype=np.float32))
    for algorithm, tags in ({}, []), ({"algorithm": "fasttext"}, ["fasttext"]):
        vectors.record = algorithm
        vectors.save_pretrained(tmp_path)
        assert ModelCard.load(tmp_path / "README.md").data.tags == ["word-vectors", *tags, "static-embeddings"]


def test_the_card_of_vectors_tells_of_no_machine(tmp_path: Path) -> None:
    write_vectors_card(tmp_path, "me/vectors", 3, 2, {"dataset": "/home/jane/a.txt, me/texts, ../b.csv"})
    assert "`a.txt, me/texts, b.csv`" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_the_code_on_the_card_of_vectors_can_be_copied(tmp_path: Path) -> None:
    source = 'my "own" vectors'
    write_vectors_card(tmp_path, source, 3, 2, {})
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert f"--embeddings {shlex.quote(source)} --dataset" in text
    (code,) = re.findall(r"from_pretrained\((.*)\)", text.partition("```python")[2].partition("```")[0])
    assert ast.literal_eval(code) == source


def test_a_record_may_hold_paths_and_numbers_of_numpy(tmp_path: Path) -> None:
    vectors = WordVectors(
        ["a"], np.ones((1, 3), dtype=np.float32), record={"texts": np.int64(3), "from": Path("a.txt")}
    )
    vectors.save_pretrained(tmp_path)
    assert WordVectors.from_pretrained(str(tmp_path)).record == {"texts": 3, "from": "a.txt"}


def test_ngrams_are_those_of_the_paper() -> None:
    # <where>: <wh whe her ere re> (Bojanowski et al., 2017, section 3.2)
    assert len(ngrams("where", 3, 3, 1 << 31)) == 5
    assert len(set(ngrams("where", 3, 6, 1 << 31))) == 5 + 4 + 3 + 2
    assert ngrams("her", 3, 3, 1 << 31)[1] == ngrams("where", 3, 3, 1 << 31)[2]
    assert ngrams("where", 3, 3, 0) == []


def _gensim_reads(path: Path) -> KeyedVectors:
    if path.name.endswith(("_fasttext.bin", "_fasttext_new.bin")) or path.name in (
        "toy-model.bin",
        "crime-and-punishment.bin",
    ):
        return load_facebook_vectors(str(path))
    return KeyedVectors.load_word2vec_format(str(path), binary=".bin" in path.name, no_header="glove" in path.name)


REAL = [
    *("glove.6B.50d.subset.txt", "glove.6B.100d.subset.txt", "glove.6B.100d.sample.txt.gz"),
    *("glove.6B.300d.sample.txt.gz", "glove.twitter.27B.25d.subset.txt"),
    "GoogleNews-vectors-negative300.subset.bin.gz",
    *(
        f"format_samples/{name}"
        for name in (
            *("cp852_fasttext.bin", "crime-and-punishment.bin", "crime-and-punishment.vec", "euclidean_vectors.bin"),
            *("high_precision.kv.bin", "high_precision.kv.txt", "lee_fasttext.bin", "lee_fasttext.vec"),
            *("lee_fasttext_new.bin", "non_ascii_fasttext.bin", "test_glove.txt", "toy-model.bin", "toy-model.vec"),
        )
    ),
]


@pytest.mark.parametrize("name", REAL)
def test_real_files_agree_with_gensim_to_the_last_bit(real_data: Path, name: str) -> None:
    path = real_data / "vectors" / name
    theirs = _gensim_reads(path)
    ours = WordVectors.from_file(path)
    # gensim spells words that are not UTF-8 with backslashes; here they are left out, since no text can hold them
    assert set(ours.words) == {word for word in theirs.index_to_key if "\\x" not in word} and len(ours) > 0
    for word in set(ours.words) - {"</s>"}:
        assert np.array_equal(ours.vector(word), theirs.get_vector(word)), word
    if hasattr(theirs, "vectors_ngrams"):
        for word in ("unseenword", "été", "неизвестно"):
            assert np.array_equal(ours.vector(word), theirs.get_vector(word)), word


def test_the_end_of_a_line_has_no_ngrams(real_data: Path) -> None:
    """gensim adds some to its vector; fastText, which wrote both files, does not."""
    model, text = (
        WordVectors.from_file(real_data / "vectors" / "format_samples" / f"crime-and-punishment.{end}")
        for end in ("bin", "vec")
    )
    assert model.words == text.words and "</s>" in model
    assert np.allclose(model.vectors, text.vectors, atol=1e-4)
    assert ngrams("</s>", 3, 6, 100) == []


def test_real_files_that_gensim_cannot_read(real_data: Path) -> None:
    folder = real_data / "vectors" / "format_samples"
    model = WordVectors.from_file(folder / "pang_lee_polarity_fasttext.bin")
    text = WordVectors.from_file(folder / "pang_lee_polarity_fasttext.vec")
    assert model.words == text.words and len(text) == 1689
    assert np.allclose(model.vectors, text.vectors, atol=1e-4)


# --- bad input ---------------------------------------------------------------------------------------------------


def _bad(tmp_path: Path, content: bytes, name: str = "vectors.txt") -> str:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        WordVectors.from_file(path)
    return str(error.value)


BAD_TEXT = {
    "too few numbers": (b"a 1 2 3\nb 1 2\n", "line 2 .*expected 3 numbers, found 2"),
    "too many numbers": (b"a 1 2 3\nb 1 2 3 4\n", "line 2 .*expected 3 numbers, found 4"),
    "no number": (b"a 1 2 3\nb 1 x 3\n", "line 2 .*expected 3 numbers, found 'x' among them.$"),
    "declared dimension": (b"2 4\na 1 2 3\nb 1 2 3\n", "line 2 .*expected 4 numbers, found 3"),
    "digits with a line between": (b"a 1 2 3\nb 1 2_0 3\n", "line 2 .*expected 3 numbers, found '2_0'"),
    "fewer words and empty lines": (b"3 2\na 1 2\n\nb 1 2\n\n", "declares 3 words, it has 2"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n", "is a Git LFS pointer"),
    "declared number of words": (b"3 2\na 1 2\nb 1 2\n", "truncated: its first line declares 3 words, it has 2"),
    "cut-off line": (b"a 1 2 3\nb 1 2 3\nc 1 2", "line 3 .*expected 3 numbers, found 2"),
    "NaN": (b"a 1 2 3\nb 1 nan 3\n", "vector of 'b' holds NaN"),
    "infinity": (b"a 1 2 3\nb 1 1e999 3\n", "vector of 'b' holds NaN or infinity"),
    "empty": (b"", "is empty"),
    "blank": (b"\n \n", "is empty"),
    "prose": (b"It was a dark and stormy night;\n", "line 1: expected a word and its numbers"),
    "a word alone": (b"word\n", "line 1: expected a word and its numbers"),
    "no dimension": (b"2 0\n", "declares vectors of 0 numbers"),
    "hostile dimension": (b"1 99999999999\na 1\n", "declares vectors of 99999999999 numbers"),
    "numpy": (b"\x93NUMPY\x01\x00", "is a NumPy array"),
    "names of columns": (
        b"word d0 d1\na 1 2\n",
        "line 1 .*expected 2 numbers, found 'd0' among them. If the line names",
    ),
    "xz": (lzma.compress(b"a 1 2\n"), "is xz. Expected word vectors as text"),
    "bzip2": (bz2.compress(b"a 1 2\n"), "is bzip2. Expected word vectors as text"),
    "packed twice": (gzip.compress(gzip.compress(b"a 1 2\n")), "is packed twice, with gzip inside"),
    "UTF-16": ("a 1 2\n".encode("utf-16"), "is UTF-16"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", BAD_TEXT)
def test_bad_text(tmp_path: Path, case: str) -> None:
    content, message = BAD_TEXT[case]
    found = _bad(tmp_path, content)
    assert re.search(message, found), found


def test_archives_that_cannot_be_read(tmp_path: Path) -> None:
    """Damaged ones, and those with a password, whose flag is bit 0 of a field in both headers."""
    path = tmp_path / "vectors.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("vectors.txt", "a 1 2\n" * 9)
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be unpacked: .*password"):
        WordVectors.from_file(path)
    packed = gzip.compress(b"".join(b"word%d 1 2\n" % n for n in range(999)))
    (tmp_path / "vectors.txt.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(InputError, match="is damaged or truncated"):
        WordVectors.from_file(tmp_path / "vectors.txt.gz")


def test_words_may_hold_blanks_and_files_may_hold_tabs_and_line_ends_of_other_systems(tmp_path: Path) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(b"\xef\xbb\xbfa 1 2 3 \r\n. . . 4 5 6\r\nat name@domain.com 7 8 9\r\n\r\nb\t1\t2\t3\r\n")
    found = WordVectors.from_file(path)
    assert found.words == ["a", ". . .", "at name@domain.com", "b"]
    assert found.vectors[:, 0].tolist() == [1, 4, 7, 1]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"at name@domain.com 7 8 9\na 1 2 3\n", {"at name@domain.com": 7, "a": 1}),
        (b"\n. . . 7 8 9\na 1 2 3\n", {". . .": 7, "a": 1}),
        (b"at name@domain.com -7e0 8 9\n", {"at name@domain.com": -7}),
        ("\ufeffthe end is near 7 8 9\r\na\u00a0b 1 2 3 \r\n".encode(), {"the end is near": 7, "a\u00a0b": 1}),
        (b" 4 5 6\na 1 2 3\nb 2 2 3\n", {"a": 1, "b": 2}),  # no word
        (b"a 1 2 3\n\t4\t5\t6\n 4 5 6\nb 2 2 3\n", {"a": 1, "b": 2}),
        (b"3 3\na 1 2 3\n 4 5 6\nc d 2 2 3\n", {"a": 1, "c d": 2}),
        (b"a\0b 1 2 3\nb 2 2 3\n", {"a\0b": 1, "b": 2}),
        (b"2 3\na\0b 1 2 3\nb 2 2 3\n", {"a\0b": 1, "b": 2}),
        (b"PK 1 2 3\nBZh 2 2 3\n", {"PK": 1, "BZh": 2}),
        (b"BZhou 1 2 3\nPK 2 2 3\n", {"BZhou": 1, "PK": 2}),
    ],
)
def test_the_first_lines_may_be_odd_and_words_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, expected: dict[str, float]
) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(content)
    found = WordVectors.from_file(path)
    assert found.dimension == 3
    assert dict(zip(found.words, found.vectors[:, 0].tolist(), strict=True)) == expected
    wordless = [n for n, line in enumerate(content.split(b"\n"), start=1) if line[:1].isspace() and line.strip()]
    if wordless:
        assert f"line {wordless[0]} has no word and is left out ({len(wordless)} in all)" in caplog.text
    else:
        assert not caplog.text


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize(
    "words",
    [
        ["the", "New York", "film", "x"],
        ["New York", "a"],
        ["a", "New York"],
        ["a b c d e", "f", "g  h", "at name@domain.com"],
        ["naïve été", "the", "q", ". . .", "电影 院"],
    ],
)
def test_words_of_binary_files_may_hold_blanks(tmp_path: Path, words: list[str], end: bytes) -> None:
    path = tmp_path / "blanks.bin"
    for dimension in (8, 25):
        vectors = table(words, dimension)
        records = [
            word.encode() + b" " + numbers.tobytes() + end for word, numbers in zip(words, vectors.vectors, strict=True)
        ]
        path.write_bytes(f"{len(words)} {dimension}\n".encode() + b"".join(records))
        found = WordVectors.from_file(path)
        assert found.words == words and np.array_equal(found.vectors, vectors.vectors)
        some = WordVectors.from_file(path, words=[words[1]])
        assert some.words == [words[1]] and np.array_equal(some.vectors, vectors.vectors[1:2])


def test_binary_files_with_odd_words_are_read_as_they_are(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    numbers = np.frombuffer(b"ab c" * 2, dtype="<f4")  # look like text, and are numbers of a usual size
    numbers = np.where(np.abs(numbers) < 1e10, numbers, 0.5).astype("<f4")
    path = tmp_path / "odd.bin"
    records = [(b"a", numbers), (b"\xe9t\xe9", -numbers), (b"", numbers), (b"b", 2 * numbers)]
    path.write_bytes(b"4 2\n" + b"".join(word + b" " + vector.tobytes() for word, vector in records))
    found = WordVectors.from_file(path)
    assert found.words == ["a", "b"] and np.array_equal(found.vectors, np.stack([numbers, 2 * numbers]))
    assert "1 words are not UTF-8" in caplog.text and "record 3 has no word" in caplog.text


def test_a_binary_line_that_ends_in_a_digit_is_not_text(tmp_path: Path) -> None:
    numbers = np.frombuffer(b"\x00\x00\x80\x3e\x20\x35\x0a\x3d", dtype="<f4")
    path = tmp_path / "digit.bin"
    path.write_bytes(b"2 2\ngood " + numbers.tobytes() + b"bad " + numbers.tobytes())
    found = WordVectors.from_file(path)
    assert found.words == ["good", "bad"] and np.array_equal(found.vectors, np.stack([numbers, numbers]))


def test_numbers_that_can_only_be_letters_are_refused(tmp_path: Path) -> None:
    record = b"New " + b"York, N.Y. " + np.full(8, 0.5, "<f4").tobytes()[:-11]  # eleven bytes short
    found = _bad(tmp_path, b"2 8\nthe " + np.ones(8, "<f4").tobytes() + record, "letters.bin")
    assert "damaged at the word 'New': numbers as large as" in found


def test_of_repeated_words_the_first_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "twice.txt"
    path.write_bytes(b"a 1 2\nb 3 4\na 5 6\n")
    assert WordVectors.from_file(path).vectors.tolist() == [[1, 2], [3, 4]]
    assert "1 words occur more than once" in caplog.text


def test_words_that_are_not_utf8_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"a 1 2\n\xe9t\xe9 3 4\n")
    assert WordVectors.from_file(path).words == ["a"]
    assert "1 words are not UTF-8" in caplog.text


def test_pickles_are_refused_and_not_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "exploded",))

    for protocol in (2, 4, 5):
        found = _bad(tmp_path, pickle.dumps(Bomb(), protocol=protocol), "vectors.kv")
        assert "is a pickle" in found and "save_word2vec_format" in found
    keyed(table()).save(str(tmp_path / "gensim.kv"))
    with pytest.raises(InputError, match="is a pickle"):
        open_vectors(tmp_path / "gensim.kv").find(["a"])  # type: ignore[union-attr]
    with zipfile.ZipFile(tmp_path / "torch.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="is a pickle"):
        WordVectors.from_file(tmp_path / "torch.pt")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("name", ["word2vec.bin", "fasttext.bin", "header.txt", "glove.txt.gz", "glove.zip"])
def test_files_cut_off_anywhere(files: dict[str, Path], name: str, tmp_path: Path) -> None:
    whole = files[name].read_bytes()
    end = len(whole) - 40
    if name == "fasttext.bin":  # what follows the matrix of input vectors is not needed
        words = len(load_facebook_vectors(str(files[name])).index_to_key)
        end = whole.index(struct.pack("<2q", words + 50, 6)) + 16 + (words + 50) * 6 * 4
    for size in range(0, end, 23):
        message = _bad(tmp_path, whole[:size], files[name].name)
        assert re.search("truncated|damaged|expected|is empty|not a fastText model", message), message


def test_declared_sizes_are_not_believed(tmp_path: Path) -> None:
    assert "truncated" in _bad(tmp_path, b"9999999999999999 300\na " + bytes(1200), "huge.bin")
    packed = gzip.compress(b"9999999999999999 300\na " + bytes(1200))
    assert "ends within word 2" in _bad(tmp_path, packed, "huge.bin.gz")
    assert "no space for 10000 bytes" in _bad(tmp_path, gzip.compress(b"2 3\n\0" + b"x" * 20_000), "endless.bin.gz")
    record = b"ab " + np.ones(4, "<f4").tobytes()
    assert "continues after the 2 words of 3 numbers" in _bad(tmp_path, b"2 3\n" + 3 * record, "dimension.bin")
    # a packed fastText model that declares 2^31 - 1 buckets
    settings = struct.pack("<10id", 5, 1, 5, 1, 1, 2, 2**31 - 1, 3, 6, 100, 1e-4)
    dictionary = struct.pack("<3iqq", 1, 1, 0, 9, -1) + b"the\0" + struct.pack("<qb", 9, 0)
    matrix = struct.pack("<?2q", False, 2**31, 4) + np.ones(8, "<f4").tobytes()
    packed = gzip.compress(struct.pack("<4i", 793712314, 12, 4, 5) + settings + dictionary + matrix)
    assert "truncated" in _bad(tmp_path, packed, "buckets.bin.gz")
    dictionary = struct.pack("<3iqq", 1, 1, 0, 9, 2**62) + b"the\0" + struct.pack("<qb", 9, 0)  # 2^62 pruned entries
    model = struct.pack("<4i", 793712314, 12, 4, 5) + settings + dictionary + matrix
    assert "its dictionary declares" in _bad(tmp_path, model, "pruned.bin")
    assert "longer than" in _bad(tmp_path, b"a 1 2\n" + b"x" * (1 << 23), "line.txt")


def test_quantized_and_nonsense_fasttext_models(files: dict[str, Path], tmp_path: Path) -> None:
    whole = bytearray(files["fasttext.bin"].read_bytes())
    vectors = load_facebook_vectors(str(files["fasttext.bin"]))
    flag = len(whole) - 1  # the flag before the first matrix: find it from the matrix header after it
    header = struct.pack("<2q", len(vectors.index_to_key) + 50, 6)
    flag = whole.index(header) - 1
    whole[flag] = 1
    assert "quantized" in _bad(tmp_path, bytes(whole), "model.ftz")
    whole[flag] = 0
    whole[flag + 1 : flag + 9] = struct.pack("<q", 2)
    assert "its matrix is 2 x 6" in _bad(tmp_path, bytes(whole), "model.bin")
    damaged = bytearray(files["fasttext.bin"].read_bytes())
    damaged[8:12] = struct.pack("<i", -5)
    assert "header" in _bad(tmp_path, bytes(damaged), "model.bin")
    damaged = bytearray(files["fasttext.bin"].read_bytes())
    damaged[flag + 17 : flag + 21] = struct.pack("<f", float("nan"))
    assert "holds NaN" in _bad(tmp_path, bytes(damaged), "model.bin")


def test_zip_files_name_what_they_hold(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "glove.6B.zip", "w") as archive:
        archive.writestr("glove.6B.50d.txt", text_lines(table()))
        archive.writestr("glove.6B.100d.txt", text_lines(table(dimension=9)))
    with pytest.raises(InputError, match=r"holds glove.6B.50d.txt, glove.6B.100d.txt: name one as .*:FILE"):
        WordVectors.from_file(tmp_path / "glove.6B.zip")
    with pytest.raises(InputError, match="holds no file 'absent'"):
        WordVectors.from_file(tmp_path / "glove.6B.zip", "absent")
    source = open_vectors(f"{tmp_path}/glove.6B.zip:glove.6B.100d.txt")
    assert isinstance(source, WordSource) and source.find(["film"])[0]["film"].shape == (9,)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_fuzz_damaged_files_give_a_sentence_or_vectors(
    files: dict[str, Path], tmp_path: Path, data: st.DataObject
) -> None:
    """Bytes changed, cut out or put in, anywhere: vectors or an InputError, nothing else."""
    name = data.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[name].read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        end = at + data.draw(st.integers(0, 12))
        content[at:end] = data.draw(st.binary(max_size=12))
    path = tmp_path / "fuzzed"
    path.write_bytes(bytes(content))
    words = data.draw(st.sampled_from([None, ["film", "goodish"]]))
    try:
        found = WordVectors.from_file(path, words=words)
    except InputError as error:
        assert len(str(error)) < 2_000
    else:
        assert np.isfinite(found.vectors).all()


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(content=st.one_of(st.binary(max_size=200), st.text(alphabet="ab 019.\n\t-e", max_size=200).map(str.encode)))
def test_fuzz_arbitrary_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fuzzed"
    path.write_bytes(content)
    try:
        found = WordVectors.from_file(path)
    except InputError:
        return
    assert found.dimension >= 1 and np.isfinite(found.vectors).all()


# --- sources, own vectors, commands ------------------------------------------------------------------------------


def test_tokens_are_found_exactly_then_in_other_spellings_then_by_subwords(files: dict[str, Path]) -> None:
    source = open_vectors(files["glove.txt"])
    assert isinstance(source, WordSource)
    vectors, how = source.find(["good", "Good", "FILM", "7", "#film", "absent"])
    assert how == {"good": "exact", "Good": "exact", "FILM": "other spelling", "#film": "other spelling"}
    assert np.array_equal(vectors["FILM"], vectors["#film"]) and not np.array_equal(vectors["good"], vectors["Good"])
    source = open_vectors(files["fasttext.bin"])
    assert isinstance(source, WordSource)
    assert source.find(["film", "films"])[1] == {"film": "exact", "films": "subwords"}
    assert find_spellings("#Ab3") == ["#Ab3", "#ab3", "#AB3", "Ab3", "ab3", "AB3", "Ab#", "#Ab#"]
    assert "<user>" in find_spellings("@user") and "<url>" in find_spellings("http")
    assert find_spellings("#" * 2_000) == ["#" * 2_000] and "film" in find_spellings("##Film")


def test_capital_letters_have_the_ngrams_of_small_ones_if_the_training_text_had(files: dict[str, Path]) -> None:
    read = WordVectors.from_file(files["fasttext.bin"])
    plain, lower = replace(read, record={}), replace(read, record={"lowercase": True})
    for word in ("FILM", "Films"):
        assert np.array_equal(lower.vector(word), read.vector(word.lower()))
        assert not np.array_equal(plain.vector(word), lower.vector(word))
    assert lower.nearest("FILM", 2) == read.nearest("film", 2)


def test_words_of_tokenizers_with_signs_of_their_own() -> None:
    words = ["the", "\u2581", "\u0120aqda", "film"]
    assert find_whole_words(LstmTokenizer.from_words(words)) == [None, None, *words]
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, show_progress=False)
    backend.train_from_iterator(["caf\u00e9 caf\u00e9 caf\u00e9"] * 9, trainer)
    assert "caf\u00e9" in find_whole_words(LstmTokenizer.adopt(backend, None, None))
    halves = Tokenizer(models.BPE(vocab={"\u0120\u00c3": 0, "\u0120\u00e2": 1, "\u0120a": 2}, merges=[]))
    halves.decoder = decoders.ByteLevel()
    assert find_whole_words(LstmTokenizer.adopt(halves, None, None))[:3] == [None, None, "a"]
    signs = Tokenizer(models.BPE(vocab={"\u0120{": 0, "\u0120{\u010a": 1, "\u0120\u0120{": 2, "\u0120": 3}, merges=[]))
    signs.decoder = decoders.ByteLevel()
    assert find_whole_words(LstmTokenizer.adopt(signs, None, None))[:4] == ["{", None, None, None]


def test_numbers_that_stand_for_no_token(tmp_path: Path) -> None:
    backend = Tokenizer(models.WordLevel({"a": 0, "b": 2, "[UNK]": 3}, unk_token="[UNK]"))
    backend.save(str(tmp_path / "tokenizer.json"))
    rows = np.arange(8, dtype=np.float32).reshape(4, 2)
    save_file({"embeddings": rows}, tmp_path / "model.safetensors")
    vectors = WordVectors.from_pretrained(tmp_path)
    assert vectors.words == ["a", "b"] and np.array_equal(vectors.vectors, rows[[0, 2]])
    save_file({"embeddings": rows[:3]}, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="has tokens up to number 3, but only 3 vectors"):
        WordVectors.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ngrams", np.full((4, 7), np.nan, np.float32), "its n-grams hold NaN or infinity"),
        ("ngrams", np.zeros((4, 3), np.float32), r"its n-grams have the shape \(4, 3\), its words 7 dimensions"),
        ("ngrams", np.zeros(4, np.float32), r"its n-grams have the shape \(4,\)"),
        ("mapping", np.array([0, 1, -1, 1, 0]), "its mapping has rows below 0"),
    ],
)
def test_parts_of_a_static_model_that_do_not_fit(name: str, value: np.ndarray, message: str, tmp_path: Path) -> None:
    table(["Good", "film"]).save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    save_file(load_file(path) | {name: value}, path)
    with pytest.raises(InputError, match=message):
        WordVectors.from_pretrained(tmp_path)


def test_own_vectors_survive_odd_words_and_files_that_lack_one(tmp_path: Path) -> None:
    vectors = table(["[UNK]", "Good", "film"])
    vectors.save_pretrained(tmp_path / "own")
    (tmp_path / "own" / "tokenizer_config.json").unlink()
    found = WordVectors.from_pretrained(tmp_path / "own")
    assert found.words == ["Good", "film"] and np.array_equal(found.vectors, vectors.vectors[1:])
    tokenizer = Tokenizer.from_file(str(tmp_path / "own" / "tokenizer.json"))
    assert tokenizer.encode("Good").tokens == ["Good"]  # cased, as its words are
    with pytest.raises(InputError, match="A word occurs more than once"):
        table(["a", "a"])
    for wrong in (1, None, "a\ud83d", b"a"):
        with pytest.raises(InputError, match="A word must be a string without half characters, found"):
            table(["b", wrong])  # type: ignore[list-item]
    assert repr(vectors) == "WordVectors(3 words, 7 dimensions)"
    for name, content in {"config.json": b"{", "tokenizer.json": b"{", "model.safetensors": b"cut"}.items():
        whole = (tmp_path / "own" / name).read_bytes()
        (tmp_path / "own" / name).write_bytes(content)
        with pytest.raises(InputError, match="read"):
            WordVectors.from_pretrained(tmp_path / "own")
        (tmp_path / "own" / name).write_bytes(whole)


def test_only_what_was_read_whole_is_saved(files: dict[str, Path], tmp_path: Path) -> None:
    whole = WordVectors.from_file(files["fasttext.bin"])
    whole.save_pretrained(tmp_path / "own")
    found = WordVectors.from_pretrained(tmp_path / "own")
    assert np.array_equal(found.vector("filmic"), whole.vector("filmic"))
    with pytest.raises(InputError, match="Only some n-grams were read"):
        WordVectors.from_file(files["fasttext.bin"], words=["film"]).save_pretrained(tmp_path / "part")


def test_memory_grows_with_the_words_asked_for_not_with_the_file(tmp_path: Path) -> None:
    line = " ".join(["0.12345"] * 100)
    path = tmp_path / "large.txt"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"w{number} {line}\n" for number in range(40_000))
    tracemalloc.start()
    found = WordVectors.from_file(path, words=["w7", "w39999"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 2 and path.stat().st_size > 30e6 and peak < 6e6


def test_vectors_are_pushed_only_where_the_hub_can_be_reached(tmp_path: Path, fails: Callable[..., str]) -> None:
    table().save_pretrained(tmp_path / "own")
    refused = fails("vectors", "push", tmp_path / "own", "me/vectors")
    assert "Nothing was pushed to 'me/vectors': the Hub is not contacted while HF_HUB_OFFLINE" in refused
    (tmp_path / "a.txt").write_bytes(text_lines(table()))
    assert "is a file: name a folder that" in fails("vectors", "push", tmp_path / "a.txt", "me/vectors")
    assert "Nothing was pushed to 'no id'" in fails("vectors", "push", tmp_path / "own", "no id")


def test_gensim_objects_are_sources() -> None:
    model = Word2Vec(SENTENCES, vector_size=5, min_count=1, epochs=1)
    source = open_vectors(model.wv)
    assert isinstance(source, WordSource)
    assert np.array_equal(source.find(["film"])[0]["film"], model.wv["film"])
    model = FastText(SENTENCES, vector_size=5, min_count=1, epochs=1, bucket=30)
    source = open_vectors(model.wv)
    assert isinstance(source, WordSource)
    assert np.array_equal(source.find(["filmic"])[0]["filmic"], model.wv["filmic"])
    with pytest.raises(InputError, match="found dict"):
        open_vectors({"a": [1.0]})


def test_what_comes_from_the_hub(tmp_path: Path) -> None:
    path = tmp_path / "glove.zip"
    path.write_bytes(b"")
    for source in ("me/words", "transformer:me/encoder", "me/words:glove.txt", "me/words:glove.zip:glove.txt"):
        assert is_from_hub(source), source
    for local in (str(tmp_path), f"transformer:{tmp_path}", str(path), f"{path}:glove.txt", "./absent", table()):
        assert not is_from_hub(local), local


def test_sources_that_are_not_there(tmp_path: Path) -> None:
    for source, message in {
        "./absent.txt": "There is no file or folder './absent.txt'",
        "me/absent": "There is no file or folder 'me/absent' here, and it is not in the cache",
        "me/absent:glove.txt": "'me/absent:glove.txt' here",
        "no id at all": "it is not the id of a repository",
        "transformer:./absent": "There is no Transformer at './absent'",
        str(tmp_path): "lacks tokenizer.json, model.safetensors",
        "~nobody/vectors.txt": "There is no file or folder",
        "x" * 300: "it is not the id of a repository",
        "": "The name of the vectors is empty",
    }.items():
        with pytest.raises(InputError, match=message):
            open_vectors(source)


@pytest.mark.parametrize("algorithm", ["skipgram", "cbow", "fasttext"])
def test_own_vectors_are_trained_saved_and_loaded(
    tmp_path: Path, algorithm: str, capsys: pytest.CaptureFixture[str], fails: Callable[..., str]
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n".join(["the film was good .", "the film was bad .", "don't miss it"] * 40), encoding="utf-8")
    folder = tmp_path / "own"
    flags = ["--dataset", text, "--output_dir", folder, "--algorithm", algorithm, "--size", "8", "--workers", "1"]
    command = ["vectors", "train", *map(str, flags), "--buckets", "64"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "10 words of 8 dimensions" in shown
    vectors = WordVectors.from_pretrained(folder)
    assert set(vectors.words) == {"the", "film", "was", "good", "bad", ".", "do", "n't", "miss", "it"}
    assert vectors.record["texts"] == 120 and vectors.record["algorithm"] == algorithm
    assert (vectors.subwords is not None) == (algorithm == "fasttext")
    again = tmp_path / "again"
    assert main([*command[:4], "--output_dir", str(again), *command[6:]]) == 0
    repeated = WordVectors.from_pretrained(again)
    assert np.array_equal(repeated.vectors, vectors.vectors)  # one worker, same seed
    vectors.save_pretrained(tmp_path / "copy")
    copy = WordVectors.from_pretrained(tmp_path / "copy")
    assert copy.words == vectors.words and np.array_equal(copy.vectors, vectors.vectors)
    assert (copy.vector("films") is not None) == (algorithm == "fasttext")
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: modeling-lstm\n") and f"`{algorithm}`" in card
    capsys.readouterr()
    assert main(["vectors", "nearest", str(folder), "film", "good", "--number", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["film", "good"] and len(lines[0].split("  ")) == 3
    if algorithm != "fasttext":
        assert main(["vectors", "nearest", str(folder), "film", "Good", "absent"]) == 2
        found = capsys.readouterr()
        assert "no vector among the 10 words for 'Good' (but one for 'good'), 'absent'." in found.err
        assert found.out == "", "all words are looked up first"
    train = ["vectors", "train", "--dataset", text, "--output_dir"]
    assert "is not empty" in fails(*train, again)
    new = tmp_path / "new"
    table = write_csv(tmp_path / "table.csv", [("a b", "c")])
    told = fails("vectors", "train", "--dataset", table, "--output_dir", new, "--text_column", "x")
    assert "no column x with texts; those with texts are text" in told
    assert "Fewer than two words" in fails(*train, new, "--min_frequency", "999")
    assert "--negative must be at least 1" in fails(*train, new, "--negative", "0")
    assert "--vocab_size must be at least 2" in fails(*train, new, "--vocab_size", "1")
    assert not new.exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("modeling_lstm.vectors.learning._learn", None)  # nothing is learned in vain
        with claim_folder(new):
            (own,) = new.iterdir()
        other = own.with_name(own.name.replace(str(os.getpid()), str(os.getppid())))  # of a process that runs
        other.touch()
        assert f"Another process is writing into '{new}'" in fails(*train, new)
        assert "text.txt' is a file" in fails(*train, text / "vectors")


def test_neighbors_are_those_of_gensim() -> None:
    vectors = table([f"w{n}" for n in range(200)])
    theirs = keyed(vectors).most_similar("w7", topn=10)
    ours = vectors.nearest("w7")
    assert [word for word, _ in ours] == [word for word, _ in theirs]
    assert np.allclose([cosine for _, cosine in ours], [cosine for _, cosine in theirs], atol=1e-6)


@pytest.mark.parametrize("factor", [1e-44, 1e-30, 1e-20, 1.0, 1e20, 2e37])
@pytest.mark.filterwarnings("error")
def test_cosines_do_not_depend_on_the_lengths_of_vectors(factor: float) -> None:
    numbers = np.array([[1, 0], [1, 1], [0, 0], [-9, 0]], np.float32) * np.float32(factor)
    found = dict(WordVectors(["x", "diagonal", "zero", "minus"], numbers).nearest("x"))
    assert found == pytest.approx({"diagonal": 0.5**0.5, "zero": 0, "minus": -1}, abs=1e-6)
    first = table([f"w{n}" for n in range(60)])
    if factor > 1e-44:  # below are too few digits
        scaled = WordVectors(first.words, first.vectors * np.float32(factor))
        assert compare_vectors(first, scaled).agreement > 0.99


def test_comparison_finds_what_was_changed() -> None:
    first = table([f"w{n}" for n in range(300)], dimension=20)
    changed = first.vectors.copy() @ np.linalg.qr(np.random.default_rng(1).normal(size=(20, 20)))[0]
    same = compare_vectors(first, WordVectors(first.words, changed))
    assert same.agreement > 0.99  # a rotation changes no neighbor
    changed[7] = -changed[7]
    found = compare_vectors(first, WordVectors(first.words, changed), ["w8"])
    assert found.most_different[0].word == "w7" and found.most_different[0].agreement < 0.2
    assert found.words[0].word == "w8" and found.words[0].agreement > 0.9
    assert abs(found.chance - 25 / 299) < 1e-9
    with pytest.raises(InputError, match="Not in both collections: absent"):
        compare_vectors(first, first, ["absent"])
    with pytest.raises(InputError, match="Too few words are in both to be compared: 0; at least 51 are needed"):
        compare_vectors(first, table())


def test_compare_command(files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = []
    for dimension in (5, 9):
        path = tmp_path / f"{dimension}.txt"
        path.write_bytes(text_lines(table([f"w{n}" for n in range(80)], dimension)))
        paths.append(str(path))
    assert main(["vectors", "compare", *paths, "w3"]) == 0
    shown = capsys.readouterr().out
    assert (
        "80 words are in both" in shown
        and "nearest neighbors, the first 80 share" in shown
        and "Most different:" in shown
        and "\nw3\t" in shown
    )
    assert main(["vectors"]) == 2
    assert main(["vectors", "--help"]) == 0


def test_a_static_model_can_be_looked_at(real_data: Path) -> None:
    vectors = load_vectors(real_data / "vectors" / "potion-base-4M-int8")
    assert vectors.dimension == 128 and "terrible" in [word for word, _ in vectors.nearest("awful")]
    assert "[CLS]" not in vectors and "##ing" not in vectors

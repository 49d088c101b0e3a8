"""Write the Stanford Sentiment Treebank as Parquet: `python -m data_scripts.sst --output_dir FOLDER [--source trees]`.

Six configurations: `sentences-K` and `phrases-K` for K = 2, 3 and 5 classes. `phrases-K` trains on every distinct
phrase of the train trees, whole sentences included, and validates and tests on sentences.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from data_scripts.parquet import Description, release_folder, run
from modeling_lstm.utils.errors import InputError

URL = "https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip"
DESCRIPTION = Description(
    name="sst",
    title="Stanford Sentiment Treebank",
    summary="Sentences of film reviews and all phrases of their parse trees, with sentiment in two, three or five classes.",
    source=f"The trees in Penn Treebank form, {URL}.",
    how=(
        "A text is the leaves of a (sub)tree joined by blanks; bracket and slash escapes are undone. Two classes leave out the "
        "neutral label 2, three classes join 0 with 1 and 3 with 4. `phrases` holds each distinct text once, with the label of "
        "its first occurrence; `is_sentence` marks whole sentences."
    ),
    license="unknown",
    license_note="Not stated by the source.",
    citation="Socher et al. (2013), Recursive Deep Models for Semantic Compositionality Over a Sentiment Treebank, EMNLP.",
)
CLASSES = {
    2: (("negative", "positive"), {0: 0, 1: 0, 3: 1, 4: 1}),
    3: (("negative", "neutral", "positive"), {0: 0, 1: 0, 2: 1, 3: 2, 4: 2}),
    5: (("very negative", "negative", "neutral", "positive", "very positive"), {n: n for n in range(5)}),
}
EXPECTED = {
    "sentences-2": {"train": 6_920, "validation": 872, "test": 1_821},
    "sentences-3": {"train": 8_544, "validation": 1_101, "test": 2_210},
    "sentences-5": {"train": 8_544, "validation": 1_101, "test": 2_210},
    "phrases-2": {"train": 77_616, "validation": 872, "test": 1_821},
    "phrases-3": {"train": 159_274, "validation": 1_101, "test": 2_210},
    "phrases-5": {"train": 159_274, "validation": 1_101, "test": 2_210},
}
ESCAPES = {"-LRB-": "(", "-RRB-": ")", "\\/": "/", "\\*": "*"}

Phrase = tuple[str, int, bool]


def phrases(tree: str) -> Iterator[Phrase]:
    """Yield (text, label from 0 to 4, whether it is the whole sentence) for each subtree, innermost first."""
    stack: list[tuple[int, list[str]]] = []
    tokens = re.findall(r"\(\d|\)|[^\s()]+", tree)
    depth = list(itertools.accumulate((token[0] == "(") - (token == ")") for token in tokens))
    if not depth or min(depth[:-1], default=0) < 1 or depth[-1] != 0:
        raise InputError(f"This is not a complete tree: {tree[:60]!r}")
    for token in tokens:
        if token.startswith("("):
            stack.append((int(token[1]), []))
        elif token != ")":
            stack[-1][1].append(token)
        else:
            label, leaves = stack.pop()
            if stack:
                stack[-1][1].extend(leaves)
            text = " ".join(leaves)
            for escape, character in ESCAPES.items():
                text = text.replace(escape, character)
            yield text, label, not stack


def build(source: str | None = None) -> dict[str, DatasetDict]:
    """Build all six configurations from a folder with train.txt, dev.txt and test.txt, a zip file, or a download."""
    folder = release_folder(source, URL)
    trees = {
        split: _read_trees(folder, stem)
        for split, stem in (("train", "train"), ("validation", "dev"), ("test", "test"))
    }
    sentences = {split: [list(phrases(tree))[-1] for tree in lines] for split, lines in trees.items()}
    # the whole sentence of a tree comes before its parts
    first: dict[str, Phrase] = {}
    for tree in trees["train"]:
        for phrase in reversed(list(phrases(tree))):
            first.setdefault(phrase[0], phrase)
    configurations = {}
    for kind, train in (("sentences", sentences["train"]), ("phrases", list(first.values()))):
        for classes in CLASSES:
            parts = sentences | {"train": train}
            configurations[f"{kind}-{classes}"] = DatasetDict(
                {name: _table(rows, classes) for name, rows in parts.items()}
            )
    return configurations


def _read_trees(folder: Path, stem: str) -> list[str]:
    found = sorted(folder.rglob(f"{stem}.txt"))
    if not found:
        raise InputError(
            f"{str(folder)!r} has no {stem}.txt: --source is a folder (or zip) with train.txt, dev.txt and test.txt."
        )
    return [line for line in found[0].read_text(encoding="utf-8").split("\n") if line.strip()]


def _table(rows: list[Phrase], classes: int) -> Dataset:
    names, mapping = CLASSES[classes]
    kept = [(text, mapping[label], whole) for text, label, whole in rows if label in mapping]
    features = Features({"text": Value("string"), "label": ClassLabel(names=list(names)), "is_sentence": Value("bool")})
    columns = zip(*kept, strict=True) if kept else ([], [], [])
    return Dataset.from_dict(dict(zip(features, map(list, columns), strict=True)), features=features)


if __name__ == "__main__":
    run(build, DESCRIPTION, EXPECTED)

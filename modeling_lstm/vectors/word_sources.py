"""Open what `--embeddings` names, and find vectors for the tokens of a vocabulary."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from ..hub.downloads import download_file, is_hub_id
from ..utils.errors import require
from ..utils.files import exists
from ..utils.settings import TRANSFORMER_PREFIX
from .formats.vector_file import VectorFile
from .static_models import WEIGHTS, read_static
from .token_table import TokenTable, read_static_table, read_transformer_table
from .word_matching import find_spellings
from .word_vectors import WordVectors


class WordSource:
    """
    Words with vectors, in memory or in a file of which only what is needed is read.

    Args:
        source: The words, or the path of the file.
        member: The file inside a zip file.

    Raises:
        InputError: the file is missing, empty, a pickle or of an unknown kind.
    """

    def __init__(self, source: WordVectors | Path, member: str | None = None):
        self._source, self._member = source, member
        if isinstance(source, Path):
            VectorFile(source, member).close()  # check the file before texts are tokenized for it

    def read(self, words: Collection[str] | None = None, compose: Collection[str] = ()) -> WordVectors:
        """Return the requested words, or all; see [`WordVectors.from_file`]."""
        if isinstance(self._source, WordVectors):
            return self._source
        return WordVectors.from_file(self._source, self._member, words=words, compose=compose)

    def find(self, tokens: list[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """
        Return a vector for each token that has one, and how it was found: `exact`, `other spelling` (in the order of
        [`find_spellings`]) or `subwords`.
        """
        ways = {token: find_spellings(token) for token in tokens}
        words = self.read({spelled for way in ways.values() for spelled in way}, compose=tokens)
        vectors, how = {}, {}
        for token, way in ways.items():
            spelled = next((one for one in way if one in words), None)
            vector = words.vector(token if spelled is None else spelled)
            if vector is not None:
                vectors[token] = vector
                how[token] = "subwords" if spelled is None else "exact" if spelled == token else "other spelling"
        return vectors, how


def is_from_hub(source: Any) -> bool:
    """Whether what `--embeddings` names is on the Hub: a repository, or one of its files (`ID:FILE`)."""
    if not isinstance(source, str):
        return False
    before = source.rpartition(":")[0]
    if not before or source.startswith(TRANSFORMER_PREFIX):
        return is_hub_id(source)
    is_local = exists(Path(source)) or exists(Path(before))
    return not is_local and is_hub_id(source.partition(":")[0])


def open_vectors(
    source: Any, revision: str | None = None, max_length: int = 512, separator: bool = False
) -> WordSource | TokenTable:
    """
    Open what `--embeddings` names.

    Args:
        source: A file of vectors (`FILE.zip:MEMBER` for one of several in a zip file); a folder or Hub id of a static
            model; `ID:FILE`, a file on the Hub; `transformer:ID` or `transformer:FOLDER`; or, in Python, a
            [`WordVectors`] or gensim's `KeyedVectors`.
        revision: Branch, tag or commit on the Hub.
        max_length: `model_max_length` of a tokenizer that comes with the source.
        separator: Whether that tokenizer should know `[SEP]` between several texts.

    Raises:
        InputError: there is nothing of that name, it cannot be read, or a revision is given but it is not on the Hub.
    """
    if isinstance(source, Path):
        source = str(source)
    require(
        revision is None or is_from_hub(source),
        f"The word vectors {str(source)!r:.80} are not on the Hub, so they have no revision {revision!r}: leave that "
        "out.",
    )
    if isinstance(source, WordVectors):
        return WordSource(source)
    if not isinstance(source, str):
        return WordSource(WordVectors.from_gensim(source))
    name = source
    require(bool(name), "The name of the vectors is empty: name a file, a folder or a Hub id.")
    if name.startswith(TRANSFORMER_PREFIX):
        return read_transformer_table(name.removeprefix(TRANSFORMER_PREFIX), revision, max_length, separator)
    path = Path(name)
    if path.name == WEIGHTS and exists(path):
        path = path.parent
    if exists(path) and path.is_file():
        return WordSource(path)
    before, _, member = name.rpartition(":")
    if before and exists(Path(before)) and Path(before).is_file():
        return WordSource(Path(before), member)
    require(exists(path) or not name.startswith((".", "/", "~")), f"There is no file or folder {name!r}.")
    if not exists(path) and ":" in name:
        repo, file, *inside = name.split(":", 2)
        return WordSource(download_file(repo, file, revision), inside[0] if inside else None)
    model = read_static(str(path), revision)
    if model.has_whole_words:
        return WordSource(WordVectors.from_static(model))
    return read_static_table(model, max_length, separator)

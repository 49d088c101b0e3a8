"""`WordVectors`: words with their vectors in memory. They are saved, loaded and pushed like a model."""

import logging
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from ..hub.card_marks import read_own_card
from ..hub.uploads import CARD, Push, check_branch, find_files, open_repository, push_files
from ..models.tokenization_lstm import LstmTokenizer
from ..utils.errors import InputError, as_text, is_utf8, require
from ..utils.files import exists, write_folder, write_json
from ..utils.settings import simplify
from .card_template import write_vectors_card
from .directions import to_directions
from .formats.fasttext import Subwords, read_fasttext
from .formats.text import read_text
from .formats.vector_file import VectorFile, open_vector_file
from .formats.word2vec import read_word2vec
from .static_models import CONFIG, PADDING, UNKNOWN, WEIGHTS, StaticModel, read_static
from .word_matching import find_spellings

logger = logging.getLogger(__name__)


@dataclass(repr=False, eq=False)
class WordVectors:
    """
    Words and one vector for each, all in memory.

    Args:
        words: The words, most frequent first if that is known.
        vectors (`np.ndarray` of shape `(words, dimension)`, float32): Their vectors.
        subwords: Vectors of character n-grams, from which fastText makes vectors for other words.
        record: How they were made, as far as known (command, settings, counts). It is written to the model card.

    Raises:
        InputError: there is not one vector per word, a vector holds NaN or infinity, or a word is not a string,
            holds half a character or occurs twice.
    """

    words: list[str]
    vectors: np.ndarray
    subwords: Subwords | None = None
    record: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.words, self.vectors = list(self.words), np.ascontiguousarray(self.vectors, dtype=np.float32)
        require(
            self.vectors.ndim == 2 and len(self.words) == len(self.vectors),
            f"Expected one vector for each of {len(self.words)} words, found an array of {self.vectors.shape}.",
        )
        wrong = [word for word in self.words if not isinstance(word, str) or not is_utf8(word)]
        require(not wrong, f"A word must be a string without half characters, found {wrong[:1]}.")
        finite = np.isfinite(self.vectors).all(axis=1)
        if not finite.all():
            raise InputError(f"The vector of {self.words[int(np.argmin(finite))]!r} holds NaN or infinity.")
        self._indices = {word: index for index, word in enumerate(self.words)}
        require(len(self._indices) == len(self.words), "A word occurs more than once.")

    @property
    def dimension(self) -> int:
        """Dimensions of a vector."""
        return self.vectors.shape[1]

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"WordVectors({len(self)} words, {self.dimension} dimensions)"

    def __contains__(self, word: str) -> bool:
        return word in self._indices

    def vector(self, word: str) -> np.ndarray | None:
        """
        Return the vector of a word: its own, or one made of its n-grams if there are any, otherwise `None`. If the
        vectors were trained on text in lower case, its n-grams are taken in lower case, too.
        """
        word = self._spell(word)
        if word in self._indices:
            return self.vectors[self._indices[word]]
        return self.subwords.vector(word) if self.subwords else None

    def _spell(self, word: str) -> str:
        """Return a word in lower case if its n-grams are, and the word is not known as it is written."""
        is_lower = self.subwords is not None and self.record.get("lowercase") and word not in self._indices
        return word.lower() if is_lower else word

    def check_words(self, words: Iterable[str]) -> None:
        """
        Check that all words have a vector.

        Raises:
            InputError: some have none. The error suggests other spellings that have one.
        """
        missing = []
        for word in words:
            if self.vector(word) is None:
                spelled = next((f" (but one for {one!r})" for one in find_spellings(word) if one in self), "")
                missing.append(f"{word!r}{spelled}")
        require(not missing, f"There is no vector among the {len(self)} words for {as_text(missing)}.")

    def nearest(self, word: str, number: int = 10) -> list[tuple[str, float]]:
        """
        Return the words whose vectors have the highest cosine with that of a word, closest first, with the cosine.

        Raises:
            InputError: the word has no vector.
        """
        require(number >= 1, f"--number must be at least 1, found {number}.")
        self.check_words([word])
        vector: Any = self.vector(word)
        cosines = to_directions(self.vectors) @ to_directions(vector[None])[0]
        order = np.argsort(-cosines, kind="stable")[: number + 1]
        own = self._spell(word)
        return [(self.words[index], float(cosines[index])) for index in order if self.words[index] != own][:number]

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        member: str | None = None,
        *,
        words: Collection[str] | None = None,
        compose: Collection[str] = (),
    ) -> "WordVectors":
        """
        Read a file of GloVe, word2vec (text or binary) or fastText (`.vec` or `.bin`) vectors, also gzip or zip.

        Args:
            path: The file. Its format is detected from its content.
            member: The file inside a zip file that holds several.
            words: Read only the vectors of these, so that memory grows with them and not with the file. When all
                words of a file are read, those that are not UTF-8 are left out.
            compose: With `words` and fastText's `.bin`, also read the n-grams that vectors for these words are made of.

        Raises:
            InputError: the file is damaged, or is a pickle.
        """
        wanted = None if words is None else {word.encode("utf-8", "surrogatepass") for word in words}
        found: dict[bytes, np.ndarray] = {}
        subwords = None
        repeated = 0
        with VectorFile(Path(path), member) as file, open_vector_file(file.name):
            if file.format == "fasttext":
                found, subwords = read_fasttext(file, wanted, compose)
            else:
                for word, vector in (read_text if file.format == "text" else read_word2vec)(file, wanted):
                    repeated += word in found
                    found.setdefault(word, vector)
        if repeated:
            logger.warning("%s: %d words occur more than once; the first vector is used", file.name, repeated)
        return cls._of(found, subwords, file.name)

    @classmethod
    def _of(cls, found: dict[bytes, np.ndarray], subwords: Subwords | None, name: str) -> "WordVectors":
        words, vectors = [], []
        for word, vector in found.items():
            try:
                words.append(word.decode("utf-8"))
            except UnicodeDecodeError:
                continue
            vectors.append(vector)
        if len(words) < len(found):
            logger.warning("%s: %d words are not UTF-8 and are left out", name, len(found) - len(words))
        try:
            return cls(words, np.stack(vectors) if vectors else np.zeros((0, 1)), subwords)
        except InputError as error:
            raise InputError(f"{name!r} is damaged: {error}") from error

    @classmethod
    def from_gensim(cls, keyed: Any) -> "WordVectors":
        """Convert gensim's `KeyedVectors` or `FastTextKeyedVectors`, recognized by their attributes without gensim."""
        require(
            hasattr(keyed, "index_to_key") and hasattr(keyed, "vectors"),
            f"Expected a file, a folder, a Hub id, WordVectors or gensim's KeyedVectors, found {type(keyed).__name__}.",
        )
        subwords = None
        if hasattr(keyed, "vectors_ngrams"):
            rows = np.asarray(keyed.vectors_ngrams, dtype=np.float32)
            subwords = Subwords(keyed.min_n, keyed.max_n, len(rows), rows)
        return cls([str(word) for word in keyed.index_to_key], np.asarray(keyed.vectors), subwords)

    @classmethod
    def from_pretrained(cls, source: str | Path, *, revision: str | None = None) -> "WordVectors":
        """
        Load what [`save_pretrained`] or [`push_to_hub`] wrote, from a folder or the Hub.

        Raises:
            InputError: there is none, or it is damaged.
        """
        path = Path(source)
        require(
            not (exists(path) and path.is_file()),
            f"{str(source)!r} is a file: name a folder that modeling-lstm vectors train or save_pretrained wrote.",
        )
        return cls.from_static(read_static(str(source), revision))

    @classmethod
    def from_static(cls, model: StaticModel) -> "WordVectors":
        """
        Take the tokens of a static model that are words, with their vectors.

        Raises:
            InputError: its tokenizer knows subwords, or its n-grams do not fit.
        """
        require(
            model.has_whole_words,
            "The tokenizer of this static model knows subwords: use the model with --embeddings.",
        )
        marks = {number for number, token in model.tokenizer.get_added_tokens_decoder().items() if token.special}
        vocabulary = sorted(model.tokenizer.get_vocab().items(), key=lambda item: item[1])
        kept = [(word, n) for word, n in vocabulary if n not in marks and word not in (*PADDING, *UNKNOWN)]
        subwords = None
        if model.ngrams is not None:
            letters: Any = model.config.get("ngram_letters")
            require(
                isinstance(letters, list) and [type(number) for number in letters] == [int, int],
                f"The n-grams' lengths are missing: {CONFIG} should hold them as ngram_letters.",
            )
            shortest, longest = letters
            subwords = Subwords(shortest, longest, len(model.ngrams), np.asarray(model.ngrams, np.float32))
        record = model.config.get("record")
        rows = model.table[[n for _, n in kept]]
        return cls([word for word, _ in kept], rows, subwords, record if isinstance(record, dict) else {})

    def save_pretrained(self, folder: str | Path, repo_id: str | None = None) -> None:
        """
        Write safetensors, vocabulary, configuration and model card. Model2Vec's `StaticModel.from_pretrained` can read
        them, too. Words that are names of special tokens, such as `[PAD]` and `<unk>`, are left out with a warning. A
        card that a person wrote is kept.

        Args:
            folder: Folder to write.
            repo_id: Where the card says that the vectors can be found. Defaults to the folder.

        Raises:
            InputError: the disk is full or the folder cannot be written. Existing files are then untouched.
        """
        reserved = [word for word in self.words if word in (*PADDING, *UNKNOWN)]
        if reserved:
            logger.warning("Left out with their vectors, since they are names of special tokens: %s", as_text(reserved))
        words = [word for word in self.words if word not in reserved]
        rows = self.vectors[np.array([self._indices[word] for word in words], dtype=int)] if reserved else self.vectors
        is_lower = all(word == word.lower() for word in words)
        record = {name: simplify(value) for name, value in self.record.items()}
        tokenizer = LstmTokenizer.from_words(words, lowercase=self.record.get("lowercase", is_lower))
        tensors = {"embeddings": np.concatenate([np.zeros((len(tokenizer) - len(words), self.dimension), "f4"), rows])}
        config = {
            "model_type": "model2vec",
            "architectures": ["StaticModel"],
            "hidden_dim": self.dimension,
            "seq_length": 1_000_000,
            "normalize": True,
            "embedding_dtype": "float32",
            "record": record,
        }
        if self.subwords and self.subwords.buckets:
            require(self.subwords.bucket_rows is None, "Only some n-grams were read: read the whole file to save them.")
            tensors["ngrams"] = self.subwords.rows
            config["ngram_letters"] = [self.subwords.shortest, self.subwords.longest]
        with write_folder(Path(folder), last=CONFIG) as temporary:
            save_file(tensors, temporary / WEIGHTS)
            tokenizer.save_pretrained(temporary)
            write_json(temporary / CONFIG, config)
            if read_own_card(Path(folder, CARD)) is None:
                write_vectors_card(temporary, repo_id or str(folder), len(words), self.dimension, record)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        revision: str | None = None,
        create_pr: bool = False,
        commit_message: str | None = None,
        overwrite_card: bool = False,
        token: str | None = None,
        card: str | None = None,
    ) -> Push:
        """
        Push to a model repository on the Hub in one commit. The repository is created if it does not exist. Pushing the
        same files again makes no commit.

        Args:
            repo_id: `owner/name`, or `name` for your own.
            private: Whether the repository must be private.
            revision: Branch to push to.
            create_pr: Open a pull request instead.
            commit_message: Message of the commit.
            overwrite_card: Replace a card on the Hub that a person wrote.
            token: Token for the Hub. Defaults to the one you are logged in with.
            card: The text of the card. By default one is generated.

        Raises:
            InputError: the Hub refuses or does not answer, or `repo_id` is invalid or holds another model.
        """
        check_branch(revision)
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder, repo_id)  # before the repository is created: this may fail
            full = open_repository(repo_id, "model", create=not create_pr, private=private, token=token)
            if full != repo_id:
                repo_id = full
                self.save_pretrained(folder, repo_id)
            files = find_files(Path(folder), ["*"]) | ({CARD: card.encode("utf-8")} if card is not None else {})
            return push_files(
                files,
                repo_id,
                commit_message or "Upload word vectors",
                revision=revision,
                create_pr=create_pr,
                token=token,
                overwrite_card=overwrite_card,
                check_model=_check_no_model,
            )


def _check_no_model(model_type: str | None) -> None:
    require(
        model_type in (None, "model2vec"),
        f"it holds a model of type {model_type!r}, which the word vectors would replace. Name another repository.",
    )

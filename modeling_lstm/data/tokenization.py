"""Turn texts into token ids: the tokenizer of a run, cached tokenization, and statistics."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from datasets import Dataset
from datasets.fingerprint import Hasher
from tokenizers import Encoding, Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from ..hub.refusals import explain_cause
from ..models.text_classifier import INPUTS, JOINT, TOKEN_TYPES, prepare_texts
from ..models.tokenization_lstm import LstmTokenizer, target_tokenizer
from ..utils.errors import InputError, explain_errors
from .arguments import TokenizerArguments

logger = logging.getLogger(__name__)

WHOLE = 10**9  # a maximum length that truncates no text
MAX_LOGITS = 2**28  # of a batch: 1 GiB
MANY_UNKNOWN = 0.5  # share of tokens out of the vocabulary from which on to warn
ENCODING = 4  # increase it when `tokenize` stores something else, so that older caches are not used


def build_tokenizer(
    arguments: TokenizerArguments,
    train: Dataset,
    max_length: int,
    has_pairs: bool = False,
    *,
    has_end: bool = False,
    has_mask: bool = False,
    checkpoint: str | None = None,
    token_types: bool = False,
) -> PreTrainedTokenizerBase:
    """
    Load the named tokenizer, or train one on the texts of the train split.

    Resumed training takes the one in its checkpoint. If learned again, subwords would be in another order, because
    `tokenizers` breaks ties at random.

    Args:
        arguments: The settings of the tokenizer.
        train: The texts, in the column `text`.
        max_length: Maximum tokens per text; longer texts are truncated.
        has_pairs: Whether `[SEP]` joins several texts. It is also detected in texts that were joined beforehand.
        has_end: Whether it is for a language model, which needs a token that ends a text.
        has_mask: Whether it is for a masked language model, which needs a token for a mask too.
        checkpoint: The checkpoint to resume training from, if any.
        token_types: Whether the model can tell the two texts of a pair apart by token types.
    """

    def holds_pairs() -> bool:
        return has_pairs or holds_joined_texts(train)

    if arguments.tokenizer is not None:
        if checkpoint is not None:
            token_types = token_types and TOKEN_TYPES in open_tokenizer(checkpoint, max_length).model_input_names
        tokenizer = open_tokenizer(
            arguments.tokenizer,
            max_length,
            model_input_names=list(INPUTS if token_types and holds_pairs() else INPUTS[:2]),
            padding_side="left" if has_end and not has_mask else "right",
        )
        if has_mask and tokenizer.mask_token_id is None:
            raise InputError(
                f"The tokenizer {arguments.tokenizer!r} has no mask token, which a masked language model needs: choose "
                "another, or leave out --tokenizer to train one on your text."
            )
        if has_mask and (tokenizer.eos_token or tokenizer.sep_token) is not None:  # BERT's has only the latter
            tokenizer = LstmTokenizer.mark_ends(tokenizer)
        if tokenizer.pad_token_id is None:
            if not has_end or tokenizer.eos_token is None:
                raise InputError(f"The tokenizer {arguments.tokenizer!r} has no padding token, which batches need.")
            tokenizer.pad_token = tokenizer.eos_token  # as for GPT-2, whose blocks need no padding
        if has_end and tokenizer.eos_token_id is None:
            raise InputError(
                f"The tokenizer {arguments.tokenizer!r} has no token that ends a text, which a language model needs."
            )
        return tokenizer
    if checkpoint is not None:
        return open_tokenizer(checkpoint, max_length)
    options = {"separator": holds_pairs(), "end": has_end, "mask": has_mask}
    return learn_tokenizer(LstmTokenizer.train, iterate_texts(train), arguments, max_length, **options)


def holds_joined_texts(rows: Dataset) -> bool:
    """Return whether any text of the rows consists of several that are joined by `[SEP]`."""
    return any(JOINT in text for texts in iterate_texts(rows) for text in texts)


def learn_tokenizer(
    learn: Callable[..., LstmTokenizer], texts: Iterable[list[str]], arguments: Any, max_length: int, **options: Any
) -> LstmTokenizer:
    """Learn a tokenizer from batches of texts with `learn`, a method of [`LstmTokenizer`]."""
    with explain_errors(f"A vocabulary of {arguments.vocab_size} could not be learned"):
        return learn(
            texts,
            vocab_size=arguments.vocab_size,
            min_frequency=arguments.min_frequency,
            algorithm=arguments.tokenizer_algorithm,
            lowercase=arguments.lowercase,
            model_max_length=max_length,
            **options,
        )


def open_tokenizer(name: str, max_length: int, *, must_be_fast: bool = True, **options: Any) -> PreTrainedTokenizerBase:
    """
    Load the tokenizer of a Hub id or a folder.

    Args:
        name: Where it is.
        max_length: Maximum tokens per text; longer texts are truncated.
        must_be_fast: Whether it must be a fast tokenizer, of the library `tokenizers`.
        options: Further arguments of `AutoTokenizer.from_pretrained`.

    Raises:
        InputError: there is none, or it has no `tokenizer.json` and must have one.
    """
    with explain_errors(f"There is no tokenizer at {name!r} that can be read", explain_cause):
        tokenizer = AutoTokenizer.from_pretrained(name, model_max_length=max_length, **options)
    if must_be_fast and not tokenizer.is_fast:
        raise InputError(f"The tokenizer {name!r} has no tokenizer.json, which training needs: choose another.")
    return tokenizer


def fit_batch(batch_size: int, tokens: int, vocab_size: int) -> int:
    """Return the largest number of rows, up to `batch_size`, whose logits at each token fit into bounded memory."""
    return max(1, min(batch_size, MAX_LOGITS // (tokens * vocab_size)))


def iterate_texts(rows: Dataset, number: int = 1_000, columns: Sequence[str] = ("text",)) -> Iterator[list[str]]:
    """Yield the texts of some columns, for `number` rows at a time."""
    for batch in rows.select_columns(list(columns)).iter(number):
        for column in columns:
            yield batch[column]


@dataclass
class TokenizedSplit:
    """
    Rows ready for the model, and statistics about them.

    Args:
        rows: Columns `input_ids`, `label` and `length`; `token_type_ids` if the tokenizer makes them.
        statistics: The numbers of `rows`, of rows `truncated`, `empty` (no token at all) and `rows_out_of_vocabulary`,
            `tokens_per_row` before truncation, `tokens_at_90_percent` (90% of the rows have at most this many), and
            the share of tokens that are `out_of_vocabulary`.
    """

    rows: Dataset
    statistics: dict[str, float]


def tokenize(
    split: Dataset, name: str, tokenizer: PreTrainedTokenizerBase, max_length: int, *, is_whole: bool = True
) -> TokenizedSplit:
    """
    Tokenize a split with the column `text`. The result is cached by texts, tokenizer and length.

    Args:
        split: The rows.
        name: Its name, for the log.
        tokenizer: The tokenizer.
        max_length: Maximum tokens per text; longer texts are truncated.
        is_whole: Whether to add special tokens around a text, as the tokenizer does.
    """
    if not tokenizer.is_fast:
        encode = _slow_encoder(tokenizer, max_length)
    else:
        encode = _fast_encoder(tokenizer, max_length, is_whole)
    settings: tuple[Any, ...] = (ENCODING, tokenizer.truncation_side, tokenizer.unk_token_id, max_length)
    settings += (TOKEN_TYPES,) * (TOKEN_TYPES in tokenizer.model_input_names) + ("parts",) * (not is_whole)
    fingerprint = Hasher.hash((split._fingerprint, identify_tokenizer(tokenizer), *settings))
    rows = split.map(
        encode, batched=True, remove_columns=["text"], new_fingerprint=fingerprint, desc=f"Tokenizing {name}"
    )
    columns = {column: np.asarray(rows[column][:]) for column in ("length", "tokens", "unknown", "content")}
    statistics = {
        "rows": rows.num_rows,
        "truncated": int((columns["tokens"] > columns["length"]).sum()),
        "empty": int((columns["content"] == 0).sum()),
        "tokens_per_row": round(float(columns["tokens"].mean()), 2),
        "tokens_at_90_percent": int(np.quantile(columns["tokens"], 0.9, method="higher")),
        "rows_out_of_vocabulary": int((columns["unknown"] > 0).sum()),
        "out_of_vocabulary": round(float(columns["unknown"].sum() / max(1, columns["length"].sum())), 5),
    }
    logger.info(
        "%s: %d rows of %.1f tokens; %d truncated%s, %d empty, %d with words out of vocabulary (%.2f %% of tokens)",
        name,
        statistics["rows"],
        statistics["tokens_per_row"],
        statistics["truncated"],
        f" at {max_length}" if max_length < WHOLE else "",
        statistics["empty"],
        statistics["rows_out_of_vocabulary"],
        100 * statistics["out_of_vocabulary"],
    )
    if statistics["out_of_vocabulary"] > MANY_UNKNOWN:
        logger.warning(
            "%s: most words are not in the vocabulary, so the model cannot tell them apart. Try a lower "
            "--min_frequency, or subwords (--tokenizer_algorithm unigram).",
            name,
        )
    return TokenizedSplit(rows.remove_columns(["tokens", "unknown", "content"]), statistics)


def identify_tokenizer(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return all that a tokenizer does as text; for one written in Python, its class and vocabulary."""
    if not tokenizer.is_fast:
        return f"{type(tokenizer).__name__} {sorted(tokenizer.get_vocab().items())}"
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()  # state of an earlier call, not part of the tokenizer
    backend.no_padding()
    return backend.to_str()


Encoder = Callable[[dict[str, list[Any]]], dict[str, list[Any]]]


def _fast_encoder(tokenizer: PreTrainedTokenizerBase, max_length: int, is_whole: bool) -> Encoder:
    """Return a function that encodes a batch of rows for [`tokenize`]."""
    unknown_id, separator_id = tokenizer.unk_token_id, tokenizer.sep_token_id
    uncut, backend = identify_tokenizer(tokenizer), tokenizer.backend_tokenizer
    has_types = TOKEN_TYPES in tokenizer.model_input_names

    @cache
    def open_uncut() -> Tokenizer:
        return Tokenizer.from_str(uncut)

    def tokens(text: str | tuple[str, str], encoding: Encoding) -> int:
        if isinstance(text, tuple) and encoding.overflowing:  # the overflow of a pair overlaps: no sum
            return len(open_uncut().encode(*text))
        return len(encoding.ids) + sum(rest.special_tokens_mask.count(0) for rest in encoding.overflowing)

    def content(encoding: Encoding) -> int:
        marks = zip(encoding.special_tokens_mask, encoding.ids, strict=True)
        return sum(not is_special and number != separator_id for is_special, number in marks)

    def encode(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        # without special tokens, nothing would stand between the texts of a pair
        texts = prepare_texts(batch["text"], backend) if is_whole else batch["text"]
        encodings = tokenizer(texts, truncation=True, max_length=max_length, add_special_tokens=is_whole).encodings
        kept = [encoding.ids for encoding in encodings]
        types = {TOKEN_TYPES: [encoding.type_ids for encoding in encodings]} if has_types else {}
        return types | {
            "input_ids": kept,
            "length": [len(ids) for ids in kept],
            "tokens": [tokens(text, encoding) for text, encoding in zip(texts, encodings, strict=True)],
            "unknown": [ids.count(unknown_id) for ids in kept],
            "content": [content(encoding) for encoding in encodings],
        }

    return encode


def _slow_encoder(tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoder:
    """Return the same for a tokenizer written in Python, such as those of OPUS-MT."""
    special, unknown_id = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}, tokenizer.unk_token_id

    def encode(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        whole = tokenizer(batch["text"], verbose=False)["input_ids"]
        kept = tokenizer(batch["text"], truncation=True, max_length=max_length)["input_ids"]
        return {
            "input_ids": kept,
            "length": [len(ids) for ids in kept],
            "tokens": [len(ids) for ids in whole],
            "unknown": [ids.count(unknown_id) for ids in kept],
            "content": [sum(number not in special for number in ids) for ids in kept],
        }

    return encode


def encode_targets(rows: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    """
    Add the token ids of the column `target` as `labels`, and their number as `target_length`.

    Args:
        rows: The rows.
        tokenizer: The tokenizer of the sources; see [`target_tokenizer`].
        max_length: Maximum tokens per target; longer targets are truncated.
    """
    other = target_tokenizer(tokenizer)
    name = "text" if other is not tokenizer else "text_target"

    def encode(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        texts: dict[str, Any] = {name: batch["target"]}
        labels = other(**texts, truncation=True, max_length=max_length)["input_ids"]
        return {"labels": labels, "target_length": [len(ids) for ids in labels]}

    fingerprint = Hasher.hash((rows._fingerprint, identify_tokenizer(other), name, max_length, ENCODING))
    return rows.map(encode, batched=True, new_fingerprint=fingerprint, desc="Tokenizing targets")

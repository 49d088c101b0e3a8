"""`LstmTokenizer`: trained on the user's texts, wholly described by its `tokenizer.json`."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import TokenizersBackend

from .offsets import Token, list_tokens, tile, tile_encoding
from .text_rules import SIGN, make_normalizer, make_pre_tokenizer

PAD, UNKNOWN = "[PAD]", "[UNK]"
SEPARATOR = "[SEP]"  # between two texts that are classified together
JOINT = f" {SEPARATOR} "  # where these are one text
END = "[EOS]"  # after a text that a language model reads
TARGET = "target_tokenizer"  # of a tokenizer of sources: that of the targets, and its folder in a run
HAS_TARGET = "has_target_tokenizer"  # in tokenizer_config.json

_NO_BLANK = r" (?=[.,!?]|n't\b|'(?:s|m|d|re|ve|ll)\b)"  # that is written between two units


def _part(text: str) -> tuple[str, str | None]:
    """The two texts that `[SEP]` stands between; a second one that is empty as a blank, which is not left out."""
    first, joint, second = text.partition(JOINT)
    return first, (second or " ") if joint else None


def _only_texts(texts: Any) -> Any:
    """The texts as they are; of one text alone letters would be learned, and of rows the names of their columns."""
    if isinstance(texts, (str, Mapping)):
        raise TypeError(
            f"texts must be texts, one by one or in lists, such as data['text']; found {type(texts).__name__}."
        )
    return map(_only_text, texts)


def _only_text(some: Any) -> Any:
    if not all(isinstance(text, str) for text in (some if isinstance(some, (list, tuple)) else [some])):
        raise TypeError(f"texts must be texts, one by one or in lists, such as data['text']; found {some!r:.80}.")
    return some


def _without_separators(texts: Iterable[str] | Iterable[list[str]]) -> Iterator[str]:
    """The texts one by one, for trainers, which do not know special tokens, without `[SEP]`."""
    for some in texts:
        for text in [some] if isinstance(some, str) else some:
            yield text.replace(SEPARATOR, " ")


def _check_size(vocab_size: int, special_tokens: list[str]) -> None:
    if vocab_size <= len(special_tokens):
        raise ValueError(
            f"vocab_size must be greater than {len(special_tokens)}, the number of special tokens "
            f"({', '.join(special_tokens)}), found {vocab_size}."
        )


class LstmTokenizer(TokenizersBackend):
    """
    A tokenizer for short opinions and long reviews alike, trained on the user's own texts.

    It decodes HTML entities and literal `\\uXXXX` escapes, unifies typographic characters, turns user names into
    `@user` and links into `http`, and splits punctuation off; hashtags, emoji, emoticons, numbers and the `n't` of a
    contraction are units of their own. In a vocabulary of whole words or of WordPiece so are the characters of scripts
    that put no blanks between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese and others. Everything is in
    `tokenizer.json`: `AutoTokenizer` loads it without this package. Decoded are escapes of ASCII characters, Latin
    letters and typographic characters; another `\\uXXXX`, an emoji's say, becomes a blank.

    Offsets (`return_offsets_mapping=True`) cover the text as it was given, each character that is not white space once.
    Those of `tokenizer.json` alone cover only the last character of what was replaced. Of words that are given one by
    one (`is_split_into_words=True`) they begin with each word.

    With `separator=True` it is for several texts that are classified together: `[SEP]` in a text is one special token,
    and `tokenizer(text, text_pair)` gives what `tokenizer(f"{text} [SEP] {text_pair}")` does. Both are truncated alike,
    at the end of the longer text, so that something of each remains; into overlapping parts
    (`return_overflowing_tokens=True`) each is cut as it was given.

    For a translator that writes with a vocabulary of its own, the attribute `target_tokenizer` is the one of that:
    it encodes `text_target`, and `save_pretrained`, `push_to_hub` and `from_pretrained` write and open it in the folder
    of this name. Without this package it is to be opened with `subfolder="target_tokenizer"`.
    """

    model_input_names = ["input_ids", "attention_mask"]
    _untruncated: Tokenizer | None = None  # a copy of the backend, made when offsets are first asked for

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_untruncated"}

    def _add_tokens(self, *args: Any, **kwargs: Any) -> int:
        self._untruncated = None
        return super()._add_tokens(*args, **kwargs)

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        text_target: Any = None,
        text_pair_target: Any = None,
        **settings: Any,
    ) -> Any:
        """As of any tokenizer of transformers, but for pairs, targets and offsets: see the class."""
        if text_target is not None:
            longest = settings.pop("max_target_length", None)
            limit = {} if longest is None else {"max_length": longest}
            targets = target_tokenizer(self)(text_target, text_pair_target, **settings | limit)
            if text is None:
                return targets
            found = self(text, text_pair, **settings)
            found["labels"] = targets["input_ids"]
            return found
        is_split = settings.get("is_split_into_words", False)
        has_parts = settings.get("return_overflowing_tokens", False)

        def is_text(one: Any) -> bool:
            return isinstance(one, str) or (is_split and (not one or isinstance(one[0], str)))

        given, is_one = text, is_text(text)
        if text is not None and self.sep_token == SEPARATOR and not is_split:
            if text_pair == "":
                text_pair = " "
            elif text_pair is None and not has_parts and settings.get("truncation") in (True, "longest_first"):
                if is_one:
                    text, text_pair = _part(text)
                else:
                    text = [_part(one) if isinstance(one, str) and JOINT in one else one for one in text]
        if text is None or not settings.get("return_offsets_mapping"):
            return super().__call__(text, text_pair, **settings)
        tensors = settings.pop("return_tensors", None)
        found = super().__call__(text, text_pair, **settings)
        if is_one:
            given, samples = [given], [(text, text_pair)]
        else:
            both = zip(text, text_pair or [None] * len(text), strict=True)
            samples = [(one, other) if is_text(one) else tuple(one) for one, other in both]
        tiled = [[self._tiles(one, settings) for one in sample if one is not None] for sample in samples]
        numbers = found.get("overflow_to_sample_mapping", range(len(samples)))
        offsets = []
        for number, encoding in zip(numbers, found.encodings, strict=True):
            first = samples[number][0]
            is_joined = isinstance(given[number], str) and given[number] != first
            place = len(first) + 1 if is_joined else None
            offsets.append(tile_encoding(encoding, tiled[number], SEPARATOR, place))
        found["offset_mapping"] = offsets[0] if is_one and not has_parts else offsets
        return found.convert_to_tensors(tensors, prepend_batch_axis=is_one and not has_parts)

    def _tiles(self, text: Any, settings: dict[str, Any]) -> tuple[list[Token], list[tuple[int, int]]]:
        """
        The tokens of a whole text, and their offsets as [`tile`] gives them. By a copy of the backend: to set another
        truncation in that would do so for other threads that use it now.
        """
        if (backend := self._untruncated) is None:
            backend = Tokenizer.from_str(self.backend_tokenizer.to_str())
            backend.no_truncation()
            backend.no_padding()
            self._untruncated = backend
        splits = settings.get("split_special_tokens")
        splits = self.split_special_tokens if splits is None else splits
        if backend.encode_special_tokens != splits:
            backend.encode_special_tokens = splits
        is_split = settings.get("is_split_into_words", False)
        whole = backend.encode(text, is_pretokenized=is_split, add_special_tokens=False)
        tokens = list_tokens(whole)
        if isinstance(text, str):
            return tokens, tile(text, whole.offsets)
        words = itertools.groupby(tokens, lambda token: token[0])
        return tokens, [one for word, some in words for one in tile(text[word], [offsets for *_, offsets in some])]

    def save_pretrained(self, save_directory: Any, *args: Any, **kwargs: Any) -> Any:
        """As the library's; the tokenizer in `target_tokenizer` is saved, too."""
        other = target_tokenizer(self)
        self.init_kwargs.pop(HAS_TARGET, None)
        if other is not self:
            self.init_kwargs[HAS_TARGET] = True
        saved = super().save_pretrained(save_directory, *args, **kwargs)
        return saved if other is self else (*saved, *other.save_pretrained(Path(save_directory) / TARGET))

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: Any, *init_inputs: Any, subfolder: str = "", **kwargs: Any
    ) -> Any:
        """
        As the library's; the tokenizer that [`save_pretrained`] saved in `target_tokenizer` is opened, too.

        Raises:
            ValueError: that one is missing.
        """
        name = pretrained_model_name_or_path
        found = super().from_pretrained(name, *init_inputs, subfolder=subfolder, **kwargs)
        if found.init_kwargs.get(HAS_TARGET):
            try:
                other = super().from_pretrained(name, subfolder=Path(subfolder, TARGET).as_posix(), **kwargs)
            except (OSError, ValueError) as error:
                raise ValueError(f"{str(name)!r} has no folder {TARGET}/ with a tokenizer that can be read.") from error
            setattr(found, TARGET, other)
        return found

    @classmethod
    def train(
        cls,
        texts: Iterable[str] | Iterable[list[str]],
        *,
        vocab_size: int = 30_000,
        min_frequency: int = 2,
        algorithm: Literal["word", "bpe", "wordpiece", "unigram", "whitespace"] = "word",
        lowercase: bool = True,
        model_max_length: int = 512,
        separator: bool = False,
        end: bool = False,
    ) -> "LstmTokenizer":
        """
        Learn a vocabulary from texts. Give it the training split only.

        Args:
            texts: The texts, one by one or in lists; each is read once.
            vocab_size: Most entries of the vocabulary, `[PAD]` (0), `[UNK]` (1), and then any `[SEP]` and `[EOS]` among
                them.
            min_frequency: Occurrences that a word (or a pair that BPE or WordPiece may merge) needs; Unigram has no
                such limit.
            algorithm: Whole words, byte-pair encoding (Sennrich et al., 2016), WordPiece (Schuster and Nakajima, 2012)
                or a unigram language model (Kudo, 2018); these three cut rare words into subwords. `whitespace` is for
                text that is tokenized already: what stands between blanks is a word, and nothing is changed but case.
            lowercase: Whether to fold case.
            model_max_length: Tokens after which `truncation=True` cuts.
            separator: Whether `[SEP]` stands between several texts.
            end: For a language model: `[EOS]` stands before each text. In a row of texts it also ends the one before.

        Raises:
            ValueError: an unknown algorithm, or a vocabulary with no room beside the special tokens.
            TypeError: `texts` are no texts.
        """
        special_tokens = [PAD, UNKNOWN, *([SEPARATOR] if separator else []), *([END] if end else [])]
        _check_size(vocab_size, special_tokens)
        if algorithm not in ("word", "bpe", "wordpiece", "unigram", "whitespace"):
            raise ValueError(f"algorithm must be word, bpe, wordpiece, unigram or whitespace, found {algorithm!r}.")
        common: dict[str, Any] = {"vocab_size": vocab_size, "special_tokens": special_tokens, "show_progress": False}
        # the others find the words of a clause without blanks
        units = make_pre_tokenizer(cuts_characters=algorithm in ("word", "wordpiece"))
        trainer: Any
        if algorithm in ("word", "whitespace"):
            backend = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
            trainer = trainers.WordLevelTrainer(min_frequency=min_frequency, **common)
        elif algorithm == "bpe":
            backend = Tokenizer(models.BPE(unk_token=UNKNOWN, end_of_word_suffix="</w>"))
            backend.decoder = decoders.BPEDecoder()
            trainer = trainers.BpeTrainer(min_frequency=min_frequency, end_of_word_suffix="</w>", **common)
        elif algorithm == "wordpiece":
            backend = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
            backend.decoder = decoders.WordPiece(cleanup=False)
            trainer = trainers.WordPieceTrainer(min_frequency=min_frequency, **common)
        else:
            backend = Tokenizer(models.Unigram())
            backend.decoder = decoders.Metaspace()
            units = pre_tokenizers.Sequence([units, pre_tokenizers.Metaspace()])
            trainer = trainers.UnigramTrainer(unk_token=UNKNOWN, **common)
        if algorithm == "whitespace":
            backend.normalizer = normalizers.Lowercase() if lowercase else None
            units = pre_tokenizers.WhitespaceSplit()
        else:
            backend.normalizer = make_normalizer(lowercase)
        backend.pre_tokenizer = units
        checked = _only_texts(texts)
        backend.train_from_iterator(_without_separators(checked) if separator else checked, trainer)
        return cls.around(backend, PAD, UNKNOWN, model_max_length, separator=separator, end=end)

    @classmethod
    def train_reversible(
        cls,
        texts: Iterable[str] | Iterable[list[str]],
        *,
        vocab_size: int = 8_000,
        min_frequency: int = 2,
        algorithm: Literal["bpe", "unigram"] = "bpe",
        lowercase: bool = False,
        model_max_length: int = 128,
    ) -> "LstmTokenizer":
        """
        Learn subwords that can be decoded to the text that they come from, as a model that writes needs them: blanks
        are marked in the subwords (as SentencePiece does, Kudo and Richardson, 2018). Several blanks become one,
        letters and their marks are composed (NFC), and characters that do not occur in `texts` become `[UNK]`. `[EOS]`
        ends each text.

        Args:
            texts, vocab_size, min_frequency, model_max_length: As in [`train`].
            algorithm: Byte-pair encoding or a unigram language model.
            lowercase: Whether to fold case, which decoding does not bring back.

        Raises:
            ValueError: an unknown algorithm, or a vocabulary with no room beside the special tokens.
            TypeError: `texts` are no texts.
        """
        special_tokens = [PAD, UNKNOWN, END]
        _check_size(vocab_size, special_tokens)
        common: dict[str, Any] = {"vocab_size": vocab_size, "special_tokens": special_tokens, "show_progress": False}
        trainer: Any
        if algorithm == "bpe":
            backend = Tokenizer(models.BPE(unk_token=UNKNOWN))
            trainer = trainers.BpeTrainer(min_frequency=min_frequency, **common)
        elif algorithm == "unigram":
            backend = Tokenizer(models.Unigram())
            trainer = trainers.UnigramTrainer(unk_token=UNKNOWN, **common)
        else:
            raise ValueError(f"algorithm must be bpe or unigram to be decoded to the same text, found {algorithm!r}.")
        steps: list[normalizers.Normalizer] = [normalizers.NFC(), normalizers.Strip()]
        steps.append(normalizers.Replace(Regex(r"\s+"), " "))
        backend.normalizer = normalizers.Sequence(steps + ([normalizers.Lowercase()] if lowercase else []))
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Metaspace(), pre_tokenizers.Split(Regex(r"[\p{P}\p{S}&&[^▁]]"), "isolated")]
        )
        backend.decoder = decoders.Metaspace()
        backend.train_from_iterator(_only_texts(texts), trainer)
        backend.post_processor = processors.TemplateProcessing(
            single=f"$A {END}", pair=f"$A $B {END}", special_tokens=[(END, backend.token_to_id(END))]
        )
        return cls(
            tokenizer_object=backend,
            pad_token=PAD,
            unk_token=UNKNOWN,
            eos_token=END,
            model_max_length=model_max_length,
            clean_up_tokenization_spaces=False,
        )

    @classmethod
    def from_words(
        cls, words: Iterable[str], *, lowercase: bool = True, model_max_length: int = 512, separator: bool = False
    ) -> "LstmTokenizer":
        """
        A tokenizer of whole words with a given vocabulary: `[PAD]` (0), `[UNK]` (1), with `separator` `[SEP]` (2), then
        the words in order. Chinese words of several characters, say, are for text with blanks between words: where
        there are any, characters stay together.
        """
        words = list(words)
        special_tokens = [PAD, UNKNOWN, *([SEPARATOR] if separator else [])]
        numbers = {word: number for number, word in enumerate(dict.fromkeys([*special_tokens, *words]))}
        backend = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
        backend.add_special_tokens(special_tokens)
        backend.normalizer = make_normalizer(lowercase)
        several = pre_tokenizers.Split(Regex(rf"{SIGN}{SIGN}"), "removed")
        is_segmented = any(several.pre_tokenize_str(word) != [(word, (0, len(word)))] for word in words)
        backend.pre_tokenizer = make_pre_tokenizer(cuts_characters=not is_segmented)
        return cls.around(backend, PAD, UNKNOWN, model_max_length, separator=separator)

    @classmethod
    def adopt(
        cls,
        backend: Tokenizer,
        pad_token: str | None,
        unk_token: str | None,
        model_max_length: int = 512,
        separator: bool = False,
    ) -> "LstmTokenizer":
        """
        Another model's tokenizer, for its vocabulary. Before its own steps, text is cleaned as here (see the class),
        and no special tokens are put around a text. Without a padding token it gets `[PAD]`, as the last one, and with
        `separator` it gets `[SEP]`, if it has none, after that.
        """
        backend = Tokenizer.from_str(backend.to_str())
        steps = [] if backend.normalizer is None else [backend.normalizer]
        backend.normalizer = normalizers.Sequence([make_normalizer(lowercase=False), *steps])
        backend.post_processor = processors.Sequence([])
        backend.no_truncation()
        backend.no_padding()
        if pad_token is None:
            pad_token = PAD
            backend.add_special_tokens([PAD])
        return cls.around(backend, pad_token, unk_token, model_max_length, separator=separator)

    @classmethod
    def around(
        cls,
        backend: Tokenizer,
        pad_token: str,
        unk_token: str | None,
        model_max_length: int,
        *,
        separator: bool = False,
        end: bool = False,
    ) -> "LstmTokenizer":
        """
        A tokenizer of the library `tokenizers`, as it is; with `separator` with `[SEP]` between two texts, with `end`
        with `[EOS]` before each.
        """
        special: dict[str, str] = {}
        if separator:
            backend.add_special_tokens([SEPARATOR])
            between = (SEPARATOR, backend.token_to_id(SEPARATOR))
            backend.post_processor = processors.TemplateProcessing(
                single="$A", pair=f"$A {SEPARATOR} $B", special_tokens=[between]
            )
            special["sep_token"] = SEPARATOR
        if end:
            # text that is written goes on from a text: it begins with a blank
            blanks = [decoders.Fuse(), decoders.Replace(Regex(r"^(?=.)"), " ")]
            words = [decoders.Replace(Regex("^"), " "), decoders.Fuse()]
            steps = words if backend.decoder is None else [backend.decoder, *blanks]
            # and "did n't ." is written "didn't."
            backend.decoder = decoders.Sequence([*steps, decoders.Replace(Regex(_NO_BLANK), "")])
            backend.add_special_tokens([END])
            begin = (END, backend.token_to_id(END))
            backend.post_processor = processors.TemplateProcessing(
                single=f"{END} $A", pair=f"{END} $A {END} $B", special_tokens=[begin]
            )
            special |= {"bos_token": END, "eos_token": END, "padding_side": "left"}
        return cls(
            tokenizer_object=backend,
            pad_token=pad_token,
            unk_token=unk_token,
            **special,
            model_max_length=model_max_length,
            clean_up_tokenization_spaces=False,
        )


def target_tokenizer(tokenizer: Any) -> Any:
    """The tokenizer of what is written: the one that the tokenizer of the sources has beside itself, or itself."""
    return getattr(tokenizer, TARGET, tokenizer)


__all__ = ["LstmTokenizer"]

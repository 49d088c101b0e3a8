"""`LstmTokenizer`: a tokenizer trained on the user's texts and described completely by its `tokenizer.json`."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BatchEncoding, TokenizersBackend

from .offsets import Token, list_tokens, tile, tile_encoding
from .text_rules import CHARACTER, make_normalizer, make_pre_tokenizer

PAD, UNKNOWN = "[PAD]", "[UNK]"
SEPARATOR = "[SEP]"  # between two texts that are classified together
JOINT = f" {SEPARATOR} "  # between them if they are joined into one text
END = "[EOS]"  # at the end of a text for a language model
MASK = "[MASK]"  # in the place of a token to fill in
TARGET = "target_tokenizer"  # attribute of a source tokenizer that holds the target tokenizer, and its folder
HAS_TARGET = "has_target_tokenizer"  # in tokenizer_config.json

# Copies of backends without truncation, made when offsets are first requested. They are not attributes of a tokenizer,
# since these belong to the fingerprint by which `datasets` recognizes it
_UNTRUNCATED: "WeakKeyDictionary[TokenizersBackend, Tokenizer]" = WeakKeyDictionary()
_NO_BLANK = r" (?=[.,!?]|n't\b|'(?:s|m|d|re|ve|ll)\b)"  # spaces between units to remove when decoding


def _part(text: str) -> tuple[str, str | None]:
    """Split a text at `[SEP]`."""
    first, joint, second = text.partition(JOINT)
    return first, second if joint else None


def _only_texts(texts: Any) -> Any:
    """Return the texts, but reject a string, which would be read by letters, and rows, read by their column names."""
    if isinstance(texts, (str, Mapping)) or hasattr(texts, "columns"):
        raise TypeError(
            f"texts must be strings or lists of strings, such as data['text']; found {type(texts).__name__}."
        )
    return map(_only_text, texts)


def _only_text(some: Any) -> Any:
    if not all(isinstance(text, str) for text in (some if isinstance(some, (list, tuple)) else [some])):
        raise TypeError(f"texts must be strings or lists of strings, such as data['text']; found {some!r:.80}.")
    return some


def _without_separators(texts: Iterable[str] | Iterable[list[str]]) -> Iterator[str]:
    """Yield the texts one by one without `[SEP]`, since trainers do not recognize special tokens."""
    for some in texts:
        for text in [some] if isinstance(some, str) else some:
            yield text.replace(SEPARATOR, " ")


def _mark_ends(backend: Tokenizer, end: str, *, after: bool) -> None:
    """Add a token before each text, and also after it if asked. `[SEP]` separates two texts if there is one."""
    last = f" {end}" if after else ""
    between = end if backend.token_to_id(SEPARATOR) is None else SEPARATOR
    used = [(token, backend.token_to_id(token)) for token in dict.fromkeys([end, between])]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{end} $A{last}", pair=f"{end} $A {between} $B{last}", special_tokens=used
    )


def _check_size(vocab_size: int, special_tokens: list[str]) -> None:
    if vocab_size <= len(special_tokens):
        raise ValueError(
            f"vocab_size must be greater than {len(special_tokens)}, the number of special tokens "
            f"({', '.join(special_tokens)}), found {vocab_size}."
        )


class LstmTokenizer(TokenizersBackend):
    """
    A tokenizer for short opinions as well as long reviews, trained on the user's own texts.

    It decodes HTML entities and literal `\\uXXXX` escapes, unifies typographic characters, replaces user names by
    `@user` and links by `http`, and splits off punctuation. Hashtags, emoji, emoticons, numbers and the `n't` of a
    contraction are separate units. In a whole-word or WordPiece vocabulary, so are the characters of scripts without
    spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese and others. Everything is in `tokenizer.json`, so
    `AutoTokenizer` loads it without this package. Escapes of ASCII characters, Latin letters and typographic characters
    are decoded. Any other number or `\\uXXXX`, such as that of an emoji, becomes a space.

    Offsets (`return_offsets_mapping=True`) cover the original text: each character once, except white space. Without
    this package, they cover only the last character of text that was replaced. For text that is already split into
    words (`is_split_into_words=True`), they start at 0 in each word.

    With `separator=True`, the tokenizer is for several texts that are classified together. `[SEP]` in a text is then
    one special token, and `tokenizer(text, text_pair)` returns the same as `tokenizer(f"{text} [SEP] {text_pair}")`.
    Both forms are truncated at the end of the longer text, so that a part of each text remains. Only with
    `return_overflowing_tokens=True`, a pair is split into parts as a pair, but a joined text as one text. With
    `add_special_tokens=False`, a joined text keeps its `[SEP]`, but a pair has none. Without this package, pass pairs
    and a space for an empty second text: a joined text would be truncated at its end, and an empty one left out.

    For a translation model with a separate target vocabulary, the attribute `target_tokenizer` is the target's
    tokenizer. It encodes `text_target`. `save_pretrained`, `push_to_hub` and `from_pretrained` write and read it in the
    folder `target_tokenizer`. Without this package, open it with `subfolder="target_tokenizer"`.
    """

    model_input_names = ["input_ids", "attention_mask"]

    def _add_tokens(self, *args: Any, **kwargs: Any) -> int:
        _UNTRUNCATED.pop(self, None)
        return super()._add_tokens(*args, **kwargs)

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        text_target: Any = None,
        text_pair_target: Any = None,
        **settings: Any,
    ) -> Any:
        """Same as in the base class, except for pairs, targets and offsets; see the class."""
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
        # without special tokens, a pair would lose the one between its texts
        splits_joined = not has_parts and settings.get("add_special_tokens", True)
        splits_joined &= settings.get("truncation") not in ("only_first", "only_second")
        splits_joined &= not self._splits_special_tokens(settings)

        def is_text(one: Any) -> bool:
            return isinstance(one, str) or (is_split and (not one or isinstance(one[0], str)))

        given, is_one = text, is_text(text)
        if text is not None and self.sep_token == SEPARATOR and not is_split:
            if text_pair is None and splits_joined:
                if is_one:
                    text, text_pair = _part(text)
                else:
                    text = [_part(one) if isinstance(one, str) and JOINT in one else one for one in text]
        if text is None or not settings.get("return_offsets_mapping"):
            return self._call(text, text_pair, settings)
        tensors = settings.pop("return_tensors", None)
        found = self._call(text, text_pair, settings)
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
            separator_position = len(first) + 1 if is_joined else None
            offsets.append(tile_encoding(encoding, tiled[number], SEPARATOR, separator_position))
        found["offset_mapping"] = offsets[0] if is_one and not has_parts else offsets
        return found.convert_to_tensors(tensors, prepend_batch_axis=is_one and not has_parts)

    def _call(self, text: Any, text_pair: Any, settings: dict[str, Any]) -> Any:
        """Call the tokenizer of the base class, which drops the second text of a single pair if it is empty."""
        if text_pair != "" or not isinstance(text, str) or self.sep_token != SEPARATOR:
            return super().__call__(text, text_pair, **settings)
        found = super().__call__([(text, text_pair)], **settings)
        if settings.get("return_tensors") is not None or settings.get("return_overflowing_tokens"):
            return found
        rows = {name: values[0] if isinstance(values[0], list) else values for name, values in found.items()}
        return BatchEncoding(rows, found.encodings)

    def encode(self, text: Any, text_pair: Any = None, *args: Any, **settings: Any) -> Any:
        """Same as in the base class, except that joined texts and pairs are read as by a call; see the class."""
        if isinstance(text, str) and self.sep_token == SEPARATOR and not args:
            return self(text, text_pair, **settings)["input_ids"]
        return super().encode(text, text_pair, *args, **settings)

    def _splits_special_tokens(self, settings: dict[str, Any]) -> bool:
        """Return whether special tokens that are written in a text are read as any other text."""
        chosen = settings.get("split_special_tokens")
        return bool(self.split_special_tokens if chosen is None else chosen)

    def _tiles(self, text: Any, settings: dict[str, Any]) -> tuple[list[Token], list[tuple[int, int]]]:
        """
        Return the tokens of a whole text, and their offsets from [`tile`]. Uses a copy of the backend, since changing
        the truncation of the backend would affect other threads that are using it.
        """
        if (backend := _UNTRUNCATED.get(self)) is None:
            backend = Tokenizer.from_str(self.backend_tokenizer.to_str())
            backend.no_truncation()
            backend.no_padding()
            _UNTRUNCATED[self] = backend
        splits = self._splits_special_tokens(settings)
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
        """
        Same as in the base class, but also save the tokenizer in `target_tokenizer`.

        Raises:
            ValueError: `push_to_hub=True`, which would leave that tokenizer out.
        """
        other = target_tokenizer(self)
        if other is not self and kwargs.get("push_to_hub"):
            raise ValueError(
                "save_pretrained does not push the target tokenizer: tokenizer.push_to_hub('me/name') does."
            )
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
        Same as in the base class, but also open the tokenizer that [`save_pretrained`] saved in `target_tokenizer`.

        Raises:
            ValueError: The target tokenizer is missing or cannot be read.
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
        mask: bool = False,
    ) -> "LstmTokenizer":
        """
        Learn a vocabulary from texts. Pass only the training split.

        Args:
            texts: The texts, as strings or lists of strings. Each is read once.
            vocab_size: Maximum size of the vocabulary, including `[PAD]` (0), `[UNK]` (1), and then `[SEP]`, `[EOS]`
                and `[MASK]` if used.
            min_frequency: How often a word must occur (or a pair for BPE or WordPiece to merge it). Unigram has no
                such limit.
            algorithm: Whole words (`word`), byte-pair encoding (`bpe`; Sennrich et al., 2016), WordPiece (`wordpiece`;
                Schuster and Nakajima, 2012) or a unigram language model (`unigram`; Kudo, 2018). The last three split
                rare words into subwords. `whitespace` is for text that is already tokenized: it splits at white space
                and changes nothing but case.
            lowercase: Whether to convert text to lower case.
            model_max_length: Number of tokens to which `truncation=True` truncates.
            separator: Whether `[SEP]` separates several texts.
            end: For a language model, whether to add `[EOS]` before each text. When texts are concatenated, it also
                ends the previous one.
            mask: For a masked language model, whether `[MASK]` stands for a token to fill in, and `[EOS]` is added
                before and after each text.

        Raises:
            ValueError: The algorithm is unknown, or `vocab_size` leaves no room beyond the special tokens.
            TypeError: `texts` does not consist of strings or lists of strings.
        """
        used = {SEPARATOR: separator, END: end or mask, MASK: mask}
        special_tokens = [PAD, UNKNOWN, *(token for token, is_used in used.items() if is_used)]
        _check_size(vocab_size, special_tokens)
        if algorithm not in ("word", "bpe", "wordpiece", "unigram", "whitespace"):
            raise ValueError(f"algorithm must be word, bpe, wordpiece, unigram or whitespace, found {algorithm!r}.")
        common: dict[str, Any] = {"vocab_size": vocab_size, "special_tokens": special_tokens, "show_progress": False}
        # BPE and Unigram find the words in a clause without spaces themselves
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
        return cls.around(backend, PAD, UNKNOWN, model_max_length, separator=separator, end=end, mask=mask)

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
        Learn subwords that can be decoded to the original text, for a model that generates text.

        Spaces are marked in the subwords, as in SentencePiece (Kudo and Richardson, 2018). Runs of white space become
        one space, letters and their marks are composed (NFC), and characters that do not occur in `texts` become
        `[UNK]`. `[EOS]` ends each text.

        Args:
            texts, vocab_size, min_frequency, model_max_length: See [`train`].
            algorithm: Byte-pair encoding or a unigram language model.
            lowercase: Whether to convert text to lower case. Decoding does not restore upper case.

        Raises:
            ValueError: The algorithm is unknown, or `vocab_size` leaves no room beyond the special tokens.
            TypeError: `texts` does not consist of strings or lists of strings.
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
            raise ValueError(f"algorithm must be bpe or unigram for a reversible tokenizer, found {algorithm!r}.")
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
        Create a whole-word tokenizer with a given vocabulary: `[PAD]` (0), `[UNK]` (1), with `separator` `[SEP]` (2),
        then the words in order. If a word has several characters of a script without spaces, such as Chinese, texts
        are expected to have spaces between words, and such characters are not split.
        """
        words = list(words)
        special_tokens = [PAD, UNKNOWN, *([SEPARATOR] if separator else [])]
        numbers = {word: number for number, word in enumerate(dict.fromkeys([*special_tokens, *words]))}
        backend = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
        backend.add_special_tokens(special_tokens)
        backend.normalizer = make_normalizer(lowercase)
        several = pre_tokenizers.Split(Regex(rf"{CHARACTER}{CHARACTER}"), "removed")
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
        Adapt the tokenizer of another model and keep its vocabulary. Text is first cleaned as described in the class,
        then processed by the tokenizer's own steps. No special tokens are added around a text. If there is no padding
        token, `[PAD]` is added at the end of the vocabulary. With `separator`, `[SEP]` is added after it if missing.
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
    def mark_ends(cls, tokenizer: Any) -> "LstmTokenizer":
        """
        Adapt the tokenizer of another model, which has a mask token and a token that ends a text, for a masked language
        model: the latter is added before and after each text, and no other special token. Text is processed as before.
        """
        backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        backend.no_truncation()
        backend.no_padding()
        end = tokenizer.eos_token or tokenizer.sep_token
        _mark_ends(backend, end, after=True)
        return cls(
            tokenizer_object=backend,
            pad_token=tokenizer.pad_token,
            unk_token=tokenizer.unk_token,
            mask_token=tokenizer.mask_token,
            bos_token=end,
            eos_token=end,
            model_max_length=tokenizer.model_max_length,
            clean_up_tokenization_spaces=tokenizer.clean_up_tokenization_spaces,
        )

    def add_separator(self) -> None:
        """
        Set `[SEP]` between two texts that are classified together, for a tokenizer of a language model. If it is not in
        the vocabulary, it is added at the end.
        """
        self.add_special_tokens({"sep_token": SEPARATOR})
        _mark_ends(self.backend_tokenizer, self.eos_token, after=self.mask_token is not None)

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
        mask: bool = False,
    ) -> "LstmTokenizer":
        """
        Wrap a tokenizer of the `tokenizers` library. `separator` adds `[SEP]` between two texts, `end` adds `[EOS]`
        before each text, and `mask` adds it before and after each text and makes `[MASK]` a special token.
        """
        special: dict[str, str] = {}
        if separator:
            backend.add_special_tokens([SEPARATOR])
            between = (SEPARATOR, backend.token_to_id(SEPARATOR))
            backend.post_processor = processors.TemplateProcessing(
                single="$A", pair=f"$A {SEPARATOR} $B", special_tokens=[between]
            )
            special["sep_token"] = SEPARATOR
        if end or mask:
            # generated text continues a text, so it begins with a space
            blanks = [decoders.Fuse(), decoders.Replace(Regex(r"^(?=.)"), " ")]
            words = [decoders.Replace(Regex("^"), " "), decoders.Fuse()]
            steps = words if backend.decoder is None else [backend.decoder, *blanks]
            if mask:  # a whole text does not
                steps = [*steps, decoders.Replace(Regex("^ "), "")]
            # and "did n't ." becomes "didn't."
            steps = [*steps, decoders.Replace(Regex(_NO_BLANK), "")]
            if isinstance(backend.model, models.Unigram):  # a blank alone may be a token, and a comma the next one
                steps.append(decoders.Replace(Regex(" $"), ""))
            backend.decoder = decoders.Sequence(steps)
            backend.add_special_tokens([END])
            _mark_ends(backend, END, after=mask)
            special |= {"bos_token": END, "eos_token": END, "padding_side": "right" if mask else "left"}
        if mask:
            backend.add_special_tokens([MASK])
            special["mask_token"] = MASK
        return cls(
            tokenizer_object=backend,
            pad_token=pad_token,
            unk_token=unk_token,
            **special,
            model_max_length=model_max_length,
            clean_up_tokenization_spaces=False,
        )


def target_tokenizer(tokenizer: Any) -> Any:
    """Return the target tokenizer of a source tokenizer, or the tokenizer itself if it has none."""
    return getattr(tokenizer, TARGET, tokenizer)


__all__ = ["LstmTokenizer"]

"""The contribution of each word to an answer: integrated gradients (Sundararajan et al., 2017), and leave-one-out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.token_limits import token_limit
from ..models.text_classifier import JOINT, prepare_texts
from ..runs.run_folders import label_names, problem_type_of
from ..utils.errors import as_text, check_text, require, require_extra

STEPS = 64  # along the whole path from zero vectors to the text
PART_STEPS = 8  # along each part of the path, if it has to be split
MAX_PARTS = 32
NARROWEST = 2.0**-14  # 32-bit numbers cannot resolve a jump within such a part
TOLERANCE = 0.01  # share of the difference that the contributions should add up to
MIN_DIFFERENCE = 1e-3  # a difference too small to show in tables
BATCH = 32  # rows per batch
BLANKS = " \t\n▁ĠĊĉč"  # what stands for blanks in tokens of SentencePiece and of bytes


@dataclass
class Encoded:
    """
    A text as the model reads it.

    Args:
        text: The text.
        input_ids (`(1, tokens)`): The tokens of the text.
        words: The words as written in the text, and the special tokens.
        token_spans: The index of each word's first token, and of the token after its last.
        char_spans: The index of each word's first character, and of the character after its last; equal for a special
            token other than `[SEP]` between two texts.
    """

    text: str
    input_ids: torch.Tensor
    words: list[str]
    token_spans: list[tuple[int, int]]
    char_spans: list[tuple[int, int]]

    def without(self, words: list[int]) -> torch.Tensor:
        """Return the tokens without these words, of shape `(1, fewer)`."""
        kept = np.ones(self.input_ids.shape[1], dtype=bool)
        for number in words:
            kept[slice(*self.token_spans[number])] = False
        return self.input_ids[:, kept]


@dataclass
class Contributions:
    """
    Contributions of the words of a text to the score of a label: its log-odds, or the number of a regression.

    Args:
        label: The label.
        unit: The unit of the score: `log-odds`, or `number` for a regression.
        score: The model's score of the label for the whole text.
        baseline: The score for a text of zero vectors.
        integrated_gradients (`(words,)`): Contributions that should sum to `score - baseline`.
        completeness_error: The error of that sum, as a share of the difference.
        leave_one_out (`(words,)`): How much lower the score is without each word.
    """

    label: str
    unit: str
    score: float
    baseline: float
    integrated_gradients: np.ndarray
    completeness_error: float
    leave_one_out: np.ndarray

    @property
    def name(self) -> str:
        """What positive contributions support: the label or, for a regression, a larger number."""
        return "a larger number" if self.unit == "number" else self.label

    @property
    def warning(self) -> str | None:
        """The warning to show if the integrated gradients do not add up; otherwise `None`."""
        missing = self.completeness_error * abs(self.score - self.baseline)
        if missing <= max(TOLERANCE * abs(self.score - self.baseline), MIN_DIFFERENCE):
            return None
        share = f"{100 * self.completeness_error:.0f}%"
        return f"The integrated gradients miss the sum they should have by {share}: rely on leaving words out instead."


def tokenize(tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[Any, list[tuple[int, int]], list[str]]:
    """
    Tokenize a text as predictions do, except for token types: two texts joined by `[SEP]` are a pair.

    Returns:
        What the tokenizer returned, as tensors; the first character of each token in `text` and the one after its last,
        equal for special tokens other than `[SEP]` between two texts; and the text of each token.

    Raises:
        InputError: the text is not UTF-8.
    """
    check_text(text)
    (given,) = prepare_texts([text], tokenizer.backend_tokenizer)
    parts = (given,) if isinstance(given, str) else given
    is_limited = token_limit(tokenizer) is not None
    found: Any = tokenizer(*parts, truncation=is_limited, return_offsets_mapping=True, return_tensors="pt")
    shifts = {0: 0, 1: len(parts[0]) + len(JOINT), None: 0}
    owners = found.sequence_ids(0)
    between = _find_separator(owners) if len(parts) == 2 else None
    char_spans: list[tuple[int, int]] = []
    for index, (owner, (begin, end)) in enumerate(zip(owners, found["offset_mapping"][0].tolist(), strict=True)):
        if owner is not None:
            char_spans.append((begin + shifts[owner], end + shifts[owner]))
        elif index == between:
            char_spans.append((len(parts[0]) + 1, len(parts[0]) + len(JOINT) - 1))
        else:
            position = char_spans[-1][1] if char_spans else 0
            char_spans.append((position, position))
    special = tokenizer.convert_ids_to_tokens(found["input_ids"][0].long().tolist())
    words = [
        str(token) if owner is None else text[begin:end]
        for owner, token, (begin, end) in zip(owners, special, char_spans, strict=True)
    ]
    return found, char_spans, words


def _find_separator(owners: list[int | None]) -> int | None:
    """Return the index of the special token between two texts, given which of them each token belongs to."""
    after = max((index for index, owner in enumerate(owners) if owner == 0), default=-1)
    before = owners.index(1) if 1 in owners else None
    found = [index for index, owner in enumerate(owners[:before]) if owner is None and index > after]
    return (found[0] if before is None else found[-1]) if found else None


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> Encoded:
    """
    Tokenize a text and find the words that its tokens belong to.

    Raises:
        InputError: the text has no word, or is not UTF-8.
    """
    found, offsets, tokens = tokenize(tokenizer, text)
    numbers = list(zip(found.sequence_ids(0), found.word_ids(0), strict=True))
    written = tokenizer.convert_ids_to_tokens(found["input_ids"][0].long().tolist())
    are_blank = [not str(token).strip(BLANKS) for token in written]
    token_spans: list[tuple[int, int]] = []
    char_spans: list[tuple[int, int]] = []
    for index, ((owner, number), (begin, end)) in enumerate(zip(numbers, offsets, strict=True)):
        before = numbers[index - 1] if index > 0 else (None, None)
        has_word = owner is not None and owner == before[0]
        if has_word and _belong(text, char_spans[-1], (begin, end), number == before[1], are_blank[index]):
            first, last = char_spans[-1]
            token_spans[-1] = (token_spans[-1][0], index + 1)
            char_spans[-1] = (first if first < last else begin, end)
        else:
            token_spans.append((index, index + 1))
            char_spans.append((begin, end))
    require(any(owner is not None for owner, _ in numbers), f"The text {text[:80]!r} has no word.")
    words = [
        tokens[first] if numbers[first][0] is None else text[begin:end]
        for (first, _), (begin, end) in zip(token_spans, char_spans, strict=True)
    ]
    return Encoded(text, found["input_ids"].long(), words, token_spans, char_spans)


def _belong(text: str, word: tuple[int, int], token: tuple[int, int], is_same: bool, is_blank: bool) -> bool:
    """
    Return whether a token belongs to the word before it.

    Args:
        text: The text.
        word: The first character of that word, and the one after its last; equal if it is only a blank so far.
        token: The same of the token.
        is_same: Whether the tokenizer takes both for one word. Some take the whole text for one.
        is_blank: Whether the token stands for a blank alone.
    """
    if word[0] == word[1]:  # a token for a blank belongs to the word after it
        return True
    if is_blank:
        return not text[token[0] :].strip()
    if token[0] == token[1]:  # of a character that the tokenizer split into two words
        return True
    return is_same and not any(map(str.isspace, text[word[1] : token[0]]))


def score_label(model: PreTrainedModel, logits: torch.Tensor, label: int) -> torch.Tensor:
    """
    Compute a label's log-odds, `(rows,)`, from logits `(rows, labels)`. For multi-label tasks and regressions, this is
    the label's own logit.
    """
    own = logits[:, label].float()
    kind = model.config.problem_type
    if kind in ("multi_label_classification", "regression") or logits.shape[1] == 1:
        return own
    others = torch.cat([logits[:, :label], logits[:, label + 1 :]], dim=1).float()
    return own - others.logsumexp(dim=1)


def attribute(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: Encoded, label: str | None = None
) -> Contributions:
    """
    Compute the contribution of each word.

    Args:
        model: Any classifier that takes `inputs_embeds` and needs no token types, in evaluation mode.
        tokenizer: The model's tokenizer.
        text: The text, from [`encode`].
        label: The label to explain; by default the predicted one.

    Raises:
        InputError: there is no such label, or captum is not installed.
    """
    with require_extra("explain", "Contributions need captum"):
        from captum.attr import IntegratedGradients
    ids = text.input_ids.to(model.device)
    with torch.no_grad():
        logits = model(input_ids=ids).logits
    number = find_label_id(model, label, logits)

    def score(vectors: torch.Tensor) -> torch.Tensor:
        mask = torch.ones(vectors.shape[:2], dtype=torch.long, device=vectors.device)
        return score_label(model, model(inputs_embeds=vectors, attention_mask=mask).logits, number)

    vectors = model.get_input_embeddings()(ids).detach()
    whole = score(vectors).item()
    nothing = score(torch.zeros_like(vectors)).item()
    with torch.backends.cudnn.flags(enabled=False):  # cuDNN's RNNs have gradients only in training mode
        by_token = integrate_gradients(IntegratedGradients(score).attribute, score, vectors)
    missing = abs(float(by_token.sum()) - (whole - nothing)) / max(abs(whole - nothing), 1e-6)
    return Contributions(
        label=label_names(model)[number],
        unit="number" if problem_type_of(model) == "regression" else "log-odds",
        score=whole,
        baseline=nothing,
        integrated_gradients=np.array([by_token[begin:end].sum() for begin, end in text.token_spans]),
        completeness_error=missing,
        leave_one_out=whole - _left_out(model, tokenizer, text, number),
    )


def integrate_gradients(
    attribute: Callable[..., Any], score: Callable[[torch.Tensor], torch.Tensor], vectors: torch.Tensor
) -> np.ndarray:
    """
    Compute the integrated gradients of each token, `(tokens,)`, relative to a text of zero vectors.

    The score may jump somewhere along the path, and a few steps may miss the jump. Since the required sum of the
    contributions is known for any part of the path, the part with the largest error is halved until all errors are
    small. Long, repetitive texts can have jumps that no number of steps resolves; there, the error remains.

    Args:
        attribute: The `attribute` method of captum's integrated gradients for this score.
        score: A function from vectors to scores, `(rows,)`.
        vectors (`(1, tokens, size)`): The vectors of the text.
    """

    def part(begin: float, end: float, steps: int) -> tuple[float, float, float, np.ndarray]:
        given = attribute(end * vectors, baselines=begin * vectors, n_steps=steps, internal_batch_size=BATCH)
        found = given[0].sum(dim=-1).detach().cpu().double().numpy()
        with torch.no_grad():
            difference = (score(end * vectors) - score(begin * vectors)).item()
        return abs(float(found.sum()) - difference), begin, end, found

    parts = [part(0.0, 1.0, STEPS)]
    with torch.no_grad():
        whole = abs((score(vectors) - score(0 * vectors)).item())
    while sum(one[0] for one in parts) > max(TOLERANCE * whole, MIN_DIFFERENCE) and len(parts) < MAX_PARTS:
        missing = [one[0] if one[2] - one[1] > NARROWEST else 0.0 for one in parts]
        if max(missing) == 0.0:
            break
        _, begin, end, _ = parts.pop(int(np.argmax(missing)))
        middle = (begin + end) / 2
        parts += [part(begin, middle, PART_STEPS), part(middle, end, PART_STEPS)]
    return np.sum([found for *_, found in parts], axis=0)


def find_label_id(model: PreTrainedModel, label: str | None, logits: torch.Tensor) -> int:
    """Return the number of a label, or by default of the label with the largest of the logits `(1, labels)`."""
    names = label_names(model)
    if label is None:
        return int(logits[0].argmax())
    require(label in names, f"There is no label {label!r}; the model's are {as_text(names)}.")
    return names.index(label)


@torch.no_grad()
def _left_out(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: Encoded, label: int) -> np.ndarray:
    """Compute the score without each word in turn, `(words,)`."""
    rows = [text.without([number])[0] for number in range(len(text.words))]
    return score_rows(model, tokenizer, rows, label)


@torch.no_grad()
def score_rows(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: list[torch.Tensor], label: int
) -> np.ndarray:
    """Compute the scores of rows of tokens of any length, `(rows,)`. An empty row is scored like one of padding."""
    found = []
    for begin in range(0, len(rows), BATCH):
        part = rows[begin : begin + BATCH]
        longest = max(1, max(len(row) for row in part))
        ids = torch.full((len(part), longest), int(tokenizer.pad_token_id or 0))
        mask = torch.zeros_like(ids)
        for index, row in enumerate(part):
            ids[index, : len(row)], mask[index, : len(row)] = row, 1
        logits = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device)).logits
        found.append(score_label(model, logits, label))
    return torch.cat(found).cpu().numpy()

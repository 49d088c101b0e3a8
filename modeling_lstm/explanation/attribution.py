"""What each word contributed to an answer: integrated gradients (Sundararajan et al., 2017), and leaving words out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..inference.torch_backend import token_limit
from ..utils.errors import as_list, check_text, require, require_extra

STEPS = 64  # along the whole way from nothing to the text
PART_STEPS = 8  # along each part of it, where more are needed
MOST_PARTS = 32
NARROWEST = 2.0**-14  # a leap within such a part is one to 32-bit numbers
TOLERANCE = 0.01  # of the difference that the contributions should add up to
SMALLEST = 1e-3  # a difference that tables do not show
BATCH = 32  # rows at once


@dataclass
class Encoded:
    """
    A text as the model reads it.

    Args:
        text: The text.
        input_ids (`(1, tokens)`): Its tokens.
        words: The words, as they stand in the text; a special token stands for itself.
        spans: First token of each word, and the one after its last.
        places: First character of each word, and the one after its last; of a special token none.
    """

    text: str
    input_ids: torch.Tensor
    words: list[str]
    spans: list[tuple[int, int]]
    places: list[tuple[int, int]]

    def without(self, words: list[int]) -> torch.Tensor:
        """The tokens with those words left out, `(1, fewer)`."""
        kept = np.ones(self.input_ids.shape[1], dtype=bool)
        for number in words:
            kept[slice(*self.spans[number])] = False
        return self.input_ids[:, kept]


@dataclass
class Contributions:
    """
    Contributions of the words of a text to the score of a label: its log-odds, for a regression the number.

    Args:
        label: The label.
        unit: What the score is: `log-odds`, for a regression `number`.
        score: The model's score of it for the whole text.
        baseline: The score of a text of zero vectors, one that says nothing.
        integrated_gradients (`(words,)`): They sum to `score - baseline`.
        completeness_error: By how much they do not, as a share of that difference.
        leave_one_out (`(words,)`): By how much the score is lower without the word.
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
        """What the contributions speak for: the label, of a regression a larger number."""
        return "a larger number" if self.unit == "number" else self.label

    @property
    def warning(self) -> str | None:
        """What is to be said where the integrated gradients do not add up."""
        missing = self.completeness_error * abs(self.score - self.baseline)
        if missing <= max(TOLERANCE * abs(self.score - self.baseline), SMALLEST):
            return None
        share = f"{100 * self.completeness_error:.0f} %"
        return (
            f"The integrated gradients miss the difference they should add up to by {share}: rather trust leaving out."
        )


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> Encoded:
    """
    A text's tokens and the words they belong to.

    Raises:
        InputError: there is no word in it, or it is not UTF-8.
    """
    check_text(text)
    is_limited = token_limit(tokenizer) is not None
    found: Any = tokenizer(text, truncation=is_limited, return_offsets_mapping=True, return_tensors="pt")
    numbers, offsets = found.word_ids(0), found["offset_mapping"][0].tolist()
    spans: list[tuple[int, int]] = []
    places: list[tuple[int, int]] = []
    for place, (number, (begin, end)) in enumerate(zip(numbers, offsets, strict=True)):
        before = numbers[place - 1] if place > 0 else None
        # a piece of the same word, or of a character of which the tokenizer made two words
        if number is not None and before is not None and (number == before or begin == end):
            spans[-1] = (spans[-1][0], place + 1)
            places[-1] = (places[-1][0], end)
        else:
            spans.append((place, place + 1))
            places.append((begin, end))
    require(any(number is not None for number in numbers), f"The text {text[:80]!r} has no word.")
    special = tokenizer.convert_ids_to_tokens(found["input_ids"][0].long().tolist())
    words = [
        str(special[first]) if numbers[first] is None else text[begin:end]
        for (first, _), (begin, end) in zip(spans, places, strict=True)
    ]
    return Encoded(text, found["input_ids"].long(), words, spans, places)


def score_label(model: PreTrainedModel, logits: torch.Tensor, label: int) -> torch.Tensor:
    """Of logits `(rows, labels)` a label's log-odds, `(rows,)`; of several labels at once, and of numbers, its own."""
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
    What each word contributed.

    Args:
        model: Any classifier that takes `inputs_embeds`, in evaluation mode.
        tokenizer: Its tokenizer.
        text: The text, from [`encode`].
        label: The label to explain; by default the one that the model gives.

    Raises:
        InputError: there is no such label, or captum is not installed.
    """
    with require_extra("explain", "Contributions need captum"):
        from captum.attr import IntegratedGradients
    ids = text.input_ids.to(model.device)
    with torch.no_grad():
        logits = model(input_ids=ids).logits
    number = label_number(model, label, logits)

    def score(vectors: torch.Tensor) -> torch.Tensor:
        mask = torch.ones(vectors.shape[:2], dtype=torch.long, device=vectors.device)
        return score_label(model, model(inputs_embeds=vectors, attention_mask=mask).logits, number)

    vectors = model.get_input_embeddings()(ids).detach()
    whole = score(vectors).item()
    nothing = score(torch.zeros_like(vectors)).item()
    with torch.backends.cudnn.flags(enabled=False):  # its gradients are for training mode only
        by_token = integrate_gradients(IntegratedGradients(score).attribute, score, vectors)
    missing = abs(float(by_token.sum()) - (whole - nothing)) / max(abs(whole - nothing), 1e-6)
    return Contributions(
        label=label_names(model)[number],
        unit="number" if problem_type_of(model) == "regression" else "log-odds",
        score=whole,
        baseline=nothing,
        integrated_gradients=np.array([by_token[begin:end].sum() for begin, end in text.spans]),
        completeness_error=missing,
        leave_one_out=whole - _left_out(model, tokenizer, text, number),
    )


def integrate_gradients(
    attribute: Callable[..., Any], score: Callable[[torch.Tensor], torch.Tensor], vectors: torch.Tensor
) -> np.ndarray:
    """
    Integrated gradients of each token, `(tokens,)`, from a text of zero vectors.

    The score may leap somewhere on the way, where few steps pass over it. What the contributions of any part of the way
    must add up to is known, so the part that misses it most is halved until all of them fit. Long texts in which much
    repeats can have leaps that no steps resolve: there what is missing stays missing.

    Args:
        attribute: `captum`'s, of that score.
        score: From vectors to the score, `(rows,)`.
        vectors (`(1, tokens, size)`): Those of the text.
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
    while sum(one[0] for one in parts) > max(TOLERANCE * whole, SMALLEST) and len(parts) < MOST_PARTS:
        missing = [one[0] if one[2] - one[1] > NARROWEST else 0.0 for one in parts]
        if max(missing) == 0.0:
            break
        _, begin, end, _ = parts.pop(int(np.argmax(missing)))
        middle = (begin + end) / 2
        parts += [part(begin, middle, PART_STEPS), part(middle, end, PART_STEPS)]
    return np.sum([found for *_, found in parts], axis=0)


def label_number(model: PreTrainedModel, label: str | None, logits: torch.Tensor) -> int:
    """The number of a label's name, or of the label that logits `(1, labels)` favour."""
    names = label_names(model)
    if label is None:
        return int(logits[0].argmax())
    require(label in names, f"There is no label {label!r}; the model's are {as_list(names)}.")
    return names.index(label)


def problem_type_of(model: PreTrainedModel) -> str:
    """The problem type, which a configuration may leave open."""
    usual = "regression" if len(label_names(model)) == 1 else "single_label_classification"
    return model.config.problem_type or usual


def label_names(model: PreTrainedModel) -> list[str]:
    """The labels by their numbers."""
    config: Any = model.config
    return [config.id2label[number] for number in range(config.num_labels)]


@torch.no_grad()
def _left_out(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: Encoded, label: int) -> np.ndarray:
    """The score without each word in turn, `(words,)`."""
    rows = [text.without([number])[0] for number in range(len(text.words))]
    return score_rows(model, tokenizer, rows, label)


@torch.no_grad()
def score_rows(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: list[torch.Tensor], label: int
) -> np.ndarray:
    """Scores of rows of tokens of any lengths, `(rows,)`; of a row without tokens, that of one of padding."""
    found = []
    for begin in range(0, len(rows), BATCH):
        part = rows[begin : begin + BATCH]
        longest = max(1, max(len(row) for row in part))
        ids = torch.full((len(part), longest), int(tokenizer.pad_token_id or 0))
        mask = torch.zeros_like(ids)
        for place, row in enumerate(part):
            ids[place, : len(row)], mask[place, : len(row)] = row, 1
        logits = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device)).logits
        found.append(score_label(model, logits, label))
    return torch.cat(found).cpu().numpy()

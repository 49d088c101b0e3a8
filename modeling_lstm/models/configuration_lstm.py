"""`LstmConfig`: the validated configuration of the LSTM models. Self-contained, so it works as remote code."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig
from transformers.utils import logging

logger = logging.get_logger(__name__)


def take_fields(config_class: type[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """
    Remove the fields of a configuration from the arguments of `from_pretrained` and return them.

    They can then be validated together with the stored fields; the library would assign them afterwards.
    """
    names = {field.name for field in fields(config_class)} - {"dtype"}  # dtype may be "auto" here
    return {name: kwargs.pop(name) for name in list(kwargs) if name in names}


@strict
class LstmConfig(PreTrainedConfig):
    r"""
    Configuration of [`LstmModel`], [`LstmForSequenceClassification`], [`LstmForCausalLM`] and [`LstmForMaskedLM`].

    The defaults are of a realistic size (10,000 words, word vectors of size 100, a state of size 500). A textbook toy
    model takes one line: `LstmConfig(vocab_size=27, embedding_size=8, hidden_size=14, num_labels=3)`.

    Args:
        vocab_size (`int`, defaults to 10000): Number of rows of the embedding table; at least `len(tokenizer)`.
        embedding_size (`int`, defaults to 100): Dimensions of a word vector, x(t).
        hidden_size (`int`, defaults to 500): Dimensions of the output h(t) and of the memory c(t), in each direction.
        num_hidden_layers (`int`, defaults to 1): Number of stacked recurrent layers.
        cell_type (`"lstm"` or `"gru"`, defaults to `"lstm"`): LSTM (Hochreiter and Schmidhuber, 1997; with the forget
            gate of Gers et al., 2000) or GRU (Cho et al., 2014; in the form of cuDNN and PyTorch).
        bidirectional (`bool`, defaults to `False`): Also read each text from its last token to its first. The outputs
            are then `2 * hidden_size` wide.
        pooling (`"last"`, `"mean"`, `"max"`, `"concat"` or `"attention"`, defaults to `"last"`): How the outputs of a
            text become one vector: the output after the last token read (of each direction), their mean, their
            maximum, these three concatenated (Howard and Ruder, 2018), or a learned weighted mean (Yang et al., 2016).
        word_dropout (`float`, defaults to 0.0): Share of *words of the vocabulary* whose whole vector is dropped. The
            same words are dropped everywhere in a batch (Gal and Ghahramani, 2016; "embedding dropout" in AWD-LSTM).
        embedding_dropout (`float`, defaults to 0.0): Dropout on the word vectors, with one mask for all steps of a
            text ("locked" dropout).
        hidden_dropout (`float`, defaults to 0.0): Locked dropout between the recurrent layers.
        recurrent_dropout (`float`, defaults to 0.0): Dropout on the recurrent weights W_hh (DropConnect, Merity et al.,
            2018). One mask applies to a whole batch, or to each part of it when a CPU splits the batch by text length.
        classifier_dropout (`float`, defaults to 0.0): Dropout on the pooled vector before the classifier.
        output_dropout (`float`, defaults to 0.0): Locked dropout on the states from which a language model predicts.
        embedding_range (`float`, defaults to 0.1): Standard deviation of newly initialized word vectors.
        initializer_range (`float`, defaults to 0.02): Standard deviation of newly initialized classifier weights.
        pad_token_id (`int`, *optional*, defaults to 0): The token that pads short rows. Its word vector is zero.
        class_weights (list of `float`, *optional*): The weight of each label in the cross-entropy (single-label), or
            the weight of the positive cases of each label (multi-label).
        label_smoothing (`float`, defaults to 0.0): Label smoothing of the single-label cross-entropy (Szegedy et al.,
            2016).
        target_mean, target_scale (`float`, default to 0 and 1): Mean and standard deviation of the targets of a
            regression. Internally the network predicts by how many standard deviations a text differs from the mean.
        tie_word_embeddings (`bool`, defaults to `False`): Whether a language model scores the next token with the word
            vectors themselves (Press and Wolf, 2017). If `hidden_size` differs from `embedding_size`, a linear layer
            first maps from one to the other.
        softmax (`"full"`, `"adaptive"` or `"sampled"`, defaults to `"full"`): How a language model predicts. `"full"`:
            with one distribution over the vocabulary. `"adaptive"`: with one distribution over the frequent tokens and
            clusters of the others, and one within each cluster (Grave et al., 2017); frequent tokens must have low ids.
            `"sampled"`: in training against a sample of the vocabulary (Jean et al., 2015), otherwise like `"full"`.
        adaptive_cutoffs (list of `int`, *optional*): The id of the first token of each cluster. Default: a tenth and a
            half of the vocabulary size.
        sampled_candidates (`int`, defaults to 2048): Number of tokens drawn for each batch in addition to its targets.
        reads_backward (`bool`, defaults to `False`): Whether this is a language model that predicts the previous token.
            It must be given its texts in reverse, from the last token to the first.
        bos_token_id, eos_token_id (`int`, *optional*): The tokens before the first and after the last token of a text.
            Generation begins and ends with them.

    Raises:
        huggingface_hub.errors.StrictDataclassError: A field has the wrong type or a value out of its range. When a
            field is assigned, its type is checked at once, and its range when a model is created or saved.
        ValueError: `id2label` and `num_labels` do not match.
    """

    model_type = "lstm"

    vocab_size: int = 10_000
    embedding_size: int = 100
    hidden_size: int = 500
    num_hidden_layers: int = 1
    cell_type: Literal["lstm", "gru"] = "lstm"
    bidirectional: bool = False
    pooling: Literal["last", "mean", "max", "concat", "attention"] = "last"
    word_dropout: float | int = 0.0
    embedding_dropout: float | int = 0.0
    hidden_dropout: float | int = 0.0
    recurrent_dropout: float | int = 0.0
    classifier_dropout: float | int = 0.0
    output_dropout: float | int = 0.0
    embedding_range: float | int = 0.1
    initializer_range: float | int = 0.02
    pad_token_id: int | None = 0
    class_weights: list[float | int] | None = None
    label_smoothing: float | int = 0.0
    target_mean: float | int = 0.0
    target_scale: float | int = 1.0
    tie_word_embeddings: bool = False
    softmax: Literal["full", "adaptive", "sampled"] = "full"
    adaptive_cutoffs: list[int] | None = None
    sampled_candidates: int = 2048
    reads_backward: bool = False
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """
        Same as in the base class, but the fields passed by the caller are validated together with the stored ones.

        If the caller asks for a different number of labels, as with
        `from_pretrained(..., num_labels=3, ignore_mismatched_sizes=True)`, the stored values that belong to the old
        labels are dropped: their names and weights and, if exactly one of the two numbers is 1, the problem type and
        the scale of a regression.
        """
        given = take_fields(cls, kwargs)
        before = len(config_dict.get("id2label") or range(2))
        number = kwargs.get("num_labels") or len(given.get("id2label") or given.get("label2id") or range(before))
        defaults: dict[str, Any] = {}
        if number != before:
            defaults |= {"id2label": None, "label2id": None, "class_weights": None}
        if (number == 1) != (before == 1) and "problem_type" not in given:
            defaults |= {"problem_type": None, "target_mean": 0.0, "target_scale": 1.0}
        left_out = {
            name: default
            for name, default in defaults.items()
            if name not in given and config_dict.get(name, default) != default
        }
        if left_out:
            logger.warning(f"Dropped settings for {before} labels, as there are now {number}: {', '.join(left_out)}.")
        if ("id2label" in given) != ("label2id" in given):  # the other one follows from it
            left_out |= {"id2label": None, "label2id": None}
        return super().from_dict({**config_dict, **left_out, **given}, **kwargs)

    def __post_init__(self, **kwargs: Any) -> None:
        if self.id2label is None and self.label2id is not None:
            self.id2label = _invert(self.label2id)
        if self.id2label is not None:
            _check_names(self.id2label, kwargs.get("num_labels"), str)
            if self.label2id is None:
                self.label2id = {name: int(number) for number, name in self.id2label.items()}
        super().__post_init__(**kwargs)
        is_scaled = (self.target_mean, self.target_scale) != (0.0, 1.0)
        if self.problem_type is None and self.num_labels == 1 and is_scaled:
            self.problem_type = "regression"  # otherwise a pipeline would return a probability

    @property
    def output_size(self) -> int:
        """Dimensions of the output at each step: `hidden_size`, or twice that when bidirectional."""
        return self.hidden_size * (2 if self.bidirectional else 1)

    @property
    def pooled_size(self) -> int:
        """Dimensions of the pooled vector that the classifier reads."""
        return self.output_size * (3 if self.pooling == "concat" else 1)

    def cutoffs(self) -> list[int]:
        """Return the id of the first token of each cluster of an adaptive softmax, then the vocabulary size."""
        default = [max(1, self.vocab_size // 10), max(2, self.vocab_size // 2)]
        return [*(default if self.adaptive_cutoffs is None else self.adaptive_cutoffs), self.vocab_size]

    def validate_sizes(self) -> None:
        """Check that every size is at least 1 and the padding token is in the vocabulary."""
        names = ("vocab_size", "embedding_size", "hidden_size", "num_hidden_layers", "sampled_candidates", "num_labels")
        for name in names:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}.")
        if self.pad_token_id is not None and not 0 <= self.pad_token_id < self.vocab_size:
            raise ValueError(
                f"pad_token_id must be from 0 to vocab_size - 1 = {self.vocab_size - 1} or None, "
                f"found {self.pad_token_id}."
            )

    def validate_softmax(self) -> None:
        """Check that no cluster of an adaptive softmax is empty."""
        edges = [0, *self.cutoffs()]
        if self.softmax == "adaptive" and not all(a < b for a, b in zip(edges[:-1], edges[1:], strict=True)):
            raise ValueError(
                f"adaptive_cutoffs must be ascending numbers from 1 to vocab_size - 1 = {self.vocab_size - 1}, found "
                f"{edges[1:-1]}."
            )

    def validate_rates(self) -> None:
        """Check that dropout rates and label smoothing are in [0, 1), and standard deviations not negative."""
        names = ("word", "embedding", "hidden", "recurrent", "classifier", "output")
        for name in [*(f"{name}_dropout" for name in names), "label_smoothing"]:
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} must be at least 0 and below 1, found {getattr(self, name)}.")
        for name in ("embedding_range", "initializer_range"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}.")

    def validate_labels(self) -> None:
        """Check the label names, the class weights, the problem type and the scale of a regression."""
        _check_names(self.id2label, self.num_labels)
        if self.class_weights is not None:
            if len(self.class_weights) != self.num_labels:
                raise ValueError(
                    f"class_weights must hold one number for each of the {self.num_labels} labels, "
                    f"found {len(self.class_weights)}."
                )
            if not all(0.0 <= weight < float("inf") for weight in self.class_weights):
                raise ValueError(f"class_weights must be finite and not negative, found {self.class_weights}.")
        known = ("regression", "single_label_classification", "multi_label_classification")
        if self.problem_type is not None and self.problem_type not in known:
            raise ValueError(f"problem_type must be one of {', '.join(known)} or None, found {self.problem_type!r}.")
        if not (abs(self.target_mean) < float("inf") and 0.0 < self.target_scale < float("inf")):
            raise ValueError(
                "target_mean must be finite, and target_scale finite and greater than 0, found "
                f"{self.target_mean} and {self.target_scale}."
            )


def _invert(label2id: Any) -> dict[int, str]:
    """Return the names of labels by their numbers."""
    numbers = [str(number) for number in label2id.values()] if isinstance(label2id, dict) else []
    if not numbers or set(numbers) != {str(number) for number in range(len(numbers))}:
        raise ValueError(f"label2id must be a dict from names to the numbers from 0 on, found {label2id!r:.200}.")
    return {int(number): name for name, number in label2id.items()}


def _check_names(names: Any, number: int | None, as_key: Callable[[Any], Any] = lambda key: key) -> None:
    """Raise unless the keys of `id2label` are the numbers of all labels, once `as_key` has converted both."""
    number = len(names) if number is None else number
    if not isinstance(names, dict) or set(map(as_key, names)) != set(map(as_key, range(number))):
        raise ValueError(
            f"id2label must be a dict from the numbers 0 to num_labels - 1 = {number - 1} to names, "
            f"found {names!r:.200}."
        )


__all__ = ["LstmConfig"]

"""`LstmConfig`: every size and choice of the LSTM family, validated. Self-contained, so it serves as remote code."""

from dataclasses import fields
from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig
from transformers.utils import logging

logger = logging.get_logger(__name__)


def take_fields(config_class: type[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """
    Take the fields of a configuration out of what `from_pretrained` was given. Beside those that were stored they are
    validated; the library would assign them afterwards.
    """
    names = {field.name for field in fields(config_class)} - {"dtype"}  # which may be "auto" there
    return {name: kwargs.pop(name) for name in list(kwargs) if name in names}


@strict
class LstmConfig(PreTrainedConfig):
    r"""
    Configuration of [`LstmModel`], [`LstmForSequenceClassification`] and [`LstmForCausalLM`].

    The defaults are a realistic size (10,000 words, vectors of 100 numbers, a state of 500). The textbook toy is one
    line: `LstmConfig(vocab_size=27, embedding_size=8, hidden_size=14, num_labels=3)`.

    Args:
        vocab_size (`int`, defaults to 10000): Rows of the embedding table; at least `len(tokenizer)`.
        embedding_size (`int`, defaults to 100): Dimensions of a word vector, x(t).
        hidden_size (`int`, defaults to 500): Dimensions of the output h(t) and of the memory c(t), in each direction.
        num_hidden_layers (`int`, defaults to 1): Recurrent layers stacked on top of each other.
        cell_type (`"lstm"` or `"gru"`, defaults to `"lstm"`): LSTM (Hochreiter and Schmidhuber, 1997; with the forget
            gate of Gers et al., 2000) or GRU (Cho et al., 2014; in the form of cuDNN and PyTorch).
        bidirectional (`bool`, defaults to `False`): Also read each text from its last token to its first; outputs are
            then `2 * hidden_size` wide.
        pooling (`"last"`, `"mean"`, `"max"`, `"concat"` or `"attention"`, defaults to `"last"`): How the outputs of a
            text become one vector: the output after the last token read (of each direction), their mean, their
            maximum, these three side by side (Howard and Ruder, 2018), or a learned weighted mean (Yang et al., 2016).
        word_dropout (`float`, defaults to 0.0): Share of *words of the vocabulary* whose whole vector is dropped, the
            same words everywhere in a batch (Gal and Ghahramani, 2016; "embedding dropout" in AWD-LSTM).
        embedding_dropout (`float`, defaults to 0.0): Dropout on the word vectors, one mask for all steps of a text
            ("locked" dropout).
        hidden_dropout (`float`, defaults to 0.0): Locked dropout between the recurrent layers.
        recurrent_dropout (`float`, defaults to 0.0): Dropout on the recurrent weights W_hh (DropConnect, Merity et al.,
            2018), one mask for a whole batch; for each of its parts, where a CPU reads texts of like lengths together.
        classifier_dropout (`float`, defaults to 0.0): Dropout on the pooled vector before the classifier.
        output_dropout (`float`, defaults to 0.0): Locked dropout on what a language model predicts the next token from.
        embedding_range (`float`, defaults to 0.1): Standard deviation of freshly drawn word vectors.
        initializer_range (`float`, defaults to 0.02): Standard deviation of freshly drawn classifier weights.
        pad_token_id (`int`, *optional*, defaults to 0): The token that fills short rows; its vector is zero.
        class_weights (list of `float`, *optional*): One weight for each label in the cross-entropy (single-label), or
            the weight of each label's positive cases (multi-label).
        label_smoothing (`float`, defaults to 0.0): Label smoothing of the single-label cross-entropy (Szegedy et al.,
            2016).
        target_mean, target_scale (`float`, default to 0 and 1): Mean and standard deviation of the numbers that a
            regression learned: the network gives how many deviations a text is from the mean.
        tie_word_embeddings (`bool`, defaults to `False`): A language model scores the next token with the word vectors
            themselves (Press and Wolf, 2017). Where `hidden_size` differs from `embedding_size`, a linear map from one
            to the other comes before.
        softmax (`"full"`, `"adaptive"` or `"sampled"`, defaults to `"full"`): How a language model predicts: with one
            distribution over the vocabulary; with one over frequent tokens and clusters of the others, and one within
            each cluster (Grave et al., 2017), for which frequent tokens must have low numbers; or in training against a
            sample of the vocabulary (Jean et al., 2015), and otherwise as `"full"`.
        adaptive_cutoffs (list of `int`, *optional*): The number of the first token of each cluster. Default: a tenth
            and a half of the vocabulary.
        sampled_candidates (`int`, defaults to 2048): Tokens that are drawn for each batch, beside those that are in it.
        reads_backward (`bool`, defaults to `False`): A language model that predicts the token before: it is given
            texts from their ends to their beginnings.
        bos_token_id, eos_token_id (`int`, *optional*): The token before the first one of a text, and the one after its
            last; generation begins and ends with them.

    Raises:
        huggingface_hub.errors.StrictDataclassError: a field has the wrong type or a value out of its range. What is
            assigned to a field is checked for its type at once, and for its range when a model is made or saved.
        ValueError: `id2label` and `num_labels` do not fit together.
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
        As the library's, but fields that the caller gives are validated with the stored ones. Where the caller asks for
        another number of labels, as `from_pretrained(..., num_labels=3, ignore_mismatched_sizes=True)` does, what was
        stored for the old labels is left out: their names and weights, and if only one of both numbers is 1, the
        problem type and the scale of a regression.
        """
        given = take_fields(cls, kwargs)
        before = len(config_dict.get("id2label") or range(2))
        number = kwargs.get("num_labels") or len(given.get("id2label") or range(before))
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
            logger.warning(f"Left out, since they are for {before} labels, not for {number}: {', '.join(left_out)}.")
        return super().from_dict({**config_dict, **left_out, **given}, **kwargs)

    def __post_init__(self, **kwargs: Any) -> None:
        names, number = self.id2label, kwargs.get("num_labels")
        if names is not None:
            number = len(names) if number is None else number
            if not isinstance(names, dict) or {str(key) for key in names} != {str(one) for one in range(number)}:
                raise ValueError(
                    f"id2label must be a dict from the numbers 0 to num_labels - 1 = {number - 1} to names, "
                    f"found {names!r:.200}."
                )
        super().__post_init__(**kwargs)

    @property
    def output_size(self) -> int:
        """Dimensions of one step's output: `hidden_size`, twice that when bidirectional."""
        return self.hidden_size * (2 if self.bidirectional else 1)

    @property
    def pooled_size(self) -> int:
        """Dimensions of the pooled vector that the classifier reads."""
        return self.output_size * (3 if self.pooling == "concat" else 1)

    def cutoffs(self) -> list[int]:
        """Where the clusters of an adaptive softmax begin, and where the last one ends."""
        default = [max(1, self.vocab_size // 10), max(2, self.vocab_size // 2)]
        return [*(default if self.adaptive_cutoffs is None else self.adaptive_cutoffs), self.vocab_size]

    def validate_sizes(self) -> None:
        """Every size is at least 1 and the padding token is inside the vocabulary."""
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
        """The clusters of an adaptive softmax hold something each."""
        edges = [0, *self.cutoffs()]
        if self.softmax == "adaptive" and not all(a < b for a, b in zip(edges[:-1], edges[1:], strict=True)):
            raise ValueError(
                f"adaptive_cutoffs must be ascending numbers from 1 to vocab_size - 1 = {self.vocab_size - 1}, found "
                f"{edges[1:-1]}."
            )

    def validate_rates(self) -> None:
        """Dropout rates and label smoothing are in [0, 1)."""
        names = ("word", "embedding", "hidden", "recurrent", "classifier", "output")
        for name in [*(f"{name}_dropout" for name in names), "label_smoothing"]:
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} must be at least 0 and below 1, found {getattr(self, name)}.")
        for name in ("embedding_range", "initializer_range"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}.")

    def validate_labels(self) -> None:
        """Class weights match the labels, and the problem type is one that the loss knows."""
        if self.class_weights is not None:
            if len(self.class_weights) != self.num_labels:
                raise ValueError(
                    f"class_weights must hold one number for each of the {self.num_labels} labels, "
                    f"found {len(self.class_weights)}."
                )
            if not all(0.0 <= weight < float("inf") for weight in self.class_weights):
                raise ValueError(f"class_weights must be numbers that are not negative, found {self.class_weights}.")
        known = ("regression", "single_label_classification", "multi_label_classification")
        if self.problem_type is not None and self.problem_type not in known:
            raise ValueError(f"problem_type must be one of {', '.join(known)} or None, found {self.problem_type!r}.")
        if not (abs(self.target_mean) < float("inf") and 0.0 < self.target_scale < float("inf")):
            raise ValueError(
                "target_mean must be finite, and target_scale too and greater than 0, found "
                f"{self.target_mean} and {self.target_scale}."
            )


__all__ = ["LstmConfig"]

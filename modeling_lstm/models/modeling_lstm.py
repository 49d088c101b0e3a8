"""The LSTM and GRU text models. Imports only the files next to it, so it works as remote code."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import ModelOutput, SequenceClassifierOutput
from transformers.utils.generic import can_return_tuple

from .configuration_lstm import LstmConfig
from .recurrence_lstm import LstmEncoder, State, is_traced, locked_dropout, widen

IGNORED = -100  # in labels of tokens: nothing is to be predicted


@dataclass
class LstmModelOutput(ModelOutput):
    """
    Output of [`LstmModel`]. D is 2 when bidirectional, else 1.

    Args:
        last_hidden_state (`torch.Tensor` of shape `(batch, tokens, D * hidden_size)`): h of the top layer at each
            token, forward and backward concatenated; zero at padding.
        pooler_output (`torch.Tensor` of shape `(batch, config.pooled_size)`): One vector for each text.
        h_n (`torch.Tensor` of shape `(batch, num_hidden_layers * D, hidden_size)`): h after the last token read, of
            layer 0 forward, layer 0 backward, layer 1 forward, ... as in `torch.nn.LSTM`, but with the batch first.
        c_n (`torch.Tensor` of the shape of `h_n`, *optional*): The memory c at that point; `None` for a GRU.
        hidden_states (tuple of `torch.Tensor`, *optional*): The word vectors, then h of each layer.
    """

    last_hidden_state: torch.Tensor | None = None
    pooler_output: torch.Tensor | None = None
    h_n: torch.Tensor | None = None
    c_n: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None


class LstmPreTrainedModel(PreTrainedModel):
    """Base class for the models of the family: configuration, initialization and saving."""

    config: LstmConfig
    base_model_prefix = "lstm"
    main_input_name = "input_ids"
    _input_embed_layer = "word_embeddings"
    supports_gradient_checkpointing = True

    def __init__(self, config: Any):
        config.validate()  # fields may have been assigned since it was created
        super().__init__(config)

    @property
    def _keys_to_ignore_on_save(self) -> set[str]:
        """Names of weights tied to others. `Trainer` uses it to tell that a checkpoint is not missing any weights."""
        if not self.config.tie_word_embeddings:
            return set()
        weights = dict(self.named_parameters(remove_duplicate=False))
        tied = (self._tied_weights_keys or {}).items()
        return {name for name, source in tied if name in weights and weights[name] is weights.get(source)}

    @_keys_to_ignore_on_save.setter
    def _keys_to_ignore_on_save(self, names: set[str]) -> None:
        pass  # `post_init` assigns the value that it has just read

    def set_input_embeddings(self, value: nn.Module) -> None:
        """
        Same as in the base class, but a plain `nn.Embedding` is wrapped to get the model's word dropout. Its weights
        and options are kept, hooks on it are not.
        """
        if type(value) is nn.Embedding:
            value = LstmEmbedding.of(self.config, value).train(self.training)
        super().set_input_embeddings(value)

    def save_pretrained(self, *args: Any, **kwargs: Any) -> None:
        """
        Same as in the base class, but an invalid configuration raises an error before anything is written, and base
        model and classifier can both be opened without this package.
        """
        self.config.validate()
        if isinstance(getattr(self, "lstm", self), LstmModel):
            name_other_models(self)
        if self._tied_weights_keys and not self.config.tie_word_embeddings:
            # nothing will be tied on loading, so the file needs every weight, even those that share memory now
            weights = kwargs.get("state_dict") or self.state_dict()
            apart = {name: weights[name].clone() for name in self._tied_weights_keys if name in weights}
            kwargs["state_dict"] = {**weights, **apart}
        super().save_pretrained(*args, **kwargs)

    def resize_token_embeddings(self, new_num_tokens: int | None = None, *args: Any, **kwargs: Any) -> nn.Embedding:
        """
        Same as in the base class.

        Raises:
            ValueError: The padding token would no longer be in the vocabulary.
        """
        least = 1 + (self.config.pad_token_id or 0)
        if new_num_tokens is not None and new_num_tokens < least:
            raise ValueError(
                f"The vocabulary must keep its first {least} tokens, up to the padding token, found {new_num_tokens}."
            )
        return super().resize_token_embeddings(new_num_tokens, *args, **kwargs)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """
        Initialize recurrent weights orthogonally (Saxe et al., 2014), input weights by Xavier, and forget biases with 1
        (Jozefowicz et al., 2015).
        """
        if isinstance(module, nn.RNNBase):
            for name, parameter in module.named_parameters(recurse=False):
                if getattr(parameter, "_is_hf_initialized", False):
                    continue
                gates = parameter.chunk(4 if isinstance(module, nn.LSTM) else 3)
                for gate in gates:
                    if name.startswith("weight_hh"):
                        init.orthogonal_(gate)
                    elif name.startswith("weight_ih"):
                        init.xavier_uniform_(gate)
                    else:
                        init.zeros_(gate)
                if name.startswith("bias_ih") and isinstance(module, nn.LSTM):
                    init.ones_(gates[1])
        elif isinstance(module, nn.Embedding):
            if not getattr(module.weight, "_is_hf_initialized", False):
                init.normal_(module.weight, std=self.config.embedding_range)
                if module.padding_idx is not None:
                    init.zeros_(module.weight[module.padding_idx])
        else:
            super()._init_weights(module)


class LstmEmbedding(nn.Embedding):
    """The embedding table of the word vectors, with dropout of whole words."""

    def __init__(self, config: LstmConfig):
        ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
        is_read = config.pad_token_id in (config.bos_token_id, *ends)  # as a token too, which must learn
        padding = None if is_read else config.pad_token_id
        super().__init__(config.vocab_size, config.embedding_size, padding_idx=padding)
        self.word_dropout = config.word_dropout

    @classmethod
    def of(cls, config: LstmConfig, table: nn.Embedding) -> "LstmEmbedding":
        """Return the vectors of a table, not copied, with the word dropout of a configuration."""
        with torch.device("meta"):
            found = cls(config)
        found.weight = table.weight
        for name in table.__constants__:  # num_embeddings, padding_idx, sparse, ...
            setattr(found, name, getattr(table, name))
        return found

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Map `input_ids` of shape `(batch, tokens)` to vectors of shape `(batch, tokens, embedding_size)`."""
        vectors = super().forward(input_ids)
        if not self.training or self.word_dropout == 0.0:
            return vectors
        kept = F.dropout(vectors.new_ones(self.num_embeddings), self.word_dropout)
        return vectors * kept[input_ids].unsqueeze(-1)


class LstmPooler(nn.Module):
    """Pools the states of a text into one vector, ignoring padding. The vector of a text without tokens is zero."""

    def __init__(self, config: LstmConfig):
        super().__init__()
        self.pooling = config.pooling
        if config.pooling == "attention":
            self.attention = nn.Linear(config.output_size, config.output_size)
            self.context = nn.Linear(config.output_size, 1, bias=False)

    def forward(self, states: torch.Tensor, last: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """
        Map `states` (batch, tokens, size), `last` (batch, size) and `mask` (batch, tokens; `None` without padding) to
        vectors (batch, pooled_size). Padding may be on the right, on the left, or between tokens.
        """
        if self.pooling == "last":
            return last
        if self.pooling == "mean":
            return self.mean(states, mask)
        if self.pooling == "max":
            return self._max(states, mask)
        if self.pooling == "concat":
            return torch.cat([last, self.mean(states, mask), self._max(states, mask)], dim=-1)
        if self.pooling != "attention":
            raise NotImplementedError(f"The pooling {self.pooling!r} is not implemented.")
        # Hierarchical attention networks (Yang et al., 2016), equations 5 to 7
        scores = self.context(torch.tanh(self.attention(states)))
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-1), torch.finfo(scores.dtype).min)
        return (scores.softmax(dim=1) * states).sum(dim=1)

    @staticmethod
    def mean(states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Return the mean over tokens. `states` must be zero at padding."""
        if mask is None:
            return states.sum(dim=1) / states.shape[1]
        return states.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1).to(states.dtype)

    @staticmethod
    def _max(states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        if mask is None:
            return states.amax(dim=1)
        largest = states.masked_fill(~mask.unsqueeze(-1), torch.finfo(states.dtype).min).amax(dim=1)
        return largest.masked_fill(~mask.any(dim=1, keepdim=True), 0.0)


@dataclass
class TextStates:
    """
    Output of the recurrence for a batch of texts.

    Args:
        layers: h of each layer at each step, `(batch, tokens, directions * hidden_size)`.
        h_n: h after the last token read; see [`LstmModelOutput`].
        c_n: c at that point; `None` for a GRU.
        mask: True at the steps that are tokens; `None` if all are.
        positions: The step at which each token was read, if texts were moved to the left of their rows; else `None`.
    """

    layers: list[torch.Tensor]
    h_n: torch.Tensor
    c_n: torch.Tensor | None
    mask: torch.Tensor | None
    positions: torch.Tensor | None

    def in_given_order(self) -> list[torch.Tensor]:
        """Return h of each layer, with the tokens at their original positions."""
        if self.positions is None:
            return self.layers
        rows = torch.arange(self.positions.shape[0], device=self.positions.device).unsqueeze(1)
        return [layer[rows, self.positions] for layer in self.layers]


class LstmModel(LstmPreTrainedModel):
    """The base model: word vectors, recurrence and pooling, without a head for a task."""

    def __init__(self, config: LstmConfig):
        super().__init__(config)
        self.word_embeddings = LstmEmbedding(config)
        self.encoder = LstmEncoder(config)
        self.pooler = LstmPooler(config)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        token_type_ids: torch.Tensor | None = None,
    ) -> LstmModelOutput:
        """
        Args:
            input_ids (`(batch, tokens)`): Token ids.
            attention_mask (`(batch, tokens)`): 1 at tokens, 0 at padding. Zeros may be anywhere: the output for a row
                is the same as for its tokens alone. Without a mask, every `config.pad_token_id` in `input_ids` is
                padding.
            inputs_embeds (`(batch, tokens, embedding_size)`): Word vectors instead of `input_ids`.
            output_hidden_states: Whether to also return the word vectors and the states of every layer. Default:
                `config.output_hidden_states`.
            output_attentions: No effect, since an LSTM has no attention; callers such as PEFT pass it to every model.
            token_type_ids: No effect; the tokenizers of some Transformers return it.

        Returns:
            [`LstmModelOutput`], or with `return_dict=False` a tuple of those of its fields that are not `None`.

        Raises:
            ValueError: Not exactly one of `input_ids` and `inputs_embeds` was passed, or the mask has the wrong shape,
                values below 0 or NaN.
        """
        vectors, mask = read_inputs(self.config, self.word_embeddings, input_ids, attention_mask, inputs_embeds)
        read = self.read(vectors, mask)
        directions = 2 if self.config.bidirectional else 1
        last = read.h_n[-directions:].transpose(0, 1).flatten(1)
        pooled = self.pooler(read.layers[-1], last, read.mask)
        layers = read.in_given_order()
        if mask.shape[1] == 0:  # one step of padding was read
            layers = [layer[:, :0] for layer in layers]
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        return LstmModelOutput(
            last_hidden_state=layers[-1],
            pooler_output=pooled,
            h_n=read.h_n.transpose(0, 1),
            c_n=None if read.c_n is None else read.c_n.transpose(0, 1),
            hidden_states=(vectors, *layers) if output_hidden_states else None,
        )

    def read(
        self, vectors: torch.Tensor, mask: torch.Tensor, start: State | None = None, direction: int | None = None
    ) -> TextStates:
        """
        Run the recurrence over texts, wherever their padding is.

        Args:
            vectors: Word vectors, `(batch, tokens, embedding_size)`.
            mask: True at tokens, `(batch, tokens)`.
            start, direction: See [`LstmEncoder.forward`].
        """
        if mask.shape[1] == 0:  # no text has a token: with one step of padding, their states become zero
            vectors = vectors.new_zeros(mask.shape[0], 1, self.config.embedding_size)
            mask = mask.new_zeros(mask.shape[0], 1)
        states = locked_dropout(vectors, self.config.embedding_dropout, self.training)

        reading_mask: torch.Tensor | None = mask
        positions = None
        if is_traced() or mask.is_meta:  # the same path for every mask
            positions = _left_aligned_positions(mask)
        elif bool(mask.all()):
            reading_mask = None
        elif _has_gaps(mask) or (start is not None and not bool(mask[:, 0].all())):
            positions = _left_aligned_positions(mask)
        if positions is not None:
            steps = torch.arange(mask.shape[1], device=mask.device)
            rows = torch.arange(mask.shape[0], device=mask.device).unsqueeze(1)
            states = states[rows, positions.scatter(1, positions, steps.expand_as(positions))]
            reading_mask = steps < mask.sum(dim=1, keepdim=True)
        layers, h_n, c_n = self.encoder(states, reading_mask, start, direction)
        return TextStates(layers, h_n, c_n, reading_mask, positions)


def name_other_models(model: LstmPreTrainedModel) -> None:
    """Name base model and classifier in `auto_map`, so that both can open the saved model without this package."""
    if model._auto_class is not None:
        others = {"AutoModel": LstmModel, "AutoModelForSequenceClassification": LstmForSequenceClassification}
        names = {auto: f"{one.__module__.rsplit('.', 1)[-1]}.{one.__name__}" for auto, one in others.items()}
        model.config.auto_map = (getattr(model.config, "auto_map", None) or {}) | names


def read_inputs(
    config: Any,
    embedding: Any,
    input_ids: torch.Tensor | None,
    attention_mask: torch.Tensor | None,
    inputs_embeds: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return word vectors `(batch, tokens, embedding_size)`, and a mask `(batch, tokens)` that is True at tokens."""
    mask = read_mask(config, input_ids, attention_mask, inputs_embeds)
    vectors: Any = inputs_embeds if input_ids is None else look_up(config, embedding, input_ids)
    return vectors, mask


def look_up(config: Any, embedding: Any, input_ids: torch.Tensor) -> torch.Tensor:
    """Return the word vectors of token ids."""
    if getattr(embedding, "padding_idx", None) not in (None, config.pad_token_id):
        # `Trainer` has replaced the padding token by that of the tokenizer: the old one is a word, which must learn
        embedding.padding_idx = None
    return embedding(input_ids.long())


def read_mask(
    config: Any,
    input_ids: torch.Tensor | None,
    attention_mask: torch.Tensor | None,
    inputs_embeds: torch.Tensor | None,
) -> torch.Tensor:
    """Check the input, and return a mask `(batch, tokens)` that is True at tokens."""
    if input_ids is not None and inputs_embeds is None:
        shape = input_ids.shape
        if len(shape) != 2:
            raise ValueError(f"input_ids must have the shape (batch, tokens), found {tuple(shape)}.")
    elif inputs_embeds is not None and input_ids is None:
        shape = inputs_embeds.shape[:2]
    else:
        found = "neither" if input_ids is None else "both"
        raise ValueError(f"The model takes either input_ids or inputs_embeds, found {found}.")
    if attention_mask is not None:
        if attention_mask.shape != shape:
            raise ValueError(
                f"attention_mask must have the shape (batch, tokens) = {tuple(shape)} of the input, "
                f"found {tuple(attention_mask.shape)}."
            )
        if attention_mask.is_floating_point() and not is_traced():
            if not bool((attention_mask >= 0).all()):  # for example an additive mask, which is 0 at tokens
                raise ValueError("attention_mask must be 1 at tokens and 0 at padding, found numbers below 0 or NaN.")
        return attention_mask.bool()
    if input_ids is None or config.pad_token_id is None:
        given: Any = inputs_embeds if input_ids is None else input_ids
        return torch.ones(shape, dtype=torch.bool, device=given.device)
    return input_ids != config.pad_token_id


def _left_aligned_positions(mask: torch.Tensor) -> torch.Tensor:
    """Return the new position of each step if each row's tokens move to the left, in order, before its padding."""
    ends = mask.sum(dim=1, keepdim=True)
    # ONNX has no cumulative sum of truth values
    return torch.where(mask, mask.long().cumsum(dim=1), ends + (~mask).long().cumsum(dim=1)) - 1


def _has_gaps(mask: torch.Tensor) -> bool:
    """Return whether a row has padding between tokens, that is, more than one run of tokens."""
    begins = mask[:, 1:] & ~mask[:, :-1]
    return bool((begins.sum(dim=1) + mask[:, 0] > 1).any())


def scale_numbers(config: LstmConfig, logits: torch.Tensor) -> torch.Tensor:
    """For a regression, scale standardized outputs back to the mean and scale of the targets."""
    usual = "regression" if config.num_labels == 1 else None
    if (config.problem_type or usual) != "regression" or (config.target_mean, config.target_scale) == (0.0, 1.0):
        return logits
    return widen(logits) * config.target_scale + config.target_mean


def classification_loss(config: LstmConfig, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """
    Return the loss for `config.problem_type`.

    If the problem type is `None`, it is inferred and set, as in the models of transformers: one output means
    regression, otherwise integer labels mean single-label and float labels multi-label. The loss of a regression is the
    mean squared error in units of `config.target_scale`.

    Args:
        logits: `(batch, num_labels)`.
        labels: For single-label, integers `(batch,)` or `(batch, 1)`. For multi-label, zeros and ones
            `(batch, num_labels)`. For regression, numbers of the shape of `logits`, or with one output also `(batch,)`.

    Raises:
        ValueError: `config.problem_type` is unknown, or `labels` has the wrong shape or type.
    """
    logits = widen(logits)
    kind, guessed = config.problem_type, ""
    if kind is None:
        kind = "multi_label_classification" if labels.is_floating_point() else "single_label_classification"
        kind = "regression" if config.num_labels == 1 else kind
        guessed = (
            f" It was inferred from num_labels {config.num_labels} and the type {labels.dtype}: pass integers for "
            "single labels, floats for several labels or numbers, or set config.problem_type."
        )
    rows = logits.shape[:1]
    shapes: dict[str, list[tuple[int, ...]]] = {
        "regression": [rows, logits.shape] if config.num_labels == 1 else [logits.shape],
        "single_label_classification": [rows, (*rows, 1)],
        "multi_label_classification": [logits.shape],
    }
    if kind not in shapes:
        raise ValueError(f"There is no loss for the problem_type {kind!r}.")
    if labels.shape not in shapes[kind]:
        raise ValueError(
            f"For the problem_type {kind!r} labels must have the shape {tuple(shapes[kind][0])}, "
            f"found {tuple(labels.shape)}.{guessed}"
        )
    if kind == "single_label_classification" and labels.is_floating_point():
        raise ValueError(f"For the problem_type {kind!r} labels must be integers, found {labels.dtype}.")
    if config.problem_type is None:
        config.problem_type = kind
    if kind == "regression":
        errors = (logits - labels.to(logits.dtype).view_as(logits)) / config.target_scale
        return errors.square().mean()
    weights = None if config.class_weights is None else logits.new_tensor(config.class_weights)
    if kind == "multi_label_classification":
        return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), pos_weight=weights)
    return F.cross_entropy(logits, labels.long().view(-1), weight=weights, label_smoothing=config.label_smoothing)


class LstmForSequenceClassification(LstmPreTrainedModel):
    """The LSTM or GRU with a linear classifier on the pooled vector."""

    def __init__(self, config: LstmConfig):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.lstm = LstmModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.pooled_size, config.num_labels)  # type: ignore[arg-type]
        self.post_init()

    # No **kwargs: Trainer would conclude that the loss is divided by `num_items_in_batch`.
    @can_return_tuple
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        token_type_ids: torch.Tensor | None = None,
    ) -> SequenceClassifierOutput:
        """
        Args:
            input_ids, attention_mask, inputs_embeds: See [`LstmModel.forward`].
            labels: See [`classification_loss`].
            output_hidden_states, output_attentions, token_type_ids: See [`LstmModel.forward`].

        Returns:
            `SequenceClassifierOutput` with `logits` of shape `(batch, num_labels)` and, if `labels` are passed, the
            mean `loss`.
        """
        outputs = self.lstm(input_ids, attention_mask, inputs_embeds, output_hidden_states, return_dict=True)
        logits = scale_numbers(self.config, self.classifier(self.dropout(outputs.pooler_output)))
        loss = None if labels is None else classification_loss(self.config, logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=outputs.hidden_states)


__all__ = ["LstmForSequenceClassification", "LstmModel", "LstmPreTrainedModel"]

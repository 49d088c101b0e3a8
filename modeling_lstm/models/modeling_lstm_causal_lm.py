"""`LstmForCausalLM`: the LSTM or GRU as a language model. Works as remote code, with the files that it imports."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers import GenerationMixin
from transformers import initialization as init
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils.generic import can_return_tuple

from .cache_lstm import LstmCache, begin_cache, check_new_tokens, read_cache
from .configuration_lstm import LstmConfig
from .modeling_lstm import IGNORED, LstmModel, LstmPreTrainedModel, read_inputs
from .recurrence_lstm import hold_at_padding, locked_dropout, widen
from .softmax_lstm import AdaptiveSoftmax, sampled_losses

MAX_COUNT = 60_000  # of a token


class LstmForCausalLM(LstmPreTrainedModel, GenerationMixin):
    """
    An LSTM or GRU language model, which predicts the next token.

    With `config.bidirectional` it holds two language models that share word vectors, like ELMo (Peters et al., 2018):
    a forward one, and a backward one that predicts the previous token. Neither sees the states of the other.
    [`LstmModel`] runs both with the same weights under the same names and concatenates their outputs.
    """

    token_frequencies: torch.Tensor  # only with a sampled softmax

    _is_stateful = True  # so that `generate` does not try to go back to an earlier token
    _tied_weights_keys = {"lm_head.weight": "lstm.word_embeddings.weight"}

    def __init__(self, config: LstmConfig):
        super().__init__(config)
        self.lstm = LstmModel(config)
        size = config.hidden_size
        self.projections: nn.ModuleList | None = None
        if config.tie_word_embeddings and config.embedding_size != size:
            directions = 2 if config.bidirectional else 1
            self.projections = nn.ModuleList(
                nn.Linear(size, config.embedding_size, bias=False) for _ in range(directions)
            )
            size = config.embedding_size
        self.lm_head = nn.Linear(size, config.vocab_size)
        self.adaptive = AdaptiveSoftmax(size, config.cutoffs()) if config.softmax == "adaptive" else None
        if config.softmax == "sampled":
            self.register_buffer("token_frequencies", torch.ones(config.vocab_size))
        self.post_init()
        self._part_directions()

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> Any:
        """Same as in the base class. In the weights of another kind of model, the directions are made independent."""
        found = super().from_pretrained(*args, **kwargs)
        model = found[0] if isinstance(found, tuple) else found  # with output_loading_info=True
        model._part_directions()
        return found

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Same as in the base class. Without stored frequencies, every token counts as seen once."""
        super()._init_weights(module)
        if module is self and self.config.softmax == "sampled":
            init.ones_(self.token_frequencies)

    def resize_token_embeddings(self, new_num_tokens: int | None = None, *args: Any, **kwargs: Any) -> nn.Embedding:
        """
        Same as in the base class. Old tokens keep their clusters. A sampled softmax takes new tokens to be as rare as
        its rarest.

        Raises:
            ValueError: The last cluster of an adaptive softmax would be empty, or the padding token would no longer be
                in the vocabulary.
        """
        first = self.config.cutoffs()[:-1]
        if self.adaptive is not None and new_num_tokens is not None and new_num_tokens <= first[-1]:
            raise ValueError(
                f"The vocabulary must have more than {first[-1]} tokens, where the last cluster of the adaptive "
                f"softmax begins, found {new_num_tokens}."
            )
        table = super().resize_token_embeddings(new_num_tokens, *args, **kwargs)
        if self.adaptive is not None:
            self.config.adaptive_cutoffs = first
            self.adaptive.cutoffs = self.config.cutoffs()
        if self.config.softmax == "sampled":
            counts = self.token_frequencies[: self.config.vocab_size]
            rarest = float(counts.min())
            self.token_frequencies = F.pad(counts, (0, self.config.vocab_size - len(counts)), value=rarest)
        return table

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False  # `generate` would create a cache of keys and values; `forward` creates an `LstmCache`

    def _prepare_cache_for_generation(
        self: Any, generation_config: Any, model_kwargs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Same as in the base class. To read a prompt in pieces (`prefill_chunk_size`), it must begin with a cache."""
        GenerationMixin._prepare_cache_for_generation(self, generation_config, model_kwargs, *args, **kwargs)
        begin_cache(self.config, generation_config, model_kwargs)

    @torch.no_grad()
    def _part_directions(self) -> None:
        """
        Zero the weights between the two directions, so that each direction of [`LstmModel`] has the output that it
        would have alone.
        """
        rnn: Any = self.lstm.encoder.rnn
        for layer in range(1, rnn.num_layers if rnn.bidirectional else 0):
            for own, suffix in enumerate(("", "_reverse")):
                getattr(rnn, f"weight_ih_l{layer}{suffix}").chunk(2, dim=1)[1 - own].zero_()

    def set_token_frequencies(self, counts: torch.Tensor) -> None:
        """
        Set how often each token occurs. The sampled softmax draws its candidates by these counts. They are scaled down
        to what fp16 can hold.

        Args:
            counts: The counts, `(vocab_size,)`. Tokens that do not occur count as seen once.
        """
        counts = counts.clamp(min=1)
        self.token_frequencies.copy_(counts * min(1.0, MAX_COUNT / float(counts.max())))

    def prepare_inputs_for_generation(
        self: Any, input_ids: Any, *args: Any, inputs_embeds: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        """
        Same as in the base class.

        Raises:
            ValueError: The state in `past_key_values` has read all tokens already.
        """
        check_new_tokens(kwargs.get("next_sequence_length"), kwargs.get("past_key_values"))
        kwargs["inputs_embeds"] = inputs_embeds  # a named parameter, since `generate` looks for it in the signature
        return GenerationMixin.prepare_inputs_for_generation(self, input_ids, *args, **kwargs)

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        past_key_values: LstmCache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        use_cache: bool | None = None,
        output_hidden_states: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        backward: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """
        Args:
            input_ids (`(batch, tokens)`): Token ids.
            attention_mask (`(batch, tokens)`): 1 at tokens, 0 at padding, which may be anywhere. Without it, there is
                no padding. With `past_key_values` it may also cover the earlier tokens.
            past_key_values: The state after the earlier tokens, returned by a call with `use_cache=True`. It is
                modified in place: copy it to continue from it more than once.
            inputs_embeds (`(batch, tokens, embedding_size)`): Word vectors instead of `input_ids`.
            labels (`(batch, tokens)`): The same as `input_ids` (they are shifted inside the model), with -100 where
                nothing is to be predicted. The first token of a text is never predicted, even after padding.
            use_cache: Whether to return the state after these tokens. Default: if `past_key_values` are passed, or if
                the model is not in training mode and there are no labels.
            output_hidden_states: Whether to also return the word vectors and h of every layer.
            logits_to_keep: How many of the last positions to return logits for (0: all), or a tensor of positions.
            backward: Whether to run the backward language model of a bidirectional one. The tokens must then be in
                the order in which it reads them: the last token of a text first.
            num_items_in_batch: The divisor of the sum of the losses, counted from the `labels` as `Trainer` does: with
                the first token of a text after padding on the left, for which the loss of each batch is corrected.
                Default: the number of predicted tokens.
            kwargs: `shift_labels` (`(batch, tokens)`), instead of `labels`: the token to predict at each position.
                Other arguments that `generate` and `Trainer` pass to any model have no effect.

        Returns:
            `CausalLMOutputWithPast` with `logits` of shape `(batch, tokens, vocab_size)` and, with labels, the mean
            `loss`. The logits of an adaptive softmax are log-probabilities. At padding, the logits are those of the
            token before it. In training with labels, only a `"full"` softmax returns logits.

        Raises:
            ValueError: Not exactly one of `input_ids` and `inputs_embeds` was passed, the mask or the labels have the
                wrong shape, the model has no language model for `backward`, or the cache is of another kind of model.
        """
        if backward and not self.config.bidirectional:
            raise ValueError("This language model has one direction only: leave out backward=True.")
        if attention_mask is not None and past_key_values is not None:
            inputs = input_ids if input_ids is not None else inputs_embeds
            before = 0 if inputs is None else max(0, attention_mask.shape[1] - inputs.shape[1])
            attention_mask = attention_mask[:, before:]
        vectors, mask = self._vectors(input_ids, attention_mask, inputs_embeds)
        start = read_cache(past_key_values, self.config)
        read = self.lstm.read(vectors, mask, start, int(backward))
        layers = [layer[:, : mask.shape[1]] for layer in read.in_given_order()]  # without tokens, one step was read
        if use_cache is None:
            has_labels = labels is not None or kwargs.get("shift_labels") is not None
            use_cache = past_key_values is not None or not (self.training or has_labels)
        if use_cache:
            past_key_values = past_key_values or LstmCache(self.config.num_hidden_layers)
            past_key_values.write(read.h_n, read.c_n, mask.shape[1])
        states, has_begun = layers[-1], None
        if read.mask is not None and mask.shape[1] > 0:
            states, has_begun = hold_at_padding(states, mask, start), mask.cumsum(1) > 0
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        states = self._project(states[:, kept], backward)
        shift_labels = kwargs.get("shift_labels")  # not a parameter: `Trainer` would take it for labels
        if labels is not None and shift_labels is None:
            shift_labels = F.pad(labels, (0, 1), value=IGNORED)[:, 1:]
            if has_begun is not None and start is None and labels.shape == mask.shape:
                given, shift_labels = shift_labels, shift_labels.masked_fill(~has_begun, IGNORED)
                if num_items_in_batch is not None:  # `Trainer` counts the first token after padding, too
                    counted, predicted = ((one != IGNORED).sum().clamp(min=1) for one in (given, shift_labels))
                    num_items_in_batch = num_items_in_batch * predicted / counted
        if shift_labels is not None and shift_labels.shape != states.shape[:2]:
            raise ValueError(
                f"labels must have the shape {tuple(states.shape[:2])} of the positions that are predicted from, "
                f"found {tuple(shift_labels.shape)}."
            )
        loss = logits = None
        if shift_labels is None or not self.training or self.config.softmax == "full":
            logits = self._logits(states)
        if shift_labels is not None:
            loss = self._loss(states, logits, shift_labels, num_items_in_batch)
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        return CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=past_key_values if use_cache else None,
            hidden_states=(vectors, *layers) if output_hidden_states else None,
        )

    def _vectors(
        self, input_ids: torch.Tensor | None, mask: torch.Tensor | None, inputs_embeds: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return word vectors and a mask. Without a given mask there is no padding, whatever the token ids."""
        tokens = input_ids if input_ids is not None else inputs_embeds
        if mask is None and tokens is not None:
            mask = tokens.new_ones(tokens.shape[:2], dtype=torch.long)
        return read_inputs(self.config, self.lstm.word_embeddings, input_ids, mask, inputs_embeds)

    def _project(self, states: torch.Tensor, backward: bool) -> torch.Tensor:
        """Project h of the top layer to the input of the softmax."""
        if self.projections is not None:
            states = self.projections[int(backward)](states)
        return locked_dropout(states, self.config.output_dropout, self.training)

    def _logits(self, states: torch.Tensor) -> torch.Tensor:
        if self.adaptive is not None:
            return self.adaptive.log_probabilities(states, self.lm_head)
        return self.lm_head(states)

    def _loss(
        self,
        states: torch.Tensor,
        logits: torch.Tensor | None,
        targets: torch.Tensor,
        number: torch.Tensor | int | None,
    ) -> torch.Tensor:
        """Return the mean loss of the tokens to predict, or the sum of their losses divided by `number`."""
        targets = targets.long()
        chosen = targets != IGNORED
        flat = targets[chosen]
        if logits is not None:  # they are large, and indexing would copy them
            total = F.cross_entropy(
                widen(logits.flatten(0, 1)), targets.flatten(), ignore_index=IGNORED, reduction="sum"
            )
        elif self.adaptive is not None:
            total = self.adaptive.losses(states[chosen], flat, self.lm_head).sum()
        else:
            size = min(self.config.sampled_candidates, self.config.vocab_size)
            total = sampled_losses(states[chosen], flat, self.lm_head, self.token_frequencies, size).sum()
        return total / (max(1, len(flat)) if number is None else number)


# Trainer shifts the labels of its label smoothing by one token only for the models in this table
MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.setdefault(LstmConfig.model_type, LstmForCausalLM.__name__)

__all__ = ["LstmForCausalLM"]

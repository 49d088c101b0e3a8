"""`LstmForCausalLM`: the LSTM or GRU as a language model. Serves as remote code, with the files that it imports."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers import GenerationMixin
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.utils.generic import can_return_tuple

from .cache_lstm import LstmCache, read_cache
from .configuration_lstm import LstmConfig
from .modeling_lstm import LstmModel, LstmPreTrainedModel, name_base_model, read_inputs
from .recurrence_lstm import locked_dropout
from .softmax_lstm import AdaptiveSoftmax, sampled_losses

IGNORED = -100  # in labels


class LstmForCausalLM(LstmPreTrainedModel, GenerationMixin):
    """
    The LSTM or GRU that predicts the next token.

    With `config.bidirectional` it holds two language models with the same word vectors, as ELMo (Peters et al., 2018):
    one that reads forward and one that reads backward and predicts the token before. Neither sees what the other reads;
    [`LstmModel`] puts both to use side by side, with the same weights under the same names.
    """

    token_frequencies: torch.Tensor  # with a sampled softmax

    _is_stateful = True  # so `generate` does not try to take tokens back
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

    def get_output_embeddings(self) -> nn.Linear:
        """From a state to the scores of the vocabulary."""
        return self.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        """Replace them."""
        self.lm_head = new_embeddings

    def resize_token_embeddings(self, new_num_tokens: int | None = None, *args: Any, **kwargs: Any) -> nn.Embedding:
        """
        As the family's. Old tokens stay in their clusters; for a sampled softmax new ones count as seen once.

        Raises:
            ValueError: a cluster of an adaptive softmax would be empty, or the padding token outside the vocabulary.
        """
        first = self.config.cutoffs()[:-1]
        if self.adaptive is not None and new_num_tokens is not None and new_num_tokens <= first[-1]:
            raise ValueError(
                f"The last cluster of the adaptive softmax begins at {first[-1]}, found {new_num_tokens} tokens."
            )
        table = super().resize_token_embeddings(new_num_tokens, *args, **kwargs)
        if self.adaptive is not None:
            self.config.adaptive_cutoffs = first
            self.adaptive.cutoffs = self.config.cutoffs()
        if self.config.softmax == "sampled":
            counts = self.token_frequencies[: self.config.vocab_size]
            self.token_frequencies = F.pad(counts, (0, self.config.vocab_size - len(counts)), value=1.0)
        return table

    def save_pretrained(self, *args: Any, **kwargs: Any) -> None:
        """As the library's; what is saved also opens as its base model, by `AutoModel`, without this package."""
        name_base_model(self)
        super().save_pretrained(*args, **kwargs)

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False  # `generate` would make one of keys and values; `forward` makes ours

    @torch.no_grad()
    def _part_directions(self) -> None:
        """Let nothing flow from one direction to the other: [`LstmModel`] then gives what the two give alone."""
        rnn: Any = self.lstm.encoder.rnn
        for layer in range(1, rnn.num_layers if rnn.bidirectional else 0):
            for own, suffix in enumerate(("", "_reverse")):
                getattr(rnn, f"weight_ih_l{layer}{suffix}").chunk(2, dim=1)[1 - own].zero_()

    def set_token_frequencies(self, counts: torch.Tensor) -> None:
        """
        Tell how often each token occurs, by which the sampled softmax draws its candidates.

        Args:
            counts: `(vocab_size,)`.
        """
        self.token_frequencies.copy_(counts.clamp(min=1))

    def prepare_inputs_for_generation(
        self: Any, input_ids: Any, *args: Any, inputs_embeds: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        """As the library's."""
        kwargs["inputs_embeds"] = inputs_embeds  # named, since `generate` looks for it among the parameters
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
            input_ids (`(batch, tokens)`): Token numbers.
            attention_mask (`(batch, tokens)`): 1 at tokens, 0 at padding, which may stand anywhere. Without it, all are
                tokens. With `past_key_values` it may be one of the tokens before these, too.
            past_key_values: The state after the tokens before these, as a call with `use_cache=True` returned it. It is
                changed: copy it to go on from it twice.
            inputs_embeds (`(batch, tokens, embedding_size)`): Word vectors in place of `input_ids`.
            labels (`(batch, tokens)`): `input_ids` again, which are shifted here; -100 where there is nothing to
                predict. A text's first token has no token before it, so padding does not predict it either.
            use_cache: Return the state after these tokens. Default: where nothing is trained.
            output_hidden_states: Also return the word vectors and h of every layer.
            logits_to_keep: Only the logits of so many last positions, 0: of all; or a tensor of positions.
            backward: Run the backward language model of a bidirectional one. All tokens then stand in the order in
                which it reads: the last one of a text first.
            num_items_in_batch: What the sum of the losses is divided by. Default: the number of predicted tokens.
            kwargs: `shift_labels` (`(batch, tokens)`): in place of `labels`, the token to predict at each position.
                What else `generate` and `Trainer` pass on to any model has no effect.

        Returns:
            `CausalLMOutputWithPast` with `logits` of shape `(batch, tokens, vocab_size)`, which with an adaptive
            softmax are log-probabilities, and at padding those after the token before it; given labels, the mean
            `loss`. In training with labels, a softmax that is not `"full"` gives no logits.

        Raises:
            ValueError: not exactly one of `input_ids` and `inputs_embeds`, a mask or labels of another shape,
                `backward` where there is only a forward language model, or the cache of another kind of model.
        """
        if backward and not self.config.bidirectional:
            raise ValueError("This language model reads forward only: leave out backward=True.")
        if attention_mask is not None and past_key_values is not None:
            inputs = input_ids if input_ids is not None else inputs_embeds
            before = 0 if inputs is None else max(0, attention_mask.shape[1] - inputs.shape[1])
            attention_mask = attention_mask[:, before:]
        vectors, mask = self._vectors(input_ids, attention_mask, inputs_embeds)
        start = read_cache(past_key_values)
        read = self.lstm.read(vectors, mask, start, int(backward))
        layers = [layer[:, : mask.shape[1]] for layer in read.in_given_order()]  # without any token one step was read
        if use_cache is None:
            use_cache = not self.training
        if use_cache:
            past_key_values = past_key_values or LstmCache(self.config.num_hidden_layers)
            past_key_values.write(read.h_n, read.c_n, mask.shape[1])
        states, has_begun = layers[-1], None
        if read.mask is not None and mask.shape[1] > 0:
            steps = torch.arange(mask.shape[1], device=mask.device)
            states = states[torch.arange(len(mask), device=mask.device).unsqueeze(1), (mask * steps).cummax(1).values]
            has_begun = mask.cumsum(1) > 0
            if start is not None:
                states = torch.where(has_begun.unsqueeze(-1), states, start[0][-1].unsqueeze(1).to(states.dtype))
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        states = self._project(states[:, kept], backward)
        shift_labels = kwargs.get("shift_labels")  # a parameter of that name would be what `Trainer` takes for labels
        if labels is not None and shift_labels is None:
            shift_labels = F.pad(labels, (0, 1), value=IGNORED)[:, 1:]
            if has_begun is not None and start is None and labels.shape == mask.shape:
                shift_labels = shift_labels.masked_fill(~has_begun, IGNORED)
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
        """Word vectors and mask; without a mask all are tokens, whatever their numbers."""
        tokens = input_ids if input_ids is not None else inputs_embeds
        if mask is None and tokens is not None:
            mask = tokens.new_ones(tokens.shape[:2], dtype=torch.long)
        return read_inputs(self.config, self.lstm.word_embeddings, input_ids, mask, inputs_embeds)

    def _project(self, states: torch.Tensor, backward: bool) -> torch.Tensor:
        """h of the top layer as the softmax reads it."""
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
        """The mean over the tokens to predict, or their sum divided by `number`."""
        chosen = targets != IGNORED
        flat = targets[chosen]
        if logits is not None:  # they are large: to choose from them would copy them
            total = F.cross_entropy(
                logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum"
            )
        elif self.adaptive is not None:
            total = self.adaptive.losses(states[chosen], flat, self.lm_head).sum()
        else:
            size = min(self.config.sampled_candidates, self.config.vocab_size)
            total = sampled_losses(states[chosen], flat, self.lm_head, self.token_frequencies, size).sum()
        return total / (max(1, len(flat)) if number is None else number)


__all__ = ["LstmForCausalLM"]

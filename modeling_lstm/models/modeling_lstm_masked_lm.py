"""`LstmForMaskedLM`: the bidirectional LSTM or GRU that fills in masked tokens. Works as remote code."""

import torch
from torch import nn
from torch.nn import functional as F
from transformers.modeling_outputs import MaskedLMOutput
from transformers.utils.generic import can_return_tuple

from .configuration_lstm import LstmConfig
from .modeling_lstm import IGNORED, LstmModel, LstmPreTrainedModel
from .recurrence_lstm import locked_dropout, widen


class LstmForMaskedLM(LstmPreTrainedModel):
    """
    A bidirectional LSTM or GRU that predicts masked tokens from the text on both sides of them, like BERT (Devlin et
    al., 2019).

    With `config.tie_word_embeddings`, a token is scored with its word vector, after a linear layer from the states of
    both directions to `config.embedding_size`.
    """

    _tied_weights_keys = {"lm_head.weight": "lstm.word_embeddings.weight"}

    def __init__(self, config: LstmConfig):
        """
        Raises:
            ValueError: The configuration is not bidirectional, or asks for an adaptive or a sampled softmax.
        """
        if not config.bidirectional:
            raise ValueError("A masked language model reads in both directions: set bidirectional=True.")
        if config.softmax != "full":
            raise ValueError(
                f"A masked language model has a full softmax, found softmax={config.softmax!r}: set softmax='full'."
            )
        super().__init__(config)
        self.lstm = LstmModel(config)
        size = config.output_size
        self.projection: nn.Linear | None = None
        if config.tie_word_embeddings and config.embedding_size != size:
            self.projection = nn.Linear(size, config.embedding_size, bias=False)
            size = config.embedding_size
        self.lm_head = nn.Linear(size, config.vocab_size)
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
    ) -> MaskedLMOutput:
        """
        Args:
            input_ids, attention_mask, inputs_embeds: See [`LstmModel.forward`].
            labels (`(batch, tokens)`): The token to predict at each position, -100 where nothing is predicted.
            output_hidden_states, output_attentions, token_type_ids: See [`LstmModel.forward`].

        Returns:
            `MaskedLMOutput` with `logits` of shape `(batch, tokens, vocab_size)` and, with labels, the mean `loss` of
            the predicted tokens; 0 if there are none. In training with labels, there are no logits: they would be
            computed at all tokens, most of which are not predicted.

        Raises:
            ValueError: `labels` has the wrong shape, or see [`LstmModel.forward`].
        """
        outputs = self.lstm(input_ids, attention_mask, inputs_embeds, output_hidden_states, return_dict=True)
        states = outputs.last_hidden_state
        if labels is not None and labels.shape != states.shape[:2]:
            raise ValueError(
                f"labels must have the shape (batch, tokens) = {tuple(states.shape[:2])} of the input, "
                f"found {tuple(labels.shape)}."
            )
        if self.projection is not None:
            states = self.projection(states)
        states = locked_dropout(states, self.config.output_dropout, self.training)
        loss = logits = None
        if labels is None or not self.training:
            logits = self.lm_head(states)
        if labels is not None:
            chosen = labels != IGNORED
            found = self.lm_head(states[chosen]) if logits is None else logits[chosen]
            total = F.cross_entropy(widen(found), labels[chosen].long(), reduction="sum")
            loss = total / chosen.sum().clamp(min=1)
        return MaskedLMOutput(loss=loss, logits=logits, hidden_states=outputs.hidden_states)


__all__ = ["LstmForMaskedLM"]

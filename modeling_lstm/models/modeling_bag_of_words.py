"""A baseline that ignores word order: the mean of the word vectors and a feed-forward layer."""

import torch
from torch import nn
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils.generic import can_return_tuple

from .configuration_bag_of_words import BagOfWordsConfig
from .modeling_lstm import (
    LstmEmbedding,
    LstmPooler,
    LstmPreTrainedModel,
    classification_loss,
    read_inputs,
    scale_numbers,
)


class BagOfWordsForSequenceClassification(LstmPreTrainedModel):
    """
    Deep averaging network (Iyyer et al., 2015): the mean of the word vectors, one ReLU layer of size `hidden_size`, and
    a linear classifier. The order of the words does not change its output.
    """

    config: BagOfWordsConfig
    supports_gradient_checkpointing = False

    def __init__(self, config: BagOfWordsConfig):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.word_embeddings = LstmEmbedding(config)
        self.hidden = nn.Linear(config.embedding_size, config.hidden_size)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)  # type: ignore[arg-type]
        self.post_init()

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
        """Same as [`LstmForSequenceClassification.forward`], but without hidden states, even if requested."""
        vectors, mask = read_inputs(self.config, self.word_embeddings, input_ids, attention_mask, inputs_embeds)
        mean = LstmPooler.mean(vectors.masked_fill(~mask.unsqueeze(-1), 0.0), mask)
        hidden = torch.relu(self.hidden(self.dropout(mean)))
        logits = scale_numbers(self.config, self.classifier(self.dropout(hidden)))
        loss = None if labels is None else classification_loss(self.config, logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)


__all__ = ["BagOfWordsForSequenceClassification"]

"""`BagOfWordsConfig`: the configuration of the bag-of-words model. Works as remote code."""

from huggingface_hub.dataclasses import strict

from .configuration_lstm import LstmConfig


@strict
class BagOfWordsConfig(LstmConfig):
    """[`LstmConfig`] for `BagOfWordsForSequenceClassification`. Settings of the recurrence have no effect."""

    model_type = "bag-of-words"

    hidden_size: int = 200
    classifier_dropout: float | int = 0.2


__all__ = ["BagOfWordsConfig"]

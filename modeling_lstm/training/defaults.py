"""Recipes of defaults. Those of an LSTM are the defaults of the settings themselves."""

from typing import Any

PRETRAINED_RATE = 0.3  # of the learning rate, for vectors that begin as --embeddings; chosen on validation

LAYER_DECAY, FROZEN_EPOCHS = 2.6, 1  # of a classifier that begins as a language model (Howard and Ruder, 2018)
LANGUAGE_MODEL_DEFAULTS: dict[str, Any] = {"layer_decay": LAYER_DECAY, "frozen_epochs": FROZEN_EPOCHS}

# What suits fine-tuning a Transformer, where that differs
TRANSFORMER_DEFAULTS: dict[str, Any] = {
    "learning_rate": 5e-5,
    "num_train_epochs": 3.0,
    "per_device_train_batch_size": 32,
    "lr_scheduler_type": "linear",
    "max_length": 256,
}

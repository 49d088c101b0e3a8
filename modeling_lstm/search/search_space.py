"""The settings that a search chooses from, for each kind of model."""

from types import SimpleNamespace
from typing import Any

from ..training.arguments import ModelArguments, TrainerSettings
from ..training.defaults import (
    MAX_TRANSFORMER_EPOCHS,
    PRETRAINED_RATE,
    TRANSFORMER_DEFAULTS,
    settings_for_rows,
    transformer_epochs,
)
from ..utils.errors import require_extra
from ..utils.settings import TRANSFORMER_PREFIX

LEARNED = "none"  # vectors learned from scratch instead of given word vectors
SUBWORDS = {
    "words": {"tokenizer_algorithm": "word", "vocab_size": 30_000},
    "bpe 8,000": {"tokenizer_algorithm": "bpe", "vocab_size": 8_000},
    "unigram 8,000": {"tokenizer_algorithm": "unigram", "vocab_size": 8_000},
}


def suggest_settings(trial: Any, models: list[str], embeddings: list[str], epochs: int) -> dict[str, Any]:
    """
    Choose the settings of a trial, named like the flags of `train`.

    Args:
        trial: The `optuna.Trial` that suggests the values.
        models: Models to choose from; see [`SearchArguments`].
        embeddings: Word vectors to choose from; `none` for vectors learned from scratch.
        epochs: Maximum number of epochs.
    """
    model = trial.suggest_categorical("model", models) if len(models) > 1 else models[0]
    if model.startswith(TRANSFORMER_PREFIX):
        return {"transformer": model.removeprefix(TRANSFORMER_PREFIX)} | _suggest_transformer(trial, epochs)
    settings: dict[str, Any] = {"model_type": "bag-of-words"} if model == "bag-of-words" else {"cell_type": model}
    words = trial.suggest_categorical("embeddings", embeddings) if len(embeddings) > 1 else embeddings[0]
    if words == LEARNED:
        settings |= SUBWORDS[trial.suggest_categorical("tokens", list(SUBWORDS))]
        # Earlier versions had other sizes, under the name of the flag. Optuna refuses new values for an old name
        settings["embedding_size"] = trial.suggest_categorical("word_vector_size", [64, 128, 200, 300])
    else:
        settings["embeddings"] = words
        settings["embedding_learning_rate"] = trial.suggest_float("embedding_learning_rate", 1e-5, 3e-3, log=True)
    settings |= {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "per_device_train_batch_size": trial.suggest_categorical("per_device_train_batch_size", [16, 32, 64, 128]),
        "num_train_epochs": trial.suggest_int("num_train_epochs", min(2, epochs), epochs),
        "weight_decay": trial.suggest_float("weight_decay", 1e-4, 0.1, log=True),
        "word_dropout": trial.suggest_float("word_dropout", 0.0, 0.4),
        "classifier_dropout": trial.suggest_float("classifier_dropout", 0.0, 0.6),
        "hidden_size": trial.suggest_categorical("hidden_size", [64, 128, 200, 300]),
        "average_epochs": trial.suggest_categorical("average_epochs", [0.0, 0.5]),
        "adversarial_size": trial.suggest_categorical("adversarial_size", [0.0, 0.25]),
    }
    if model == "bag-of-words":
        return settings
    return settings | {
        "num_hidden_layers": trial.suggest_int("num_hidden_layers", 1, 2),
        "pooling": trial.suggest_categorical("pooling", ["concat", "max", "mean", "attention"]),
        "embedding_dropout": trial.suggest_float("embedding_dropout", 0.0, 0.6),
        "recurrent_dropout": trial.suggest_float("recurrent_dropout", 0.0, 0.4),
    }


def usual_settings(rows: int) -> dict[str, Any]:
    """Return the defaults of `train` for a number of training rows, named like its flags."""
    args = SimpleNamespace(**vars(TrainerSettings()), world_size=1)
    return vars(ModelArguments()) | vars(args) | settings_for_rows(args, rows)


def usual_trials(models: list[str], embeddings: list[str], epochs: int, rows: int) -> list[dict[str, Any]]:
    """
    Return the trials that have the defaults of `train`, one of each model, as Optuna's parameters. The first of the
    word vectors is theirs.

    Args:
        models: As for [`suggest_settings`].
        embeddings: As for [`suggest_settings`].
        epochs: Maximum number of epochs.
        rows: Number of training rows.
    """
    usual = usual_settings(rows)
    usual |= {"embeddings": embeddings[0], "tokens": next(iter(SUBWORDS))}
    usual |= {"word_vector_size": ModelArguments().config_fields()["embedding_size"]}
    usual |= {"embedding_learning_rate": PRETRAINED_RATE * usual["learning_rate"]}
    usual |= {"num_train_epochs": min(epochs, int(usual["num_train_epochs"]))}
    batch = TRANSFORMER_DEFAULTS["per_device_train_batch_size"]
    most = transformer_epochs(rows, batch, TRANSFORMER_DEFAULTS["num_train_epochs"])
    usual |= {
        "transformer_learning_rate": TRANSFORMER_DEFAULTS["learning_rate"],
        "transformer_batch_size": batch,
        "transformer_epochs": min(_transformer_epochs(epochs), int(most)),
        "transformer_weight_decay": usual["weight_decay"],
        "transformer_warmup_steps": usual["warmup_steps"],
    }
    trials = []
    for model in models:
        trial = open_optuna().trial.FixedTrial(usual | {"model": model})
        suggest_settings(trial, models, embeddings, epochs)
        trials.append(trial.params)  # those that were asked for
    return trials


def sample_settings(
    model: str, number: int, embeddings: str | None, epochs: int, seed: int = 0
) -> list[dict[str, Any]]:
    """
    Draw random settings from the search space of a model. The same seed draws the same settings; a greater `number`
    only adds to them.

    Raises:
        InputError: Optuna is not installed.
    """
    optuna = open_optuna()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [suggest_settings(study.ask(), [model], [embeddings or LEARNED], epochs) for _ in range(number)]


def open_optuna() -> Any:
    """
    Import the module `optuna` and turn off its log.

    Raises:
        InputError: Optuna is not installed.
    """
    with require_extra("search", "The search needs Optuna"):
        import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # the caller reports failed trials
    return optuna


def _suggest_transformer(trial: Any, epochs: int) -> dict[str, Any]:
    """Choose the settings of fine-tuning. Optuna's names for them are distinct, as LSTMs need other values."""
    return {
        "learning_rate": trial.suggest_float("transformer_learning_rate", 1e-5, 2e-4, log=True),
        "per_device_train_batch_size": trial.suggest_categorical("transformer_batch_size", [16, 32]),
        "num_train_epochs": trial.suggest_int("transformer_epochs", 1, _transformer_epochs(epochs)),
        "weight_decay": trial.suggest_float("transformer_weight_decay", 1e-4, 0.1, log=True),
        "warmup_steps": trial.suggest_float("transformer_warmup_steps", 0.0, 0.2),
    }


def _transformer_epochs(epochs: int) -> int:
    """Return the maximum number of epochs of a Transformer, which needs fewer than an LSTM."""
    return min(MAX_TRANSFORMER_EPOCHS, max(min(4, epochs), 2 * epochs // 3))

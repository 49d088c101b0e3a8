"""Arguments of a search for settings."""

from dataclasses import MISSING, dataclass
from typing import ClassVar, Literal

from ..utils.errors import as_text, require
from ..utils.settings import TRANSFORMER_PREFIX, require_at_least, setting

MODELS = ("lstm", "gru", "bag-of-words")
EPOCHS = 8  # the most of a trial, unless there are few rows


@dataclass
class SearchArguments:
    """What to search for, how, and for how long."""

    flag_group: ClassVar[str] = "Search"

    output_dir: str = setting("", "Folder for trials, the best recipe, tables and the report.", group="Output")
    models: list[str] = setting(
        MISSING,
        f"Models to choose from: {', '.join(MODELS)}, transformer:NAME; one or several.",
        factory=lambda: ["lstm"],
    )
    embeddings: list[str] | None = setting(
        None, "Word vectors to choose from, as for train; none: learn them. Default: learn them."
    )
    trials: int = setting(30, "Number of settings to try, including pruned ones.")
    minutes: float | None = setting(None, "Start no trial after this time.")
    jobs: int = setting(1, "Number of processes that try settings in parallel; they share the cores.")
    engine: Literal["optuna", "ray"] = setting(
        "optuna", "Train in local processes, or in those of Ray on this machine or a cluster."
    )
    address: str | None = setting(None, "Address of a Ray cluster: HOST:6379, or auto. Default: start one.")
    sampler: Literal["tpe", "random"] = setting(
        "tpe", "How to choose the next settings: based on earlier trials (tpe), or at random."
    )
    pruning: bool = setting(True, "Stop a trial early if it is worse than half of the earlier ones at its epoch.")
    epochs: int | None = setting(
        None, "Maximum number of epochs of a trial. Default: 8, or with few rows as many as train would make."
    )
    metric: str = setting(
        "auto", "Validation metric to optimize; auto: accuracy, or mean_squared_error for regression."
    )
    class_weights: Literal["balanced"] | None = setting(
        None, "Weight labels in inverse proportion to their number of rows."
    )
    seed: int = setting(0, "Random seed of the search and of each training run.")
    use_cpu: bool = setting(False, "Train on the CPU even if there is a GPU.")

    def __post_init__(self) -> None:
        require(bool(self.output_dir), "Name the folder of the search with --output_dir.")
        require(len(self.models) > 0, "Name the models to choose from with --models.")
        unknown = [name for name in self.models if name not in MODELS and not name.startswith(TRANSFORMER_PREFIX)]
        require(
            not unknown,
            f"Unknown model {as_text(unknown)} for --models: choose {as_text(MODELS)} or {TRANSFORMER_PREFIX}NAME.",
        )
        require_at_least(self, trials=1, jobs=1, epochs=1)
        require(
            self.embeddings is None or any(name in MODELS for name in self.models),
            f"--embeddings is for the models {as_text(MODELS)}: name one of them with --models, or leave it out.",
        )
        require(
            self.engine == "ray" or self.address is None, "--address is for --engine ray: add that, or leave it out."
        )
        require(self.minutes is None or self.minutes > 0, f"--minutes must be greater than 0, found {self.minutes}.")

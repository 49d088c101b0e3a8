"""`RunRecord`: what `run.json` holds."""

from typing import Any, TypedDict


class Seconds(TypedDict):
    """How long a training took, in seconds."""

    preparation: float
    training: float
    total: float


class RunRecord(TypedDict, total=False):
    """
    What `run.json` tells of a run. A key that does not apply is absent.

    Attributes:
        command: What was typed, or what would do the same.
        task: `name`, `auto_class`, and what the task says of itself; of classifiers `problem_type` and `label_names`.
        data: The data settings, and what was found: `source`, columns, `counts` of rows, `overlap`, `tokens`.
        tokenizer: How texts become tokens, and the size of the `vocabulary`.
        model: Its settings, `parameters` and `size_mb`.
        embeddings: Where its word vectors come from, and how many words have one.
        training: The settings of the training that differ from the defaults, `seed` and `steps`.
        best: The metric that chose the checkpoint, and its step.
        history: The evaluations on validation during training.
        metrics: Scores by split; `intervals` (95 %) and `confusion` likewise.
        distillation: Teachers, text and settings of a distillation, and the `gap` to the teacher.
        compared: What a comparison found, where there was one.
        seconds: How long it took.
        versions: Of Python and the libraries.
        hardware: Processor, cores, threads and memory.
    """

    command: str | None
    task: dict[str, Any]
    data: dict[str, Any]
    tokenizer: dict[str, Any]
    model: dict[str, Any]
    embeddings: dict[str, Any]
    training: dict[str, Any]
    best: dict[str, Any]
    history: list[dict[str, float]]
    metrics: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, list[float]]]
    confusion: dict[str, list[list[int]]]
    distillation: dict[str, Any]
    compared: dict[str, Any]
    seconds: Seconds
    versions: dict[str, str]
    hardware: dict[str, Any]

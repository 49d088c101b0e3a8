"""TF-IDF with logistic regression, by scikit-learn: the baseline that is hardest to excuse losing to."""

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .systems import Predict, System, Task

FILE = "model.skops"


class Tfidf(System):
    """Counts of words and pairs of words, or of pieces of words, weighted by rarity, and logistic regression."""

    name = "tfidf"
    most_seeds = 1  # there is no chance in it

    def settings(self) -> list[dict[str, Any]]:
        """Two strengths of the penalty, and pieces of words."""
        words = {"analyzer": "word", "ngram_range": [1, 2]}
        return [words | {"C": 10.0}, words | {"C": 1.0}, {"analyzer": "char_wb", "ngram_range": [2, 5], "C": 10.0}]

    def prepare(self) -> None:
        """Import scikit-learn's parts and skops."""
        import sklearn.linear_model  # noqa: F401

        _skops()

    def fit(self, task: Task, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        """Fit both."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        skops = _skops()
        words = r"(?u)\w+(?:['’]\w+)*|[^\w\s]"  # one-letter words and signs too: "!" says something
        vectorizer = TfidfVectorizer(
            analyzer=settings["analyzer"],
            ngram_range=tuple(settings["ngram_range"]),
            token_pattern=words if settings["analyzer"] == "word" else None,
            min_df=2 if len(task.data.splits["train"]) > 1_000 else 1,
            sublinear_tf=True,
        )
        classifier = LogisticRegression(C=settings["C"], class_weight=task.class_weights, max_iter=1_000)
        pipeline = make_pipeline(vectorizer, classifier)
        try:
            pipeline.fit(task.texts("train"), task.labels("train"))
        except ValueError as error:
            raise InputError(f"TF-IDF cannot learn from these texts: {error}") from error
        skops.dump(pipeline, folder / FILE)
        return {"model_type": "tfidf", "parameters": int(classifier.coef_.size + classifier.intercept_.size)}

    def load(self, folder: Path, labels: int) -> Predict:
        """The pipeline, read without running anything that its file might hold."""
        pipeline = _skops().load(folder / FILE)
        classes = pipeline.classes_

        def predict(texts: list[str]) -> np.ndarray:
            found = np.zeros((len(texts), labels), dtype=np.float32)
            found[:, classes] = pipeline.predict_proba(texts)  # a small train split may lack a label
            return found

        return predict


def _skops() -> Any:
    try:
        from skops import io
    except ImportError as error:
        raise InputError("The system tfidf needs skops: pip install 'modeling-lstm[compare]'") from error
    return io

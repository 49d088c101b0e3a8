"""TF-IDF with logistic regression, by scikit-learn: the baseline that is hardest to excuse losing to."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from ..utils.errors import InputError
from ..utils.files import write_json
from .systems import WORD, Predict, System, Task

TERMS = "terms.json"
WEIGHTS = "weights.npz"
TOLERANCE = 1e-6  # of the gradient; by scikit-learn's 1e-4 the answers depend on the number of threads


class Tfidf(System):
    """Counts of words and pairs of words, or of pieces of words, weighted by rarity, and logistic regression."""

    name = "tfidf"
    most_seeds = 1  # there is no chance in it

    def settings(self) -> list[dict[str, Any]]:
        """Two strengths of the penalty, and pieces of words."""
        words = {"analyzer": "word", "ngram_range": [1, 2]}
        return [words | {"C": 10.0}, words | {"C": 1.0}, {"analyzer": "char_wb", "ngram_range": [2, 5], "C": 10.0}]

    def fit(self, task: Task, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        """Fit both; what they learned goes into two plain files: scikit-learn itself knows pickle only."""
        counted = {"analyzer": settings["analyzer"], "ngram_range": settings["ngram_range"]}
        vectorizer = _vectorizer(counted, min_df=2 if len(task.data.splits["train"]) > 1_000 else 1)
        classifier = LogisticRegression(
            C=settings["C"], class_weight=task.class_weights, max_iter=10_000, tol=TOLERANCE
        )
        try:
            classifier.fit(vectorizer.fit_transform(task.texts("train")), task.labels("train"))
        except ValueError as error:
            raise InputError(f"TF-IDF cannot learn from these texts: {error}") from error
        write_json(folder / TERMS, counted | {"terms": vectorizer.get_feature_names_out().tolist()})
        learned = {name: getattr(classifier, name) for name in ("coef_", "intercept_", "classes_")}
        np.savez(folder / WEIGHTS, allow_pickle=False, idf_=vectorizer.idf_, **learned)
        return {"model_type": "tfidf", "parameters": int(classifier.coef_.size + classifier.intercept_.size)}

    def load(self, folder: Path, labels: int) -> Predict:
        """Both as they were."""
        counted = json.loads((folder / TERMS).read_text(encoding="utf-8"))
        vectorizer = _vectorizer(counted, vocabulary=counted.pop("terms"))
        classifier = LogisticRegression()
        with np.load(folder / WEIGHTS) as weights:
            vectorizer.idf_ = weights["idf_"]
            for name in ("coef_", "intercept_", "classes_"):
                setattr(classifier, name, weights[name])

        def predict(texts: list[str]) -> np.ndarray:
            found = np.zeros((len(texts), labels), dtype=np.float32)
            # a small train split may lack a label
            found[:, classifier.classes_] = classifier.predict_proba(vectorizer.transform(texts))
            return found

        return predict


def _vectorizer(counted: dict[str, Any], **settings: Any) -> TfidfVectorizer:
    """One that counts words or pieces of them."""
    return TfidfVectorizer(
        analyzer=counted["analyzer"],
        ngram_range=tuple(counted["ngram_range"]),
        token_pattern=WORD if counted["analyzer"] == "word" else None,
        sublinear_tf=True,
        **settings,
    )

"""TF-IDF with a linear model from scikit-learn: a simple baseline that every network should beat."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from ..evaluation.metrics import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from ..utils.errors import InputError
from ..utils.files import read_json, write_json
from .systems import WORD, ComparisonTask, Predict, System

TERMS = "terms.json"
WEIGHTS = "weights.npz"
TOLERANCE = 1e-6  # for the gradient; with scikit-learn's 1e-4, the answers depend on the number of threads

Learned = dict[str, np.ndarray]


class Tfidf(System):
    """
    A linear model on the counts of words and word pairs, or of character n-grams, weighted by rarity: logistic
    regression (one for each label, if texts have several), or ridge regression for numbers.
    """

    name = "tfidf"
    max_seeds = 1  # it is deterministic

    def settings(self) -> list[dict[str, Any]]:
        """Two strengths of the penalty, and character n-grams."""
        words = {"analyzer": "word", "ngram_range": [1, 2]}
        return [words | {"C": 10.0}, words | {"C": 1.0}, {"analyzer": "char_wb", "ngram_range": [2, 5], "C": 10.0}]

    def fit(self, task: ComparisonTask, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        """Fit both parts and save them as JSON and NumPy arrays, because scikit-learn only supports pickle."""
        kind = task.data.problem_type
        counted = {"analyzer": settings["analyzer"], "ngram_range": settings["ngram_range"]}
        vectorizer = _vectorizer(counted, min_df=2 if len(task.data.splits["train"]) > 1_000 else 1)
        try:
            features = vectorizer.fit_transform(task.texts("train"))
            learned = _LEARN[kind](features, task.labels("train"), settings["C"], task.class_weights)
        except ValueError as error:
            raise InputError(f"TF-IDF cannot learn from these texts: {error}") from error
        terms = vectorizer.get_feature_names_out().tolist()
        write_json(folder / TERMS, counted | {"problem_type": kind, "terms": terms})
        np.savez(folder / WEIGHTS, allow_pickle=False, idf_=vectorizer.idf_, **learned)
        parameters = learned["coef_"].size + learned["intercept_"].size
        return {"model_type": "tfidf", "parameters": int(parameters)}

    def load(self, folder: Path, labels: int) -> Predict:
        """Load both parts."""
        counted = read_json(folder / TERMS)
        vectorizer = _vectorizer(counted, vocabulary=counted.pop("terms"))
        with np.load(folder / WEIGHTS) as weights:
            learned = {name: weights[name] for name in weights}
        vectorizer.idf_ = learned.pop("idf_")
        answer = _ANSWER[counted.get("problem_type", SINGLE_LABEL)](learned, labels)
        return lambda texts: answer(vectorizer.transform(texts)).astype(np.float32)


def _logistic(strength: float, class_weights: Any = None) -> LogisticRegression:
    return LogisticRegression(C=strength, class_weight=class_weights, max_iter=10_000, tol=TOLERANCE)


def _learn_label(features: Any, labels: np.ndarray, strength: float, class_weights: Any) -> Learned:
    classifier = _logistic(strength, class_weights).fit(features, labels)
    return {name: getattr(classifier, name) for name in ("coef_", "intercept_", "classes_")}


def _learn_labels(features: Any, labels: np.ndarray, strength: float, class_weights: Any) -> Learned:
    """Fit one classifier for each label. A label of no row, or of all rows, is predicted with certainty: 0 or 1."""
    weights = np.zeros((labels.shape[1], features.shape[1]))
    intercepts = np.where(labels.any(axis=0), np.inf, -np.inf)
    for number in np.flatnonzero(labels.any(axis=0) & ~labels.all(axis=0)):
        classifier = _logistic(strength).fit(features, labels[:, number])
        weights[number], intercepts[number] = classifier.coef_[0], classifier.intercept_[0]
    return {"coef_": weights, "intercept_": intercepts}


def _learn_number(features: Any, numbers: np.ndarray, strength: float, class_weights: Any) -> Learned:
    ridge = Ridge(alpha=1 / strength, tol=TOLERANCE).fit(features, numbers)
    return {"coef_": ridge.coef_[None], "intercept_": np.atleast_1d(ridge.intercept_)}


def _answer_label(learned: Learned, labels: int) -> Callable[[Any], np.ndarray]:
    classifier = LogisticRegression()
    for name, value in learned.items():
        setattr(classifier, name, value)

    def answer(features: Any) -> np.ndarray:
        found = np.zeros((features.shape[0], labels), dtype=np.float32)
        found[:, classifier.classes_] = classifier.predict_proba(features)  # a small train split may lack a label
        return found

    return answer


def _answer_number(learned: Learned, labels: int) -> Callable[[Any], np.ndarray]:
    weights, intercepts = np.ascontiguousarray(learned["coef_"].T), learned["intercept_"]
    return lambda features: features @ weights + intercepts


def _answer_labels(learned: Learned, labels: int) -> Callable[[Any], np.ndarray]:
    logits = _answer_number(learned, labels)
    return lambda features: expit(logits(features))


_LEARN = {SINGLE_LABEL: _learn_label, MULTI_LABEL: _learn_labels, REGRESSION: _learn_number}
_ANSWER = {SINGLE_LABEL: _answer_label, MULTI_LABEL: _answer_labels, REGRESSION: _answer_number}


def _vectorizer(counted: dict[str, Any], **settings: Any) -> TfidfVectorizer:
    """Make a vectorizer of words or character n-grams."""
    return TfidfVectorizer(
        analyzer=counted["analyzer"],
        ngram_range=tuple(counted["ngram_range"]),
        token_pattern=WORD if counted["analyzer"] == "word" else None,
        sublinear_tf=True,
        **settings,
    )

"""The tables of README.md and docs/ that come from the comparisons in `results/comparison/`."""

import json
from typing import Any

from modeling_lstm.card import table

from .accuracy import RESULTS
from .comparison import DATA, STUDENT_NAME, SYSTEMS, TRANSFORMER_NAME

TITLES = {
    "order-matters": "order-matters",
    "sst2": "SST-2, phrases for training",
    "tweet_eval_sentiment": "TweetEval sentiment",
    "trec": "TREC-6",
    "imdb": "IMDB",
}
ROWS = (TRANSFORMER_NAME, STUDENT_NAME, *SYSTEMS)
COSTS = "tweet_eval_sentiment"
ALPHA = 0.05


def main_table() -> str:
    """Scores on test, and what an answer costs on the data set whose costs stand for all."""
    found = _comparisons()
    rows = [
        [name, *(_score(one, name) for one in found.values()), *_answer(found[COSTS], name)] for name in _rows(found)
    ]
    return _filled(["system", *_heads(found), "one text", "texts a second", "on disk"], rows)


def scores_table() -> str:
    """Scores on test of each system on each data set; the best is bold, and so are those not told apart from it."""
    found = _comparisons()
    rows = [[name, *(_score(one, name) for one in found.values())] for name in _rows(found)]
    return _filled(["system", *_heads(found)], rows)


def costs_table() -> str:
    """What each system costs to train and to use."""
    found = _comparisons()
    rows = [[name, *(_cost(one, name) for one in found.values())] for name in _rows(found)]
    return _filled(["system", *(TITLES[name] for name in found)], rows)


def order_table() -> str:
    """Accuracy on sentences with negation and contrast, and what is left of it when words are in disorder."""
    found = {name: one for name, one in _comparisons().items() if name in ("order-matters", "sst2")}
    heads, rows = ["system"], [[name] for name in _rows(found)]
    for name, one in found.items():
        parts = ("negation", "contrast", "neither") if name != "order-matters" else ()
        heads += [f"{TITLES[name].partition(',')[0]}, all", *(f"{part} ({one['slices'][part]:,})" for part in parts)]
        heads += ["in disorder", "answers changed"]
        for cells in rows:
            system = one["systems"].get(cells[0])
            if system is None:
                cells += [""] * (len(heads) - len(cells))
                continue
            cells.append(_percent(system["scores"]["accuracy"]))
            cells += [_percent(system["slices"][part]) for part in parts]
            cells += [_percent(system["shuffled"][what]) for what in ("accuracy", "changed")]
    return _filled(heads, rows)


def curves_table() -> str:
    """Scores by the number of training rows."""
    lines = []
    for name, one in _comparisons().items():
        metric = one["task"]["metric"]
        whole = one["data"]["counts"]["train"]["rows"]
        numbers = [point["rows"] for point in one["systems"][TRANSFORMER_NAME]["curve"]]
        for system in (TRANSFORMER_NAME, *SYSTEMS):
            points = {point["rows"]: point for point in one["systems"][system]["curve"]}
            points[whole] = one["systems"][system]["scores"][metric]
            cells = [f"{_percent(points[rows])} ({rows:,})" if rows in points else "" for rows in (*numbers, whole)]
            lines.append([TITLES[name], system, *cells])
    return _filled(["data set", "system", "1 % of the rows", "10 %", "all"], lines)


def _comparisons() -> dict[str, dict[str, Any]]:
    """Those that are complete, in their order."""
    paths = {name: RESULTS / "comparison" / name / "comparison.json" for name in DATA}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def _rows(found: dict[str, dict[str, Any]]) -> list[str]:
    """The systems that any of them has."""
    return [name for name in ROWS if any(name in one["systems"] for one in found.values())]


def _heads(found: dict[str, dict[str, Any]]) -> list[str]:
    return [f"{TITLES[name]}, {one['task']['metric'].replace('_', ' ')}" for name, one in found.items()]


def _filled(heads: list[str], rows: list[list[str]]) -> str:
    return table(heads, rows) + "\n"


def _score(one: dict[str, Any], name: str) -> str:
    if name not in one["systems"]:
        return ""
    metric = one["task"]["metric"]
    scores = {system: found["scores"][metric]["mean"] for system, found in one["systems"].items()}
    best = max(scores, key=lambda system: scores[system])
    clear = [pair["p_corrected"] < ALPHA for pair in one["pairs"] if {pair["first"], pair["second"]} == {best, name}]
    shown = _percent(one["systems"][name]["scores"][metric])
    return shown if any(clear) else f"**{shown}**"


def _cost(one: dict[str, Any], name: str) -> str:
    if (system := one["systems"].get(name)) is None:
        return ""
    costs, minutes = system["costs"], system["minutes"]
    took = "" if minutes is None else f"; {minutes:.1f} min"
    return f"{costs['p50_ms']:.2f} ms, {costs['texts_per_second']:,.0f}/s; {system['model']['size_mb']:.1f} MB{took}"


def _answer(one: dict[str, Any], name: str) -> list[str]:
    if (system := one["systems"].get(name)) is None:
        return ["", "", ""]
    costs = system["costs"]
    return [f"{costs['p50_ms']:.2f} ms", f"{costs['texts_per_second']:,.0f}", f"{system['model']['size_mb']:.0f} MB"]


def _percent(scores: dict[str, Any]) -> str:
    spread = "" if scores["sd"] is None else f" ± {100 * scores['sd']:.1f}"
    return f"{100 * scores['mean']:.1f}{spread}"

"""The tables of README.md and docs/ that come from the comparisons in `results/comparison/`."""

import math
import statistics
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

from modeling_lstm.comparison.report_tables import format_spread
from modeling_lstm.comparison.result import is_significant, rank_systems
from modeling_lstm.utils.files import read_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import RESULTS, SEEDS, records_of, spread
from .comparison import DATA, STUDENT_NAME, SYSTEMS, TRANSFORMER_NAME
from .distillation import IMDB
from .distillation_table import mean_interval

TITLES = {
    "order-matters": "order-matters",
    "sst2": "SST-2, trained on phrases",
    "tweet_eval_sentiment": "TweetEval sentiment",
    "trec": "TREC-6",
    "imdb": "IMDB",
}
ROWS = (TRANSFORMER_NAME, STUDENT_NAME, *SYSTEMS)
COSTS = "tweet_eval_sentiment"
PARTS: dict[str, tuple[str, ...]] = {"order-matters": (), "sst2": ("negation", "contrast", "neither")}

Comparison = dict[str, Any]
Cells = Callable[[Comparison, str], list[str]]


def main_table() -> str:
    """Make the table of test scores, with the cost of an answer on one representative dataset."""
    found = _with_students(_comparisons())
    heads = ["system", *_heads(found), "one text", "texts a second", "on disk"]
    return _fill(heads, _lines([*((one, _score) for one in found.values()), (found[COSTS], _answer)]))


def scores_table() -> str:
    """Make the table of test scores; the best is bold, and so are those not significantly different from it."""
    found = _with_students(_comparisons())
    return _fill(["system", *_heads(found)], _lines([(one, _score) for one in found.values()]))


def costs_table() -> str:
    """Make the table of what each system costs to train and to use."""
    found = _comparisons()
    return _fill(["system", *(TITLES[name] for name in found)], _lines([(one, _cost) for one in found.values()]))


def order_table() -> str:
    """Make the table of accuracy on sentences with negation and contrast, and with shuffled words."""
    found = {name: one for name, one in _comparisons().items() if name in PARTS}
    heads = ["system"]
    for name, one in found.items():
        parts = (f"{part} ({one['slices'][part]:,})" for part in PARTS[name])
        heads += [f"{TITLES[name].partition(',')[0]}, all", *parts, "shuffled", "predictions changed"]
    return _fill(heads, _lines([(one, partial(_order, parts=PARTS[name])) for name, one in found.items()]))


def curves_table() -> str:
    """Make the table of scores by the number of training rows."""
    lines = []
    for name, one in _comparisons().items():
        metric = one["task"]["metric"]
        whole = one["data"]["counts"]["train"]["rows"]
        numbers = [point["rows"] for point in one["systems"][TRANSFORMER_NAME]["curve"]]
        for system in (TRANSFORMER_NAME, *SYSTEMS):
            if not numbers or system not in one["systems"]:
                continue
            points = {point["rows"]: point for point in one["systems"][system]["curve"]}
            points[whole] = one["systems"][system]["scores"][metric]
            cells = [
                f"{format_spread(metric, points[rows])} ({rows:,})" if rows in points else ""
                for rows in (*numbers, whole)
            ]
            lines.append([TITLES[name], system, *cells])
    return _fill(["dataset", "system", "1% of the rows", "10%", "all"], lines)


def _comparisons() -> dict[str, Comparison]:
    """Read the complete comparisons, in the order of `DATA`."""
    paths = {name: RESULTS / "comparison" / name / "comparison.json" for name in DATA}
    return {name: read_json(path) for name, path in paths.items() if path.exists()}


def _with_students(found: dict[str, Comparison]) -> dict[str, Comparison]:
    """
    Add the students that were trained after the comparisons.

    A student of MiniLM counts as different from it if its gap to its teacher, or to the mean of its teachers, is
    significant. Otherwise, a student is compared with a system by the intervals of their scores, which is stricter than
    a paired test.
    """
    for name, one in found.items():
        records = records_of(f"{name}/distilled")
        if STUDENT_NAME in one["systems"] or len(records) < SEEDS:
            continue
        metric = one["task"]["metric"]
        values = [record["metrics"]["test"][metric] for record in records]
        scores = {"mean": statistics.mean(values), "sd": spread(values)}
        for other in list(one["systems"]):
            if other == TRANSFORMER_NAME and name != IMDB:
                low, high = mean_interval([record["distillation"]["gap"]["test"] for record in records])
            else:
                theirs = one["systems"][other]["scores"][metric]
                widths = [
                    (end - begin) / 2 for begin, end in (theirs["interval"], records[0]["intervals"]["test"][metric])
                ]
                low, high = (scores["mean"] - theirs["mean"] + sign * math.hypot(*widths) for sign in (-1, 1))
            p = 1.0 if low <= 0 <= high else 0.0
            one["pairs"].append({"first": other, "second": STUDENT_NAME, "p_corrected": p})
        one["systems"][STUDENT_NAME] = {"scores": {metric: scores}}
    return found


def _lines(columns: list[tuple[Comparison, Cells]]) -> list[list[str]]:
    """Make a line for each system with its cells of each comparison, empty where it was not compared."""
    lines = []
    for name in ROWS:
        if any(name in one["systems"] for one, _ in columns):
            filled = (
                made(one, name) if name in one["systems"] else _empty(made(one, ROWS[0])) for one, made in columns
            )
            lines.append([name, *chain.from_iterable(filled)])
    return lines


def _empty(cells: list[str]) -> list[str]:
    return [""] * len(cells)


def _heads(found: dict[str, Comparison]) -> list[str]:
    return [f"{TITLES[name]}, {one['task']['metric'].replace('_', ' ')}" for name, one in found.items()]


def _fill(heads: list[str], rows: list[list[str]]) -> str:
    return make_table(heads, rows) + "\n"


def _score(one: Comparison, name: str) -> list[str]:
    metric = one["task"]["metric"]
    shown = format_spread(metric, one["systems"][name]["scores"][metric])
    return [shown if is_significant(one, rank_systems(one)[0], name) else f"**{shown}**"]


def _cost(one: Comparison, name: str) -> list[str]:
    system = one["systems"][name]
    costs, minutes = system["costs"], system["minutes"]
    took = "" if minutes is None else f"; {minutes:.1f} min"
    return [f"{costs['p50_ms']:.2f} ms, {costs['texts_per_second']:,.0f}/s; {system['model']['size_mb']:.1f} MB{took}"]


def _answer(one: Comparison, name: str) -> list[str]:
    costs, model = one["systems"][name]["costs"], one["systems"][name]["model"]
    return [f"{costs['p50_ms']:.2f} ms", f"{costs['texts_per_second']:,.0f}", f"{model['size_mb']:.0f} MB"]


def _order(one: Comparison, name: str, parts: tuple[str, ...]) -> list[str]:
    system = one["systems"][name]
    slices, shuffled = system["slices"], system["shuffled"]
    shown = [system["scores"]["accuracy"], *(slices[part] for part in parts), shuffled["accuracy"], shuffled["changed"]]
    return [format_spread("accuracy", scores) for scores in shown]

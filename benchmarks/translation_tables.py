"""What docs/guides/translation.md says, from the records in `results/translation/`."""

import json
import statistics
from pathlib import Path
from typing import Any

from modeling_lstm.comparison import translator_comparison
from modeling_lstm.comparison.report import RESULT, ReportTable
from modeling_lstm.utils.markdown import make_table

from .accuracy import RESULTS, records_of
from .alignments import FILE, READ
from .translation import BACK, FOLDER

TITLES = {
    "none": "LSTM without attention",
    "luong": "LSTM, Luong",
    "bahdanau": "LSTM, Bahdanau",
    "transformer": "Transformer",
}
# Junczys-Dowmunt et al. (2018), trained by the Helsinki group on the pairs of OPUS
PUBLISHED = "OPUS-MT, trained on all pairs of OPUS, is published with BLEU 54.9 on a test set of Tatoeba"


def translation_scores_table() -> str:
    """BLEU and chrF on test."""
    found = _comparison()
    signatures = found["signatures"]
    text = _lines(translator_comparison.scores_table(found))
    return text + f"\n{PUBLISHED}.\nSignatures: `{signatures['bleu']}`; `{signatures['chrf']}`.\n"


def translation_lengths_table() -> str:
    """BLEU and chrF on test by the length of the text."""
    return _lines(translator_comparison.lengths_table(_comparison()))


def translation_costs_table() -> str:
    """What training and answering cost."""
    found = _comparison()
    speed = _read(RESULTS / "speed" / "translation_training.json")
    table = translator_comparison.costs_table(found)
    place = table.heads.index("minutes to train")
    table.heads[place] = "minutes an epoch"
    measured = speed["results"]
    for row, name in zip(table.rows, found["systems"], strict=True):
        whole = measured["rows of an epoch"] / measured["rows"] / 60
        row[place] = f"{whole * statistics.median(measured['seconds'][name]):.1f}"
    hardware = found["hardware"]
    return _lines(table) + (
        f"\nMinutes an epoch: from {measured['rows']:,} pairs, the models in turns, without validation. Measured on: "
        f"{hardware['processor']}, {found['threads']} thread.\n"
    )


def alignments_table() -> str:
    """Ten translations, a reader's verdict, and where attention looked."""
    lines = [
        "| text | translation | a reader says | words without a clear link (what they looked at most, weight) |",
        "|---|---|---|---|",
    ]
    sentences = _read(FILE)["sentences"]
    for one in sentences:
        weak = [f"{word} ({read}, {weight})" for word, read, weight in one["links"] if float(weight) < 0.5]
        verdict = READ.get(one["translation"], "**not read**")
        lines.append("| " + " | ".join([one["text"], one["translation"], verdict, ", ".join(weak)]) + " |")
    right = sum(READ.get(one["translation"]) == "right" for one in sentences)
    return "\n".join(lines) + f"\n\n{right} of {len(sentences)} are right.\n"


def back_sentence() -> str:
    """The scores of the way back."""
    (record,) = records_of(f"translation/{BACK}")
    test = record["metrics"]["test"]
    epochs = record["training"]["num_train_epochs"]
    return f"After {epochs:g} epochs it has BLEU {test['bleu']:.1f} and chrF {test['chrf']:.1f} on test.\n"


def _comparison() -> dict[str, Any]:
    found = _read(FOLDER / RESULT)
    found["systems"] = {TITLES[name]: found["systems"][name] for name in TITLES if name in found["systems"]}
    return found


def _lines(table: ReportTable) -> str:
    return f"{make_table(table.heads, table.rows, words=table.words)}\n\n{table.note}\n"


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))

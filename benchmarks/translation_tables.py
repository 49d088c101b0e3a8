"""The tables of docs/results/translation.md, made from the records in `results/translation/`."""

import statistics
from typing import Any

from modeling_lstm.comparison import translator_report
from modeling_lstm.comparison.report_page import ReportTable
from modeling_lstm.comparison.result import RESULT
from modeling_lstm.utils.files import read_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import records_of
from .alignments import FILE, READ
from .measure import SPEED
from .translation import BACK, FOLDER

TITLES = {
    "luong": "LSTM, Luong",
    "none": "LSTM without attention",
    "bahdanau": "LSTM, Bahdanau",
    "transformer": "Transformer",
}
TRAINING = SPEED / "translation_training.json"
# Marian (Junczys-Dowmunt et al., 2018), trained by the Helsinki group on the pairs of OPUS
PUBLISHED = "OPUS-MT, trained on all pairs of OPUS, is published with BLEU 54.9 on a test set of Tatoeba"


def translation_scores_table() -> str:
    """Make the table of BLEU and chrF on test."""
    found = _comparison()
    signatures = found["signatures"]
    text = _lines(translator_report.scores_table(found))
    return text + f"\n{PUBLISHED}.\nSignatures: `{signatures['bleu']}`; `{signatures['chrf']}`.\n"


def translation_lengths_table() -> str:
    """Make the table of BLEU and chrF on test by text length."""
    found = _comparison()
    few = found["data"]["rows"] - sum(found["lengths"].values())
    return _lines(translator_report.lengths_table(found)) + f"\nOnly {few} texts are longer, too few for a score.\n"


def translation_costs_table() -> str:
    """Make the table of the costs of training and translating."""
    found = _comparison()
    speed = read_json(TRAINING)
    table = translator_report.costs_table(found)
    column = table.heads.index("minutes to train")
    table.heads[column] = "minutes an epoch"
    measured = speed["results"]
    names = {title: name for name, title in TITLES.items()}
    for row in table.rows:
        whole = measured["rows of an epoch"] / measured["rows"] / 60
        row[column] = f"{whole * statistics.median(measured['seconds'][names[row[0]]]):.1f}"
    hardware = found["hardware"]
    return _lines(table) + (
        f"\nMinutes an epoch: from {measured['rows']:,} pairs, the models in turns, without validation. Measured on: "
        f"{hardware['processor']}, {found['threads']} thread.\n"
    )


def translation_epochs_table() -> str:
    """Make the table of BLEU on validation by epoch, with a comparison after equal time."""
    histories = {name: records_of(f"translation/{name}")[0]["history"] for name in TITLES if (FOLDER / name).is_dir()}
    bleu = {name: [one["eval_bleu"] for one in history] for name, history in histories.items()}
    seconds = {name: statistics.median(read_json(TRAINING)["results"]["seconds"][name]) for name in bleu}
    last = min(map(len, bleu.values()))
    shown = [epoch for epoch in (1, 2, 4, 6, 8, 10, 12) if epoch <= last]
    heads = ["system", *(f"epoch {epoch}" for epoch in shown)]
    rows = [[TITLES[name], *(f"{values[epoch - 1]:.1f}" for epoch in shown)] for name, values in bleu.items()]
    epochs = int(last * seconds["luong"] / seconds["transformer"])
    score = f"{bleu['transformer'][epochs - 1]:.1f}"
    return f"{make_table(heads, rows)}\n\n" + (
        f"BLEU on validation, decoded greedily. While Luong's network trains for {last} epochs, the Transformer trains "
        f"for {epochs} and reaches {score}. Its learning rate is still high then, because its schedule ends at epoch "
        f"{last}.\n"
    )


def alignments_table() -> str:
    """Make the table of ten translations, our verdict, and where attention looked."""
    heads = [
        "text",
        "translation",
        "our verdict",
        "words with no attention weight of 0.5 or more (source word with the largest, weight)",
    ]
    rows = []
    sentences = read_json(FILE)["sentences"]
    for one in sentences:
        weak = [f"{word} ({read}, {weight})" for word, read, weight in one["links"] if float(weight) < 0.5]
        verdict = READ.get(one["translation"], "**not read**")
        rows.append([one["text"], one["translation"], verdict, ", ".join(weak)])
    right = sum(READ.get(one["translation"]) == "right" for one in sentences)
    return make_table(heads, rows) + f"\n\n{right} of {len(sentences)} are right.\n"


def back_sentence() -> str:
    """Make the sentence with the scores from Spanish to English."""
    (record,) = records_of(f"translation/{BACK}")
    test = record["metrics"]["test"]
    epochs = record["training"]["num_train_epochs"]
    return f"After {epochs:g} epochs it has BLEU {test['bleu']:.1f} and chrF {test['chrf']:.1f} on test.\n"


def _comparison() -> dict[str, Any]:
    found = read_json(FOLDER / RESULT)
    found["systems"] = {TITLES[name]: found["systems"][name] for name in TITLES if name in found["systems"]}
    return found


def _lines(table: ReportTable) -> str:
    return f"{make_table(table.heads, table.rows, words=table.words)}\n\n{table.note}\n"

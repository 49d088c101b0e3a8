"""Fill the tables of README.md and docs/ from the records in `results/`: `python -m benchmarks.tables [--check]`."""

import argparse
import statistics
import sys

from modeling_lstm.utils.files import read_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import RESULTS, SEEDS, mean_and_spread, mean_minutes, minutes_of, records_of
from .comparison_tables import costs_table, curves_table, main_table, order_table, scores_table
from .defaults import defaults_table
from .distillation_table import distillation_table
from .emoji_character import emoji_scores_table, emoji_shares_table
from .end_to_end_tables import budget_table, end_to_end_table
from .few_labels import few_labels_table
from .front import front_table
from .language_models import language_models_table
from .masked import masked_table
from .measure import ROOT
from .own_text import own_text_table
from .pretrained import labels_table
from .processes import processes_table
from .scale_tables import plan_table, scoring_table, search_table
from .softmaxes import softmaxes_table
from .speed_table import generation_table, speed_sentences, speed_table
from .translation_tables import (
    alignments_table,
    back_sentence,
    translation_costs_table,
    translation_epochs_table,
    translation_lengths_table,
    translation_scores_table,
)
from .tweet_eval import hate_table, tweet_eval_table
from .untouched import untouched_table

# Published scores with their sources; the rest of the table is measured here
PUBLISHED = {
    "tweet_eval_sentiment": "LSTM 58.3, FastText 62.9, RoBERTa-base 71.3, BERTweet 73.4 (TweetEval leaderboard)",
    "sst2": "CNN-rand 83.5 (sent-conv-torch), LSTMs with GloVe 86.3 (2 layers) and 87.5 (bidirectional; Tai et al., "
    "2015), BERT-large 94.9",
    "trec": "CNN 91.2 from scratch (88.2 in sent-conv-torch), 93.6 with word2vec (Kim, 2014), ULMFiT 96.4",
    "imdb": "Maas et al. 88.9 (2011), SA-LSTM 92.8 (2015), ULMFiT 95.4, XLNet 96.2",
}
NAMES = {
    "tweet_eval_sentiment": "TweetEval sentiment",
    "sst2": "SST-2, trained on phrases",
    "trec": "TREC-6",
    "imdb": "IMDB",
}
SOURCES = {
    "random": "none (random, from scratch)",
    "glove": "GloVe 6B, 10,000 words of it",
    "googlenews": "word2vec GoogleNews, 8,000 words of it",
    "word2vec-imdb": "word2vec of `vectors train` on 50,000 unlabeled IMDB reviews",
    "potion": "Model2Vec potion-base-4M, with its subwords",
    "minilm": "all-MiniLM-L6-v2's input embeddings, with its subwords",
}


def table() -> str:
    """Make the table of test scores of each recipe: mean and standard deviation over its seeds."""
    heads = ["dataset", "metric", "test, mean ± sd", "seeds", "validation", "minutes per run", "parameters"]
    rows = []
    for recipe, name in NAMES.items():
        records = records_of(recipe)
        if not records:
            continue
        metric = records[0]["best"]["metric"]
        test, validation = ([100 * r["metrics"][split][metric] for r in records] for split in ("test", "validation"))
        cells = [
            f"[{name}](../../recipes/{recipe}.yaml)",
            metric.replace("_", " "),
            mean_and_spread(test, "**"),
            str(len(records)),
            f"{statistics.mean(validation):.1f}",
            ", ".join(minutes_of(record, digits=1) for record in records),
            f"{records[0]['model']['parameters'] / 1e6:.1f} M",
            PUBLISHED[recipe],
        ]
        rows.append(cells)
    every = [record for recipe in NAMES for record in records_of(recipe)]
    hardware = {f"{r['hardware']['processor']}, {r['hardware']['cores']} cores" for r in every}
    text = make_table([*heads, "published, test"], rows)
    return f"{text}\n\nMeasured on: {'; '.join(sorted(hardware))}.\n"


def word_vectors_table() -> str:
    """Make the table of test scores by recipe and source of word vectors, best in bold, token coverage in brackets."""
    rows = []
    runs = {
        (source, recipe): records_of(recipe if source == "random" else f"{recipe}/{source}")
        for source in SOURCES
        for recipe in NAMES
    }
    runs = {cell: records for cell, records in runs.items() if len(records) == SEEDS}
    scores = {
        cell: [100 * record["metrics"]["test"][record["best"]["metric"]] for record in records]
        for cell, records in runs.items()
    }
    best = {
        max((cell for cell in runs if cell[1] == name), key=lambda cell: sum(scores[cell]), default=None)
        for name in NAMES
    }
    for source, title in SOURCES.items():
        every = [record for recipe in NAMES for record in runs.get((source, recipe), [])]
        if not every:
            continue
        sizes = {record["model"]["embedding_size"] for record in every}
        threads = {record["hardware"]["threads"] for record in every}
        cells = [", ".join(map(str, sorted(numbers))) for numbers in (sizes, threads)]
        for cell in ((source, recipe) for recipe in NAMES):
            if cell not in runs:
                cells.append("")
                continue
            mark = "**" if cell in best else ""
            found = runs[cell][0].get("embeddings")
            coverage = f"{100 * found['running_tokens_covered']:.0f}%, " if found else ""
            cells.append(f"{mark}{mean_and_spread(scores[cell])}{mark} ({coverage}{mean_minutes(runs[cell])} min)")
        rows.append([title, *cells])
    return make_table(["vectors", "dimensions", "threads", *NAMES.values()], rows, words=1) + "\n"


def vector_file_sentence() -> str:
    """Make the sentence about the measurements of `benchmarks.vector_files`."""
    found = read_json(RESULTS / "vector_files.json")
    rates = found["megabytes_per_second"]
    return (
        f"From a generated file in GloVe's format, {found['file_gb']:.1f} GB with {found['words'] / 1e6:g} million "
        f"words, the vectors of {found['vectors_read']:,}\nwords were read in {found['seconds']:.1f} seconds by a "
        f"process that never used more than {found['peak_memory_mb']:,} MB, including its libraries:\n"
        f"{rates['ours']:,} MB a second. gensim, which parses every line, reads {rates['gensim']:,} MB a second; "
        f"reading the bytes alone, from the\npage cache, reaches {rates['read']:,}.\n"
    )


def deletion_table() -> str:
    """Make the table of the effect of leaving out the words that contributed most."""
    found = read_json(RESULTS / "deletion.json")["results"]
    shown = [0, 1, 2, 3, 5]
    heads = ["words left out by", *(f"{100 * found['shares'][n]:.0f}%" for n in shown), "area"]
    rows = []
    for name, curve in found["probability"].items():
        area = f"**{found['area'][name]:.3f}** ± {found['spread of the area'][name]:.3f}"
        rows.append([name, *(f"{curve[n]:.2f}" for n in shown), area])
    error = found["completeness error"]
    return make_table(heads, rows, words=1) + (
        f"\n\nMean probability of the model's own prediction over the {found['rows']:,} test sentences of SST-2, by "
        "the share of words left\nout; area under the whole curve ± its standard error. Integrated gradients miss "
        f"their sum by {100 * error['median']:.2f}% (median; 95% of the\nsentences: by at most "
        f"{100 * error['95 %']:.1f}%).\n"
    )


def turns_table() -> str:
    """Make the table of where the prediction turned in sentences that change direction."""
    found = read_json(RESULTS / "turns.json")["results"]
    heads = ["sentence", "a reader's verdict, at", "the model's verdict", "rises most at", "differs in"]
    rows, right, turned = [], 0, 0
    for one in found["sentences"]:
        expected, turn = one["expected"], one["turn"]
        agrees = {"verdict": one["answer"] == expected["verdict"], "word": turn["word"] in expected["words"]}
        is_right = all(agrees.values())
        right += is_right
        turned += is_right and turn["before"] < 0.5 <= turn["after"]
        cells = [one["sentence"], f"{expected['verdict']}, {' or '.join(expected['words'])}"]
        cells += [f"{one['answer']} ({expected['verdict']} {one['probability']:.2f})"]
        cells += [f"{turn['word']}, {turn['before']:.2f} to {turn['after']:.2f}"]
        cells += [" and ".join(one for one in agrees if not agrees[one])]
        rows.append(cells)
    return make_table(heads, rows) + (
        f"\n\n{right} of {len(found['sentences'])} have the right verdict, and its probability rises most at a word "
        f"that a reader would name. In {turned} of\nthese the prediction itself changes at that word; in the rest it "
        f"only becomes more certain. The model's accuracy on the\ntest split of SST-2 is "
        f"{100 * found['run']['accuracy']:.1f}%.\n"
    )


BLOCKS = {
    "README.md": {"comparison": main_table},
    "docs/results/classification.md": {
        "results": table,
        "word vectors": word_vectors_table,
        "distillation": distillation_table,
        "front": front_table,
        "few labels": few_labels_table,
        "tweet_eval": tweet_eval_table,
        "hate": hate_table,
        "emoji shares": emoji_shares_table,
        "emoji scores": emoji_scores_table,
        "untouched": untouched_table,
        "defaults": defaults_table,
    },
    "docs/results/speed.md": {
        "vector files": vector_file_sentence,
        "speed": speed_table,
        "speed sentences": speed_sentences,
        "end to end": end_to_end_table,
        "budget": budget_table,
    },
    "docs/results/language-models.md": {
        "perplexity": language_models_table,
        "softmaxes": softmaxes_table,
        "own text": own_text_table,
        "masked": masked_table,
        "labels": labels_table,
        "generation": generation_table,
    },
    "docs/guides/processes.md": {"processes": processes_table},
    "docs/guides/search.md": {"search": search_table},
    "docs/results/translation.md": {
        "translation scores": translation_scores_table,
        "translation epochs": translation_epochs_table,
        "translation lengths": translation_lengths_table,
        "translation costs": translation_costs_table,
        "translation back": back_sentence,
        "alignments": alignments_table,
    },
    "docs/guides/large-data.md": {"scoring": scoring_table, "plan": plan_table},
    "docs/how-an-lstm-works.md": {"turns": turns_table, "deletion": deletion_table},
    "docs/what-lstms-can-do.md": {
        "comparison": scores_table,
        "order": order_table,
        "comparison costs": costs_table,
        "curves": curves_table,
    },
}


def fill(name: str, text: str) -> str:
    """Return the text of a file with its tables updated, each between its two marks."""
    for block, made in BLOCKS[name].items():
        begin, end = f"<!-- {block}: begin -->", f"<!-- {block}: end -->"
        before, rest = text.split(begin, 1)
        text = before + begin + "\n" + made() + end + rest.split(end, 1)[1]
    return text


def main() -> None:
    """Write the tables or, with --check, fail if they differ from the records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="Do not write; fail if a file is out of date.")
    arguments = parser.parse_args()
    for name in BLOCKS:
        text = (ROOT / name).read_text(encoding="utf-8")
        if not arguments.check:
            (ROOT / name).write_text(fill(name, text), encoding="utf-8")
        elif fill(name, text) != text:
            sys.exit(f"{name} is out of date: run python -m benchmarks.tables")


if __name__ == "__main__":
    main()

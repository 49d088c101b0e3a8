"""Ten translations, and where attention looked: `python -m benchmarks.alignments RUN`, a run of recipes/tatoeba.yaml.

The sentences were written for this test before any was translated, and are in no split. READ holds our verdict on each
translation. The record is `results/translation/alignments.json`, with one figure in docs/figures/alignment.svg;
`python -m benchmarks.tables` makes the table of docs/results/translation.md.
"""

import argparse
from pathlib import Path
from typing import Any

from modeling_lstm.explanation.alignment import draw_alignments
from modeling_lstm.inference.translator import Alignment, Translator
from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.runs.record import read_record
from modeling_lstm.utils.figures import save
from modeling_lstm.utils.files import write_json

from .accuracy import RESULTS, portable
from .measure import ROOT

FILE = RESULTS / "translation" / "alignments.json"
FIGURE = ROOT / "docs" / "figures" / "alignment.svg"
SENTENCES = (
    "I drink coffee every morning.",
    "Where did you leave the keys?",
    "The train to the city leaves at seven.",
    "My sister has never liked cold water.",
    "He asked me whether I could lend him some money.",
    "The book that you gave me yesterday is very interesting.",
    "If the weather is good on Sunday, we will go to the beach with the children.",
    "She didn't answer the phone because she was asleep, so I called her again this evening.",
    "The man who lives across the street told us that his dog had not come home for three days.",
    "I wanted to buy a new car last year, but I lost my job and had to wait until the summer.",
)
SHOWN = 7  # the position of the sentence that the figure shows
START = "\u2581"  # marks a token at the start of a word
# Our verdict on each translation; translations that are missing here have not been read
READ = {
    "Bebo café todas las mañanas.": "right",
    "¿Dónde dejaste las llaves?": "right",
    "El tren a las siete de la ciudad sale a las siete.": "wrong: *at seven* twice",
    "A mi hermana nunca le gustaba agua fría.": "wrong: the article of *agua*, and the tense",
    "Él me preguntó si podía prestarle algo de dinero.": "right",
    "El libro que me diste ayer es muy interesante.": "right",
    "Si el clima es bueno el domingo, vamos a ir a la playa con los niños.": "right",
    "Ella no respondió al teléfono porque estaba dormido, así que la llamé otra vez.": (
        "wrong: *dormido* for *dormida*; *this evening* is lost"
    ),
    "El hombre que vive al otro lado de la calle nos dijo que su perro no había venido a casa durante tres días.": (
        "right"
    ),
    "Quería comprar un coche nuevo el año pasado, pero perdí mi trabajo y tuve que esperar hasta el verano.": "right",
}


def words_of(tokens: list[str], special: list[str]) -> list[list[int]]:
    """Return the positions of the tokens of each word."""
    words: list[list[int]] = []
    for index, token in enumerate(tokens):
        if token in special:
            continue
        if token.startswith(START) or not words:
            words.append([])
        words[-1].append(index)
    return words


def links(alignment: Alignment, special: list[str]) -> list[list[str]]:
    """Return for each word of the translation the source word with the largest attention weight, and the weight."""
    written, read = words_of(alignment.target, special), words_of(alignment.source, special)
    found = []
    for word in written:
        weights = [float(alignment.weights[word][:, indices].sum(axis=1).mean()) for indices in read]
        best = max(range(len(read)), key=weights.__getitem__)
        found.append([_word(alignment.target, word), _word(alignment.source, read[best]), f"{weights[best]:.2f}"])
    return found


def _word(tokens: list[str], indices: list[int]) -> str:
    return "".join(tokens[index] for index in indices).replace(START, "").strip(',.?!"¿¡')


def main() -> None:
    """Translate the ten sentences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="Run folder.")
    arguments = parser.parse_args()
    record: Any = read_record(Path(arguments.run))
    translator = Translator.from_run(arguments.run)
    found, alignments = [], []
    for text in SENTENCES:
        one = translator.align(text)
        alignments.append(one)
        found.append(
            {"text": text, "translation": one.translation, "links": links(one, translator.tokenizer.all_special_tokens)}
        )
        print(f"{one.text}\n{one.translation}\n{found[-1]['links']}\n")
    write_json(FILE, portable({"run": record["metrics"]["test"], "sentences": found} | describe_environment()))
    save(draw_alignments([alignments[SHOWN]]), FIGURE, "svg")


if __name__ == "__main__":
    main()

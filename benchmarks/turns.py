"""Where the answer turns in sentences with a turn: `python -m benchmarks.turns RUN`, a run trained on SST-2.

For each sentence, the script lists the words at which a reader's verdict would turn, and the final verdict. It finds
the largest rise of that verdict's probability from one word to the next. The record is `results/turns.json`;
`python -m benchmarks.tables` makes the table of docs/how-an-lstm-works.md from it.
"""

import argparse
from pathlib import Path
from typing import Any

from modeling_lstm.explanation import explain
from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.runs.record import read_record
from modeling_lstm.runs.run_folders import load_run
from modeling_lstm.utils.files import write_json

from .accuracy import RESULTS, portable

# The sentence, the words at one of which a reader's verdict would turn, and the final verdict
SENTENCES = (
    ("I wish I could say the movie was great but I can't.", ("can", "t"), "negative"),
    ("The acting is fine, but the story is a mess.", ("mess",), "negative"),
    ("It starts slowly but ends as a triumph.", ("triumph",), "positive"),
    ("I expected to hate it, but I loved every minute.", ("loved",), "positive"),
    ("A beautiful film that is ruined by its ending.", ("ruined",), "negative"),
    ("Not bad at all.", ("bad",), "positive"),
    ("Hardly a masterpiece.", ("masterpiece",), "negative"),
    ("Despite a weak script, the film is a delight.", ("delight",), "positive"),
    ("It could have been wonderful; instead it is dull.", ("instead", "dull"), "negative"),
    ("The jokes are never funny.", ("never", "funny"), "negative"),
    ("There is nothing here to dislike.", ("dislike",), "positive"),
)


def main() -> None:
    """Explain the sentences with a run, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="Run folder.")
    parser.add_argument("--output", type=Path, default=RESULTS / "turns.json")
    arguments = parser.parse_args()
    model, tokenizer = load_run(arguments.run)
    found: list[dict[str, Any]] = []
    for sentence, expected, verdict in SENTENCES:
        one = explain((model, tokenizer), sentence)
        course = one.probabilities[:, one.labels.index(verdict)]
        index = int((course[1:] - course[:-1]).argmax()) + 1
        found.append(
            {
                "sentence": sentence,
                "expected": {"verdict": verdict, "words": list(expected)},
                "answer": one.answer[0],
                "probability": round(float(course[-1]), 3),
                "turn": {"word": one.words[index], "before": float(course[index - 1]), "after": float(course[index])},
                "words": one.words,
                "course": [round(float(value), 3) for value in course],
                "completeness error": one.contributions.completeness_error,
            }
        )
    record = read_record(Path(arguments.run))
    run = {"data": record["data"]["dataset"], "accuracy": record["metrics"].get("test", {}).get("accuracy")}
    write_json(arguments.output, portable({"results": {"run": run, "sentences": found}} | describe_environment()))
    for row in found:
        print(f"{row['answer']:<10}{row['probability']:.2f}  {row['turn']['word']:<12}{row['sentence']}")


if __name__ == "__main__":
    main()

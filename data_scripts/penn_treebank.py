"""Write the Penn Treebank for language models as Parquet: `python -m data_scripts.penn_treebank --output_dir FOLDER`."""

from datasets import DatasetDict

from data_scripts.parquet import Description, run
from data_scripts.text_lines import read_release

URL = "https://www.fit.vut.cz/person/imikolov/public/rnnlm/simple-examples.tgz"
DESCRIPTION = Description(
    name="penn-treebank",
    title="Penn Treebank for language models",
    summary="Sentences of the Wall Street Journal with 10,000 words, in lower case, numbers as N.",
    source=f"The release of Mikolov's RNNLM toolkit, {URL}.",
    how="Each line is a text, without the blanks at its ends. The end of a line counts as a word.",
    license="other",
    license_note="The text belongs to the Linguistic Data Consortium (LDC99T42), which licenses it.",
    citation=(
        "Marcus et al. (1993), Building a Large Annotated Corpus of English, Computational Linguistics 19(2); Mikolov et "
        "al. (2010), Recurrent neural network based language model, Interspeech."
    ),
    task="text-generation",
)
FILES = {"train": "ptb.train.txt", "validation": "ptb.valid.txt", "test": "ptb.test.txt"}
EXPECTED = {"default": {"train": 42_068, "validation": 3_370, "test": 3_761}}
WORDS, VOCABULARY = {"train": 929_589, "validation": 73_760, "test": 82_430}, 10_000


def build(source: str | None = None) -> dict[str, DatasetDict]:
    """Build the three splits from the release's folder, from its archive, or from a download."""
    return {"default": read_release(source, URL, FILES, WORDS, VOCABULARY)}


if __name__ == "__main__":
    run(build, DESCRIPTION, EXPECTED)

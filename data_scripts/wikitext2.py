"""Write WikiText-2 as Parquet: `python -m data_scripts.wikitext2 --output_dir FOLDER`."""

from datasets import DatasetDict

from data_scripts.parquet import Description, run
from data_scripts.text_lines import read_release

URL = "https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-2-v1.zip"
DESCRIPTION = Description(
    name="wikitext-2",
    title="WikiText-2",
    summary="Good and featured articles of the English Wikipedia, with rare words as <unk>.",
    source=f"The release of its authors, {URL}.",
    how="Each line is a text, without the blanks at its ends; many are empty. The end of a line counts as a word.",
    license="cc-by-sa-4.0",
    license_note="CC BY-SA, as the source says.",
    citation="Merity et al. (2017), Pointer Sentinel Mixture Models, ICLR.",
    task="text-generation",
)
FILES = {"train": "wiki.train.tokens", "validation": "wiki.valid.tokens", "test": "wiki.test.tokens"}
EXPECTED = {"default": {"train": 36_718, "validation": 3_760, "test": 4_358}}
WORDS, VOCABULARY = {"train": 2_088_628, "validation": 217_646, "test": 245_569}, 33_278


def build(source: str | None = None) -> dict[str, DatasetDict]:
    """Build the three splits from the release's folder, from its archive, or from a download."""
    return {"default": read_release(source, URL, FILES, WORDS, VOCABULARY)}


if __name__ == "__main__":
    run(build, DESCRIPTION, EXPECTED)

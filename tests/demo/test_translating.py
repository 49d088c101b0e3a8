"""The page of a translator."""

from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from modeling_lstm.cli import main
from modeling_lstm.demo.app import build
from modeling_lstm.demo.translating import MAX_CHARACTERS, TranslationPage
from modeling_lstm.utils.errors import InputError
from tests.conftest import write_csv

SMALL = "--task translation --source_column en --target_column es --vocab_size 60 --min_frequency 1 --embedding_size 8 "
SMALL += "--encoder_hidden_size 8 --hidden_size 8 --max_length 12 --max_steps 2 --disable_tqdm true --use_cpu true"


def translator(folder: Path, attention: str) -> Path:
    pairs = write_csv(folder / "pairs.csv", [(f"one {n}", f"uno {n}") for n in range(30)], ("en", "es"))
    flags = [*SMALL.split(), "--attention", attention, "--dataset", str(pairs), "--output_dir", str(folder / "run")]
    assert main(["train", *flags]) == 0
    return folder / "run"


def test_it_translates_and_shows_where_it_looked(tmp_path: Path) -> None:
    run = translator(tmp_path / "luong", "luong")
    page = TranslationPage(str(run))
    text, table = page.show("one <b>3", 2)
    assert text == page.translator(["one <b>3"], num_beams=2)[0]
    assert table.startswith("<table>") and "<b>" not in table and page.show(" ", 1) == ("", "")
    with pytest.raises(InputError, match=f"at most {MAX_CHARACTERS}"):
        page.show("x" * 501, 1)
    with pytest.raises(InputError, match="is not UTF-8: it holds half a character"):
        page.show("one \ud83d", 1)
    plain = TranslationPage(str(translator(tmp_path / "none", "none")))
    assert plain.show("one 3", 1) == (plain.translator(["one 3"], num_beams=1)[0], "")
    _, url, _ = build(str(run)).launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    client = Client(url, verbose=False)
    assert client.predict("one <b>3", 2, api_name="/translate") == (text, table)
    for beams in (0, 10**9, None):
        with pytest.raises(AppError):
            client.predict("one", beams, api_name="/translate")
    with pytest.raises(InputError, match="leave out --beside"):
        build(str(run), [str(run)])

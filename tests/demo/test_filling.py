"""The page of a masked language model."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gradio_client import Client

from modeling_lstm.cli import main
from modeling_lstm.demo.app import build
from modeling_lstm.demo.filling import MAX_CHARACTERS, FillingPage
from modeling_lstm.demo.space import push_space
from modeling_lstm.utils.errors import InputError
from tests.conftest import opinion_rows, write_csv

SMALL = "--embedding_size 8 --hidden_size 10 --min_frequency 1 --per_device_train_batch_size 4 --block_size 10 "
SMALL += "--num_train_epochs 20 --learning_rate 0.02 --disable_tqdm true --use_cpu true"


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filling")
    text = write_csv(folder / "text.csv", [(one,) for one, _ in opinion_rows(150)], ("text",))
    given = ["pretrain", "--task", "fill-mask", "--dataset", str(text), "--output_dir", str(folder / "lm")]
    assert main([*given, *SMALL.split()]) == 0
    return folder / "lm"


def test_it_fills_in(masked: Path) -> None:
    filler = FillingPage(str(masked))
    assert all(one.count("[MASK]") == 1 for one in filler.examples)
    found = filler.fill("the [MASK] was great")
    assert next(iter(found)) == "film" and list(found.values()) == sorted(found.values(), reverse=True)
    for text, message in (("the film", "found 0 in 'the film'"), ("the [MASK] \ud83d", "is not UTF-8")):
        with pytest.raises(InputError, match=message):
            filler.fill(text)
    with pytest.raises(InputError, match="characters; at most 2,000"):
        filler.fill("a" * MAX_CHARACTERS + "[MASK]")


def test_the_page_answers_over_http(masked: Path) -> None:
    _, url, _ = build(str(masked)).launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    found = Client(url, verbose=False).predict("the [MASK] was great", api_name="/fill")
    assert found["label"] == "film" and len(found["confidences"]) == 5


def test_it_stands_alone_and_its_card_describes_it(
    masked: Path, trained: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "is a model for fill-mask: it has no answer to show" in fails("demo", trained, "--beside", masked)
    assert "leave out --beside" in fails("demo", masked, "--beside", trained)
    pushed: dict[str, bytes] = {}
    monkeypatch.setattr("modeling_lstm.demo.space.open_repository", lambda repo_id, *_, **options: repo_id)
    monkeypatch.setattr("modeling_lstm.demo.space.push_files", lambda files, *_, **options: pushed.update(files))
    push_space(str(masked), [], "me/page")
    assert "which tokens a masked language model fills in" in pushed["README.md"].decode()

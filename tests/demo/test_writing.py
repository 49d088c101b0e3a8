"""The page of a language model."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from modeling_lstm.cli import main
from modeling_lstm.demo.app import build
from modeling_lstm.demo.space import push_space
from modeling_lstm.demo.writing import MAX_CHARACTERS, MAX_TOKENS, WritingPage
from modeling_lstm.utils.errors import InputError
from tests.conftest import opinion_rows, write_csv

SMALL = "--embedding_size 8 --hidden_size 10 --min_frequency 1 --per_device_train_batch_size 4 --block_size 10 "
SMALL += "--num_train_epochs 20 --learning_rate 0.02 --disable_tqdm true --use_cpu true"


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writing")
    text = write_csv(folder / "text.csv", [(one,) for one, _ in opinion_rows(150)], ("text",))
    assert main(["pretrain", "--dataset", str(text), "--output_dir", str(folder / "lm"), *SMALL.split()]) == 0
    return folder / "lm"


def test_it_writes_and_guesses(language_model: Path) -> None:
    writer = WritingPage(str(language_model))
    guessed = writer.guess("the film")
    assert next(iter(guessed)) == "was" and list(guessed.values()) == sorted(guessed.values(), reverse=True)
    assert 0.5 < guessed["was"] < 1 and sum(guessed.values()) <= 1.001
    assert writer.write("the", 2, 0.0) == "the film was"
    assert writer.write("the", 1, 1e-40) == "the film"
    assert writer.write("the ", 1, 0.0) == "the film" and writer.write("  the", 1, 0.0) == "  the film"
    begin, end = "the film " * 10, "the film was " * 200
    end = end[-MAX_CHARACTERS:]
    assert writer.write(begin + end, 2, 0.0) == begin + writer.write(end, 2, 0.0) != begin + end
    assert writer.guess(begin + end) == writer.guess(end)
    for ask in (writer.guess, lambda text: writer.write(text, 2, 0.0)):
        with pytest.raises(InputError, match="is not UTF-8: it holds half a character"):
            ask("the \ud83d")


def test_the_page_answers_over_http(language_model: Path) -> None:
    _, url, _ = build(str(language_model)).launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    client = Client(url, verbose=False)
    text, guessed = client.predict("the", 2, 0.0, api_name="/write")
    assert text == "the film was" and guessed["label"] and len(guessed["confidences"]) == 10
    assert client.predict("<b>the", api_name="/guess")["confidences"]
    for numbers in ((MAX_TOKENS + 1, 0.5), (0, 0.5), (2, -1.0), (2, 9.0), (None, 0.5), (2, "hot")):
        with pytest.raises(AppError):
            client.predict("the", *numbers, api_name="/write")
    begin = "the film was " * 200
    text, guessed = client.predict(begin, 2, 0.0, api_name="/write")
    assert len(text) > len(begin) > MAX_CHARACTERS and text.startswith(begin) and guessed["label"]


@pytest.mark.parametrize("push", [(), ("--push_to_space", "me/page")])
def test_it_stands_beside_no_classifier(
    language_model: Path, trained: Path, push: tuple[str, ...], fails: Callable[..., str]
) -> None:
    beside = fails("demo", trained, "--beside", language_model, *push)
    assert "is a model for text-generation: it has no answer to show" in beside
    assert "leave out --beside" in fails("demo", language_model, "--beside", trained, *push)


def test_the_card_of_a_space_describes_the_page(language_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed: dict[str, bytes] = {}
    monkeypatch.setattr("modeling_lstm.demo.space.open_repository", lambda repo_id, *_, **options: repo_id)
    monkeypatch.setattr("modeling_lstm.demo.space.push_files", lambda files, *_, **options: pushed.update(files))
    push_space(str(language_model), [], "me/page")
    assert "type a beginning; a language model continues it" in pushed["README.md"].decode()


def test_a_text_that_fills_a_transformer_stands_without_a_guess(tmp_path: Path) -> None:
    text = write_csv(tmp_path / "text.csv", [(one,) for one, _ in opinion_rows(60)], ("text",))
    flags = ["--transformer_config", "gpt2", "--config_overrides", "n_positions=12,n_embd=8,n_head=2,n_layer=1"]
    flags += ["--block_size", "8", "--min_frequency", "1", "--max_steps", "2", "--disable_tqdm", "true"]
    run = tmp_path / "lm"
    assert main(["pretrain", "--dataset", str(text), "--output_dir", str(run), "--use_cpu", "true", *flags]) == 0
    _, url, _ = build(str(run)).launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    written, guessed = Client(url, verbose=False).predict("the film was", 50, 0.0, api_name="/write")
    assert written.startswith("the film was ") and not guessed.get("confidences")

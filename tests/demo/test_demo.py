"""The page of `demo`: answers, words that move, hostile sentences, and the same page as a Space."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import torch
from gradio_client import Client
from huggingface_hub import SpaceCard
from packaging.version import Version

from modeling_lstm.cli import main
from modeling_lstm.demo.answers import MAX_CHARACTERS, MAX_WORDS, ClassifierPage
from modeling_lstm.demo.app import build, move_word
from modeling_lstm.demo.space import PACKAGE, list_requirements
from modeling_lstm.utils.errors import InputError
from tests.conftest import TRAIN_FLAGS, write_csv
from tests.local_hub import READ_TOKEN, TOKEN, LocalHub
from tests.machine import Machine

TEXT = "the film was awful number 3"


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Path:
    folder = tmp_path_factory.mktemp("beside") / "bag"
    flags = ["--dataset", str(data_folder), "--output_dir", str(folder), "--model_type", "bag-of-words"]
    assert main(["train", *flags, *TRAIN_FLAGS]) == 0
    return folder


@pytest.fixture(scope="module")
def answers(trained: Path, beside: Path) -> ClassifierPage:
    return ClassifierPage(str(trained), [str(beside)])


def test_answers_stand_side_by_side(answers: ClassifierPage) -> None:
    shown = answers.show(TEXT)
    assert shown.words == TEXT.split()
    assert "run (lstm)" in shown.answers and "bag (bag-of-words)" in shown.answers
    assert "<strong>negative</strong>" in shown.answers and shown.explanation.count("<svg") == 1


def test_a_folder_of_another_trainer_is_shown_too(run_copy: Path) -> None:
    (run_copy / "run.json").unlink()
    shown = ClassifierPage(str(run_copy), []).show(TEXT)
    assert "copy (lstm)" in shown.answers and "<strong>negative</strong>" in shown.answers


def test_numbers_are_no_probabilities_and_labels_above_one_half_all_stand(tmp_path: Path, data_folder: Path) -> None:
    numbers = write_csv(tmp_path / "n.csv", [(f"the film was {n % 9} of", n % 9 / 2) for n in range(60)])
    flags = ["--dataset", str(numbers), "--problem_type", "regression", "--output_dir", str(tmp_path / "number")]
    assert main(["train", *flags, *TRAIN_FLAGS]) == 0
    shown = ClassifierPage(str(tmp_path / "number"), []).show(TEXT).answers
    assert "probability" not in shown and re.search(r"<strong>-?\d\.\d{3}</strong>", shown)
    labels_of = [["joy"], ["anger", "love"]]
    lines = [json.dumps({"text": f"a {n % 2} text {n}", "label": labels_of[n % 2]}) for n in range(60)]
    (tmp_path / "several.jsonl").write_text("\n".join(lines), encoding="utf-8")
    flags = ["--dataset", str(tmp_path / "several.jsonl"), "--output_dir", str(tmp_path / "several")]
    assert main(["train", *flags, *TRAIN_FLAGS]) == 0
    several = ClassifierPage(str(tmp_path / "several"), [str(tmp_path / "number")])
    bias = several.loaded[0][0].classifier.bias.data
    several.loaded[0][0].classifier.weight.data.zero_()
    for logits, labels in (([2.0, -2.0, 1.0], ["anger", "love"]), ([-1.0, -2.0, -1.0], ["no label above one half"])):
        bias.copy_(torch.tensor(logits))
        shown = several.show(TEXT).answers
        assert re.findall("<strong>(.*?)</strong>", shown)[:-1] == labels
        assert ("<th>probability</th>" in shown) == (len(labels) == 2)
        assert ("0.881<br>0.731" in shown) == (len(labels) == 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Type a sentence."),
        (" \n ", "Type a sentence."),
        ("x" * 100_000, f"That has 100,000 characters; at most {MAX_CHARACTERS:,}."),
        ("the " * 300, f"That has 300 words; at most {MAX_WORDS} fit the page."),
    ],
)
def test_what_cannot_be_shown_is_said(answers: ClassifierPage, text: str, said: str) -> None:
    shown = answers.show(text)
    assert said in shown.answers and shown.explanation == "" and shown.words == []


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "😀", "{{ 7777 * 7777 }} $x$"]
)
def test_a_hostile_text_stays_text(answers: ClassifierPage, text: str) -> None:
    shown = answers.show(text)
    page = shown.answers + shown.explanation
    assert "<script" not in page and "<img" not in page and "60481729" not in page
    assert shown.words and "".join(shown.words).replace(" ", "") == text.replace(" ", "")


def test_words_are_left_out_and_moved(answers: ClassifierPage) -> None:
    words = TEXT.split()
    assert move_word(answers, TEXT, 3, "Leave out") == "the film was number 3"
    assert move_word(answers, TEXT, 3, "Move left") == "the film awful was number 3"
    assert move_word(answers, TEXT, 3, "Move right") == "the film was number awful 3"
    for chosen, how in (
        (None, "Leave out"),
        ("film", "Leave out"),
        (99, "Leave out"),
        (0, "Move left"),
        (len(words) - 1, "Move right"),
    ):
        assert move_word(answers, TEXT, chosen, how) == TEXT
    assert move_word(answers, "awful", 0, "Leave out") == ""


def test_the_page_answers_over_http(trained: Path) -> None:
    page = build(str(trained))
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        client = Client(url, verbose=False)
        verdict, explanation, _ = client.predict(TEXT, api_name="/show")
        assert "negative" in verdict and "<svg" in explanation
        for button, expected in (
            ("/leave_out", "the film was number 3"),
            ("/move_left", "the film awful was number 3"),
            ("/move_right", "the film was number awful 3"),
        ):
            client.predict(TEXT, api_name="/show")  # offers the words to choose from
            text, verdict, *_ = client.predict(TEXT, 3, api_name=button)
            assert text == expected and "run (lstm)" in verdict
        client.predict(TEXT, api_name="/show")
        edited = f"by the way {TEXT}"
        assert client.predict(edited, 3, api_name="/leave_out")[0] == edited, "the words are those of another text"
        assert client.predict(edited, 2, api_name="/leave_out")[0] == f"by the {TEXT}", "and now of this one"
    finally:
        page.close()


def test_what_cannot_be_served(
    fails: Callable[..., str], trained: Path, beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "There is no run folder" in fails("demo", "./nowhere")
    for push in ((), ("--push_to_space", "me/page")):
        assert "is a bag-of-words model" in fails("demo", str(beside), *push)
    assert "--port must be from 1 to 65535" in fails("demo", str(trained), "--port", "0")
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert "pip install 'modeling-lstm[demo]'" in fails("demo", str(trained))


@pytest.mark.parametrize("flags", ["--private", "--requirements cpu.txt", "--push_to_space me/page --port 7860"])
def test_a_flag_without_effect_is_refused(flags: str, fails: Callable[..., str]) -> None:
    unused = flags.removeprefix("--push_to_space me/page ").split()[0]
    assert f"{unused} has no effect with" in fails("demo", "run", *flags.split())


def test_requirements_that_a_space_cannot_have(trained: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    push = ["demo", str(trained), "--push_to_space", "me/page", "--requirements"]
    assert "There is no requirements file" in fails(*push, tmp_path)
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in fails(*push, tmp_path / "binary.txt")
    token = f"hf_{'abcdef' * 6}"
    for secret in ("--extra-index-url https://me:secret@example.org/cpu", f"token {token}"):
        (tmp_path / "secret.txt").write_text(secret, encoding="utf-8")
        found = fails(*push, tmp_path / "secret.txt")
        assert "holds a password or a token" in found and "secret@" not in found and "abcdef" not in found


def test_what_a_space_needs_is_known_where_the_package_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("modeling_lstm.demo.space.requires", nothing)
    with pytest.raises(InputError, match="must be installed to list its requirements for a Space"):
        list_requirements()


def test_a_space_for_a_translator_can_read_its_tokenizer() -> None:
    assert "sentencepiece" in list_requirements(("demo", "explain", "translation"))
    assert "sentencepiece" not in list_requirements()


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    server = LocalHub()
    yield server
    server.close()


@pytest.mark.slow
def test_a_space_needs_public_models(hub: LocalHub, trained: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "home", hub)
    push = ("demo", trained, "--beside", "me/model", "--push_to_space", "me/page")
    try:
        assert machine.cli("push", trained, "me/model", "--private", token=TOKEN)["status"] == 0
        model = hub.repositories["models/me/model"]
        for model.private, model.gated in ((True, False), (False, True)):
            answer = machine.cli(*push, token=TOKEN)
            assert answer["status"] == 2 and "name its run folder instead, or make it public" in answer["err"]
            assert "spaces/me/page" not in hub.repositories
        model.gated = False
        assert machine.cli(*push, token=TOKEN)["status"] == 0
    finally:
        machine.kill()
    assert b"build('runs/0-run', ['me/model'])" in hub.repositories["spaces/me/page"].files()["app.py"]


@pytest.mark.slow
def test_a_space_runs_by_itself(hub: LocalHub, trained: Path, beside: Path, tmp_path: Path) -> None:
    """What was pushed, written to a folder, serves the page without this package being installed."""
    machine = Machine(tmp_path / "home", hub)
    wanted = tmp_path / "cpu.txt"
    wanted.write_text("--extra-index-url https://example.org/cpu\n\n", encoding="utf-8")
    push = ("demo", trained, "--beside", beside, "--push_to_space", "me/page", "--requirements", wanted)
    try:
        assert "your token has no permission for this" in machine.cli(*push, token=READ_TOKEN)["err"]
        first, again = machine.cli(*push, token=TOKEN), machine.cli(*push, token=TOKEN)
    finally:
        machine.kill()
    assert first["status"] == again["status"] == 0 and "nothing was pushed" in again["out"]
    assert f"{hub.url}/spaces/me/page" in first["out"]
    files = hub.repositories["spaces/me/page"].files()
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    card = SpaceCard((tmp_path / "README.md").read_text("utf-8")).data
    assert card.sdk == "gradio" and card.app_file == "app.py"
    assert {"runs/0-run/model.safetensors", "runs/1-bag/model.safetensors", "requirements.txt"} <= files.keys()
    assert {path.relative_to(PACKAGE.parent).as_posix() for path in PACKAGE.rglob("*.py")} <= files.keys()
    assert files["requirements.txt"].decode() == "--extra-index-url https://example.org/cpu\n" + list_requirements()
    assert f"\ntorch=={Version(version('torch')).public}\n" in list_requirements() and "onnx" not in list_requirements()
    assert (
        "captum>=" in list_requirements()
        and "gensim" not in list_requirements()
        and "pytest" not in list_requirements()
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    check = "import modeling_lstm; print(modeling_lstm.__file__)"
    where = subprocess.run([sys.executable, "-c", check], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert where.stdout.startswith(str(tmp_path)), where
    app = subprocess.Popen([sys.executable, "app.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    assert app.stdout is not None
    try:
        said = next(line for line in app.stdout if "http://" in line)  # once it answers, at a port that was free
        client = Client(said[said.index("http://") :].strip(), verbose=False)
        verdict, _, _ = client.predict(TEXT, api_name="/show")
        assert "runs/0-run (lstm)" in verdict and "runs/1-bag (bag-of-words)" in verdict
    finally:
        app.kill()

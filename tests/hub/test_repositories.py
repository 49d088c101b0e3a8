"""Sharing over real HTTP: pushed by one machine, used by others with empty caches; and what goes wrong on the way."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard

from modeling_lstm.evaluation.evaluator import evaluate
from modeling_lstm.hub import downloads
from modeling_lstm.hub.downloads import download
from modeling_lstm.inference.answering import open_predictor
from modeling_lstm.inference.prediction import predict
from modeling_lstm.models.tokenization_lstm import TARGET
from modeling_lstm.runs import run_folders
from modeling_lstm.utils.errors import InputError
from modeling_lstm.vectors import WordVectors
from tests.conftest import TRAIN_FLAGS, opinion_rows, write_csv
from tests.local_hub import OTHER_TOKEN, READ_TOKEN, TOKEN, Fault, Gate, LocalHub, Repository
from tests.machine import Machine, Machines

pytestmark = pytest.mark.slow

TEXTS = [text for text, _ in opinion_rows(12)]
WORDS = ["the", "film", "was", "great", "awful"]


@pytest.fixture(scope="module")
def one_hub() -> Iterator[LocalHub]:
    server = LocalHub()
    yield server
    server.close()


@pytest.fixture
def hub(one_hub: LocalHub) -> LocalHub:
    """An empty Hub."""
    one_hub.begin()
    return one_hub


@pytest.fixture(scope="module")
def machines(one_hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    found = Machines(tmp_path_factory.mktemp("machines"), one_hub)
    yield found
    found.close()


@pytest.fixture
def machine(machines: Machines) -> Iterator[Callable[..., Machine]]:
    """Gives machines; see [`Machines.get`]."""
    yield machines.get
    machines.clear()


def refusal(answer: dict[str, Any]) -> str:
    """The one sentence of a command that failed; it tells no token."""
    assert answer["status"] == 2, answer["err"]
    assert "Traceback" not in answer["err"] and not re.search("hf_[a-zA-Z]", answer["out"] + answer["err"])
    return answer["err"].strip().splitlines()[-1]


def commits(hub: LocalHub, name: str = "models/me/films") -> list[str]:
    return list(hub.repositories[name].commits)


SCORES = """
import json, sys
{package}
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
import torch
trusted = {trusted}
model = AutoModelForSequenceClassification.from_pretrained("me/films", **trusted).eval()
tokenizer = AutoTokenizer.from_pretrained("me/films", **trusted)
base = AutoModel.from_pretrained("me/films", **trusted).eval()
config = AutoConfig.from_pretrained("me/films", **trusted)
texts = {texts!r}
inputs = tokenizer(texts, padding=True, return_tensors="pt")
with torch.no_grad():
    auto = model(**inputs).logits.softmax(-1).tolist()
    pooled = base(**inputs).pooler_output
    again = model.classifier(pooled).softmax(-1).tolist()
classify = pipeline("text-classification", model="me/films", top_k=None, **trusted)
answers = [{{one["label"]: one["score"] for one in row}} for row in classify(texts)]
piped = [[row[config.id2label[n]] for n in range(3)] for row in answers]
result = [[auto, again, piped], type(model).__module__, "modeling_lstm" in sys.modules]
"""


def test_a_run_is_shared_and_used_by_others(
    hub: LocalHub, machine: Callable[..., Machine], trained: Path, tmp_path: Path
) -> None:
    own = machine()
    flags = ["--license", "mit", "--language", "en", "--examples", "the film was great"]
    pushed = own.cli("push", trained, "me/films", *flags, token=TOKEN)
    assert pushed["status"] == 0, pushed["err"]
    sha = commits(hub)[-1]
    assert pushed["out"].strip() == f"{hub.url}/me/films/commit/{sha}"
    assert len(commits(hub)) == 2, "the empty one and ours"
    files = hub.repositories["models/me/films"].files()
    source = {"configuration_lstm.py", "modeling_lstm.py", "recurrence_lstm.py"}
    data = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "run.json"}
    assert files.keys() == source | data | {"README.md", ".gitattributes"}
    assert all(files[name] == (trained / name).read_bytes() for name in source | data)
    again = own.cli("push", trained, "me/films", *flags, token=TOKEN)
    assert again["status"] == 0 and "nothing was pushed" in again["out"] and len(commits(hub)) == 2

    expected = open_predictor(str(trained)).scores(TEXTS)
    trusting = f"dict(trust_remote_code=True, revision={sha!r})"
    for package, trusted in (("import modeling_lstm", "{}"), ("", trusting)):
        found = machine(is_fresh=True).python(SCORES.format(package=package, trusted=trusted, texts=TEXTS))
        for scores in found[0]:
            assert np.abs(np.array(scores) - expected).max() < 1e-6
        assert found[2] is bool(package)
        assert package or f".{sha}." in found[1], "the code is that of the pinned commit"
    untrusting = (
        "from transformers import pipeline\n"
        "try: pipeline('text-classification', model='me/films'); result = 'loaded'\n"
        "except ValueError as error: result = str(error)"
    )
    assert "trust_remote_code=True" in machine(is_fresh=True).python(untrusting)

    other = machine("warm")
    revised = other.cli("predict", "me/films", TEXTS[0], "--revision", sha[:10])
    assert revised["status"] == 0, revised["err"]
    answer = other.cli("predict", "me/films", TEXTS[0])
    assert answer["status"] == 0 and answer["out"] == revised["out"]
    hub.close()
    offline = machine("warm").cli("predict", "me/films", TEXTS[0])
    assert offline["status"] == 0 and offline["out"] == answer["out"], offline["err"]
    sentence = refusal(machine("cold").cli("predict", "me/films", TEXTS[0]))
    assert "'me/films'" in sentence and "the Hub cannot be reached" in sentence


FOLDER = """
from modeling_lstm.runs.record import read_record
from modeling_lstm.runs.run_folders import load_run, run_folder
folder = run_folder("me/films"{revision})
model, _ = load_run(str(folder))
result = [str(folder), read_record(folder)["metrics"], model.num_parameters()]
"""


def test_the_record_of_a_run_comes_along(hub: LocalHub, machine: Callable[..., Machine], trained: Path) -> None:
    one = machine()
    assert one.cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    metrics = json.loads((trained / "run.json").read_text(encoding="utf-8"))["metrics"]
    repository, sha = hub.repositories["models/me/films"], commits(hub)[-1]
    repository.commit("main", {"config.json": b"{}"}, "not a run any more")
    found = machine("other").python(FOLDER.format(revision=f", {sha!r}"))
    assert Path(found[0]).name == sha and found[1] == metrics
    hub.close()
    assert machine("other").python(FOLDER.format(revision=f", {sha!r}")) == found, "from the cache"
    local = FOLDER.replace('"me/films"{revision}', repr(str(trained)))
    assert machine().python(local) == [str(trained), metrics, found[2]]


def test_a_run_of_the_hub_is_evaluated(
    hub: LocalHub, machine: Callable[..., Machine], trained: Path, data_folder: Path, tmp_path: Path
) -> None:
    assert machine().cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    flags = ["--dataset", data_folder / "test.csv"]
    before = len(hub.log)
    said = machine("other").cli("evaluate", "me/films", *flags)
    assert lookups(hub, before) == 1
    assert said["status"] == 0 and "33 rows of test" in said["out"] and "plots" not in said["out"]
    found = machine("other").cli("evaluate", "me/films", *flags, "--output_dir", tmp_path / "found")
    assert found["status"] == 0 and (tmp_path / "found" / "calibration.png").is_file()
    result = json.loads((tmp_path / "found" / "evaluation.json").read_text(encoding="utf-8"))
    assert result["rows"] == 33 and f"{result['scores']['accuracy']:.4f}" in said["out"]


def test_a_run_of_the_hub_reads_the_columns_of_its_training(
    hub: LocalHub, machine: Callable[..., Machine], run_copy: Path, tmp_path: Path
) -> None:
    record = json.loads((run_copy / "run.json").read_text(encoding="utf-8"))
    record["data"] |= {"text_column": ["title", "text"], "separator": " [SEP] "}
    (run_copy / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert machine().cli("push", run_copy, "me/pairs", token=TOKEN)["status"] == 0
    source = write_csv(tmp_path / "in.csv", [("great", "the film")], ("title", "text"))
    other = machine("other")
    assert other.cli("export", "me/pairs", tmp_path / "exported")["status"] == 0
    for run, requests in (("me/pairs", 1), (tmp_path / "exported", 0)):
        before = len(hub.log)
        found = other.cli("predict", run, "--input", source)
        assert lookups(hub, before) == requests
        assert found["status"] == 0 and found["out"].strip().endswith("great [SEP] the film"), found["err"]


def lookups(hub: LocalHub, before: int) -> int:
    """Count how often a branch was looked up: files of two lookups may be of two commits."""
    return sum(request.path.split("?")[0].endswith("/revision/main") for request in hub.log[before:])


SHARE = """
from huggingface_hub import HfApi
HfApi().create_repo("me/exported")
HfApi().upload_folder(folder_path={folder!r}, repo_id="me/exported")
result = None
"""


def test_an_exported_model_of_the_hub_answers(
    hub: LocalHub, machine: Callable[..., Machine], trained: Path, tmp_path: Path
) -> None:
    own, exported = machine(), tmp_path / "exported"
    assert own.cli("export", trained, exported)["status"] == 0
    own.python(SHARE.format(folder=str(exported)), token=TOKEN)
    here, there = (machine("other").cli("predict", run, TEXTS[0]) for run in (exported, "me/exported"))
    assert here["status"] == there["status"] == 0 and there["out"] == here["out"], there["err"]
    other = machine("other")
    assert "torch cannot run" in refusal(other.cli("predict", "me/exported", TEXTS[0], "--backend", "torch"))
    sentence = refusal(other.cli("evaluate", "me/exported"))
    assert "which only predict accepts" in sentence
    hub.close()
    offline = machine("other").cli("predict", "me/exported", TEXTS[0])
    assert offline["status"] == 0 and offline["out"] == here["out"], offline["err"]


def test_a_push_takes_away_what_another_model_left(
    hub: LocalHub, machine: Callable[..., Machine], trained: Path
) -> None:
    own, other = machine(), machine()
    assert own.cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    repository = hub.repositories["models/me/films"]
    pushed = repository.files()
    left = ("model.onnx", "export.json", "classify.py", "generation_config.json", "pretraining_texts.npy", "vocab.json")
    left += ("modeling_lstm_causal_lm.py", "model-00001-of-00002.safetensors", f"{TARGET}/tokenizer.json")
    others = dict.fromkeys(("notes.txt", "train_lstm.py", "my_config.json", "onnx/model.onnx", "x/vocab.json"), b"mine")
    repository.commit("main", pushed | others | dict.fromkeys(left, b"old"), "of an earlier model")
    assert "'me/films' holds both the weights of a run and" in refusal(other.cli("predict", "me/films", TEXTS[0]))
    assert other.cli("predict", "me/films", TEXTS[0], "--backend", "torch")["status"] == 0
    suggested = own.cli("push", trained, "me/films", "--create_pr", token=TOKEN)
    assert "The pull request removes from me/films, since they belong to an earlier model" in suggested["err"]
    assert own.cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    assert repository.files() == pushed | others
    assert other.cli("predict", "me/films", TEXTS[0])["status"] == 0
    others |= dict.fromkeys(("classify.py", "gensim.model", f"{TARGET}/notes.md"), b"mine")
    repository.commit("main", pushed | others, "of a person")
    assert own.cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    assert repository.files() == pushed | others


def test_runs_and_word_vectors_do_not_replace_each_other(
    hub: LocalHub, machine: Callable[..., Machine], trained: Path, tmp_path: Path
) -> None:
    WordVectors(WORDS, np.eye(len(WORDS), 8, dtype=np.float32)).save_pretrained(tmp_path / "own")
    one = machine()
    vectors, run = ["vectors", "push", tmp_path / "own"], ["push", trained]
    for first, second, said in ((vectors, run, "it holds word vectors"), (run, vectors, "a model of type 'lstm'")):
        hub.begin()
        assert one.cli(*first, "me/films", token=TOKEN)["status"] == 0
        files = hub.repositories["models/me/films"].files()
        assert said in refusal(one.cli(*second, "me/films", token=TOKEN))
        assert hub.repositories["models/me/films"].files() == files
        if first is vectors:
            for command in ("predict", "explain"):
                assert "vectors nearest me/films WORD" in refusal(one.cli(command, "me/films", TEXTS[0]))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"config.json": None, "run.json": None}, "The repository 'me/films' holds no model: it has no config.json"),
        ({"run.json": None, "model.safetensors": None}, "it has no model.safetensors, and weights are read from safet"),
        ({"config.json": None}, "The run 'me/films' is damaged: config.json is missing"),
        ({"config.json": b"{"}, "The run 'me/films' is damaged: config.json is not valid JSON"),
        ({"run.json": b"{"}, "The run 'me/films' is damaged: run.json is not valid JSON"),
    ],
)
def test_an_error_names_the_repository(
    hub: LocalHub, machine: Callable[..., Machine], trained: Path, files: dict[str, bytes | None], said: str
) -> None:
    one = machine()
    assert one.cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    repository = hub.repositories["models/me/films"]
    changed = repository.files() | files
    repository.commit("main", {name: content for name, content in changed.items() if content is not None}, "broken")
    answer = one.cli("predict", "me/films", TEXTS[0])
    assert said in refusal(answer) and "snapshots" not in answer["err"] and "No files matched" not in answer["err"]


SYSTEM = """
from modeling_lstm.comparison import CompareArguments
from modeling_lstm.comparison.known_systems import open_system
system = open_system("me/films", CompareArguments(output_dir="out"))
result = [system.name, [one.name for one in system.finished]]
"""


def test_a_run_of_the_hub_is_a_system_of_a_comparison(
    hub: LocalHub, machine: Callable[..., Machine], trained: Path
) -> None:
    assert machine().cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    assert machine("other").python(SYSTEM) == ["me/films", commits(hub)[-1:]]


def test_the_token_goes_to_the_hub_alone(hub: LocalHub, machine: Callable[..., Machine], trained: Path) -> None:
    own = machine()
    assert own.cli("push", trained, "me/films", "--private", token=TOKEN)["status"] == 0
    assert hub.repositories["models/me/films"].private
    assert own.cli("predict", "me/films", TEXTS[0], token=TOKEN)["status"] == 0
    origin = hub.url.removeprefix("http://")
    assert {one.host for one in hub.log if one.token} == {origin}
    elsewhere = [one for one in hub.log if one.host != origin]
    assert {one.method for one in elsewhere} == {"PUT", "GET"} and all(one.token is None for one in elsewhere)
    for content in hub.repositories["models/me/films"].files().values():
        assert TOKEN.encode() not in content


def test_what_the_hub_refuses(
    hub: LocalHub,
    machine: Callable[..., Machine],
    trained: Path,
    run_copy: Path,
    data_folder: Path,
    tmp_path: Path,
) -> None:
    one = machine()
    push = ["push", trained, "me/films"]
    assert "does not know this token" in refusal(one.cli(*push, token="hf_nobody"))
    assert "`hf auth login`" in refusal(one.cli(*push))
    assert "has no permission for this" in refusal(one.cli(*push, token=READ_TOKEN))
    assert "has no permission for this" in refusal(one.cli("push", trained, "other/films", token=TOKEN))
    assert "Repo id must" in refusal(one.cli("push", trained, "no/such/name", token=TOKEN))
    assert "no repository of that name" in refusal(one.cli("push", trained, "me/flims", "--create_pr", token=TOKEN))
    assert hub.repositories == {}
    (run_copy / "run.json").write_text(
        (run_copy / "run.json").read_text(encoding="utf-8").replace("--output_dir", f"--hub {TOKEN} --output_dir"),
        encoding="utf-8",
    )
    assert "looks like a token" in refusal(one.cli("push", run_copy, "me/films", token=TOKEN))
    (run_copy / "model.safetensors").write_bytes(b"cut off")
    assert "damaged" in refusal(one.cli("push", run_copy, "me/films", token=TOKEN))
    assert hub.repositories == {}, "nothing is made before all is found good"

    assert one.cli(*push, "--private", token=TOKEN)["status"] == 0
    use = ["predict", "me/films", TEXTS[0]]
    assert "'me/films'" in refusal(one.cli(*use)) and "if it is private" in refusal(one.cli(*use))
    assert "no repository of that name" in refusal(one.cli(*use, token=OTHER_TOKEN))
    assert one.cli(*use, token=READ_TOKEN)["status"] == 0
    hub.repositories["models/me/films"].private = False
    for flags in (["--private"], ["--private", "--create_pr"]):
        assert "exists and is public" in refusal(one.cli(*push, *flags, token=TOKEN))
    hub.repositories["models/me/films"].private = True
    sentence = refusal(one.cli(*push, "--license", "Apache", token=TOKEN))
    assert '"license" must be one of [apache-2.0, mit' in sentence
    assert "name a branch to push to" in refusal(one.cli(*push, "--revision", "a" * 40, token=TOKEN))
    assert "no such revision as 'v2'" in refusal(one.cli(*use, "--revision", "v2", token=TOKEN))
    for name in ("me/films@main", f"{hub.url}/me/films"):
        assert "write OWNER/NAME instead of a URL, and pass a revision with" in refusal(
            one.cli("predict", name, TEXTS[0])
        )
    train = ["--dataset", data_folder, "--output_dir", tmp_path / "other"]
    names = ("train --transformer me/films", "train --tokenizer me/films", "distill --teacher me/films")
    learners = [[*name.split(), *train] for name in (*names, "train --embeddings transformer:me/films")]
    for command in learners:
        assert "if it is private or yours, run `hf auth login` first" in refusal(one.cli(*command))
    assert "no repository of that name" in refusal(one.cli("predict", "me/absent", TEXTS[0], token=TOKEN))
    hub.repositories["models/me/films"].private, hub.repositories["models/me/films"].gated = False, True
    fresh = machine()
    for command in (use, *learners):
        assert "granted by its owner" in refusal(fresh.cli(*command))
    assert "granted by its owner" in refusal(fresh.cli(*use, token=OTHER_TOKEN))
    assert fresh.cli(*use, token=TOKEN)["status"] == 0


def test_branches_and_pull_requests(hub: LocalHub, machine: Callable[..., Machine], trained: Path) -> None:
    one = machine()
    assert one.cli("push", trained, "me/films", "--revision", "trial", token=TOKEN)["status"] == 0
    repository = hub.repositories["models/me/films"]
    assert "model.safetensors" in repository.files("trial") and "model.safetensors" not in repository.files("main")
    suggested = one.cli("push", trained, "me/films", "--create_pr", token=OTHER_TOKEN)
    assert suggested["status"] == 0, suggested["err"]
    assert suggested["out"].strip() == f"{hub.url}/me/films/discussions/1"
    assert "model.safetensors" in repository.files("refs/pr/1") and "model.safetensors" not in repository.files("main")
    assert "--revision" in refusal(one.cli("push", trained, "me/new", "--revision", "0" * 40, token=TOKEN))
    assert "models/me/new" not in hub.repositories, "a repository that nothing can be pushed to"
    assert one.cli("predict", "me/films", TEXTS[0], "--revision", "refs/pr/1")["status"] == 0


def test_a_card_that_a_person_wrote_stays(
    hub: LocalHub, machine: Callable[..., Machine], run_copy: Path, trained: Path
) -> None:
    one = machine()
    assert one.cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    repository = hub.repositories["models/me/films"]
    ours = repository.files()["README.md"]
    edited = ours.replace(b"## Limits", b"## Limits\n\n- Only for me.")
    repository.commit("main", repository.files() | {"README.md": edited}, "edited on the page")
    pushed = one.cli("push", trained, "me/films", token=TOKEN)
    assert "written by a person and stays" in pushed["err"] and "nothing was pushed" in pushed["out"]
    assert repository.files()["README.md"] == edited
    record = json.loads((run_copy / "run.json").read_text(encoding="utf-8"))
    (run_copy / "run.json").write_text(json.dumps(record | {"command": "another"}), encoding="utf-8")
    pushed = one.cli("push", run_copy, "me/films", token=TOKEN)
    assert pushed["status"] == 0 and b"another" in repository.files()["run.json"]
    assert repository.files()["README.md"] == edited
    assert one.cli("push", trained, "me/films", "--overwrite_card", token=TOKEN)["status"] == 0
    assert repository.files()["README.md"] == ours

    written = one.cli("card", run_copy, "me/films", "--license", "mit")
    assert written["status"] == 0
    assert one.cli("push", run_copy, "me/more", "--language", "en", token=TOKEN)["status"] == 0
    more = hub.repositories["models/me/more"].files()["README.md"].decode()
    assert "license: mit" in more and "language:\n- en" in more
    (run_copy / "run.json").write_text(json.dumps(record | {"command": "a third"}), encoding="utf-8")
    assert one.cli("push", run_copy, "me/films", token=TOKEN)["status"] == 0
    fresh = repository.files()["README.md"].decode()
    assert "license: mit" in fresh and "a third" in fresh, "made anew, and says what the one in the folder said"

    written = one.cli("card", run_copy, "me/films")
    assert written["status"] == 0 and written["out"].strip() == str(run_copy / "README.md")
    text = (run_copy / "README.md").read_text(encoding="utf-8").replace("## Limits", "## My limits")
    (run_copy / "README.md").write_text(text, encoding="utf-8")
    assert "written by a person" in refusal(one.cli("card", run_copy, "me/films"))
    refused = refusal(one.cli("push", run_copy, "me/films", "--license", "mit", token=TOKEN))
    assert "was written by a person: edit it, or remove it" in refused
    assert one.cli("push", run_copy, "me/films", token=TOKEN)["status"] == 0
    assert "## My limits" in repository.files()["README.md"].decode()
    assert one.cli("card", run_copy, "me/films", "--overwrite_card")["status"] == 0
    assert "## My limits" not in (run_copy / "README.md").read_text(encoding="utf-8")


def test_a_card_that_cannot_be_made_creates_no_repository(
    hub: LocalHub, machine: Callable[..., Machine], run_copy: Path
) -> None:
    one = machine()
    refused = refusal(one.cli("push", run_copy, "me/new", "--examples", "half \udcff", token=TOKEN))
    assert "not UTF-8" in refused and "models/me/new" not in hub.repositories


def another_run(trained: Path, folder: Path) -> Path:
    """A run with other weights."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(trained, folder)
    weights = {name: one + 0.01 * torch.rand_like(one) for name, one in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps(record | {"command": "another"}), encoding="utf-8")
    return folder


def test_two_pushes_at_once(hub: LocalHub, machine: Callable[..., Machine], trained: Path, tmp_path: Path) -> None:
    other = another_run(trained, tmp_path / "other")
    runs, machines = [trained, other], [machine(), machine()]
    for one in machines:
        one.python("import modeling_lstm.publishing.sharing; result = None")
    assert machines[0].cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    repository = hub.repositories["models/me/films"]
    third = another_run(other, tmp_path / "third")
    runs[0] = third
    hub.gate = Gate("POST .*/commit/")
    for one, run in zip(machines, runs, strict=True):
        one.start("push", run, "me/films", token=TOKEN)
    hub.gate.wait_for(2)  # both have seen the same head before either of them commits
    hub.gate.open()
    answers = [one.wait() for one in machines]
    assert sorted(answer["status"] for answer in answers) == [0, 2], answers
    loser = next(number for number, answer in enumerate(answers) if answer["status"] == 2)
    assert "somebody else pushed at the same time" in refusal(answers[loser])
    winner = runs[1 - loser]
    for name in ("model.safetensors", "run.json"):
        assert repository.files()[name] == (winner / name).read_bytes()
    assert machines[loser].cli("push", runs[loser], "me/films", token=TOKEN)["status"] == 0
    assert repository.files()["model.safetensors"] == (runs[loser] / "model.safetensors").read_bytes()


def test_a_killed_push_leaves_nothing(hub: LocalHub, machine: Callable[..., Machine], trained: Path) -> None:
    hub.gate = Gate("PUT /blobs/")
    one = machine()
    one.start("push", trained, "me/films", token=TOKEN)
    hub.gate.wait_for()
    one.kill()
    hub.gate.open()
    repository = hub.repositories["models/me/films"]
    assert len(repository.commits) == 1 and repository.files().keys() == {".gitattributes"}
    assert machine().cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    assert repository.files()["model.safetensors"] == (trained / "model.safetensors").read_bytes()


def test_a_hub_out_of_order(hub: LocalHub, machine: Callable[..., Machine], trained: Path) -> None:
    one = machine()
    hub.faults = [Fault("POST .*/commit/", 503)]
    sentence = refusal(one.cli("push", trained, "me/films", token=TOKEN))
    assert "503" in sentence and "try again" in sentence
    repository = hub.repositories["models/me/films"]
    assert len(repository.commits) == 1
    before = len(hub.log)
    assert one.cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    assert not any(request.method == "PUT" for request in hub.log[before:]), "the weights are there already"
    hub.faults = [Fault("HEAD .*/README.md", 403)]
    assert "Nothing was pushed" in refusal(one.cli("push", trained, "me/films", "--license", "mit", token=TOKEN))
    assert len(repository.commits) == 2, "a card that cannot be seen may be a person's"
    hub.repositories.clear()
    hub.blobs.clear()
    hub.faults = [Fault("PUT /blobs/", "cut"), Fault("PUT /blobs/", 503)]
    assert one.cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    assert sum(request.method == "PUT" for request in hub.log) == 4
    hub.repositories.clear()
    hub.blobs.clear()
    hub.faults = [Fault("PUT /blobs/", 400, times=9)]
    assert "Nothing was pushed" in refusal(one.cli("push", trained, "me/films", token=TOKEN))
    hub.faults = []
    assert one.cli("push", trained, "me/films", token=TOKEN)["status"] == 0

    hub.faults = [Fault("GET /blobs/", "corrupt")]
    sentence = refusal(one.cli("predict", "me/films", TEXTS[0]))
    assert "model.safetensors of 'me/films' was corrupt after the download from the Hub" in sentence
    hub.faults = [Fault("GET /blobs/", "cut"), Fault("GET /me/films/resolve/.*/tokenizer.json", 503)]
    answer = one.cli("predict", "me/films", TEXTS[0])
    assert answer["status"] == 0 and answer["out"].count("\t") == 2, answer["err"]
    hub.close()
    assert "the Hub cannot be reached" in refusal(machine().cli("push", trained, "me/films", token=TOKEN))


def test_the_classes_push_themselves(hub: LocalHub, machine: Callable[..., Machine], trained: Path) -> None:
    code = (
        "import modeling_lstm\n"
        "from transformers import AutoModelForSequenceClassification, AutoTokenizer\n"
        f"model = AutoModelForSequenceClassification.from_pretrained({str(trained)!r})\n"
        f"tokenizer = AutoTokenizer.from_pretrained({str(trained)!r})\n"
        "model.push_to_hub('me/films'); tokenizer.push_to_hub('me/films')\n"
        "result = None"
    )
    one = machine()
    one.python(code, token=TOKEN)
    repository = hub.repositories["models/me/films"]
    assert repository.files()["model.safetensors"] == (trained / "model.safetensors").read_bytes()
    assert {"modeling_lstm.py", "configuration_lstm.py"} <= repository.files().keys()
    expected = open_predictor(str(trained))(TEXTS[0])[0]
    answer = machine().cli("predict", "me/films", TEXTS[0])
    assert answer["out"].split("\t")[:2] == [expected["label"], f"{expected['score']:.4f}"]
    pushed = one.cli("push", trained, "me/films", token=TOKEN)
    ours = repository.files()["README.md"]
    assert b"## Training data" in ours, "the library's empty card is nobody's"
    one.python(code, token=TOKEN)
    assert ModelCard(repository.files()["README.md"].decode()).text.strip() == ModelCard(ours.decode()).text.strip()
    pushed = one.cli("push", trained, "me/films", token=TOKEN)
    assert "written by a person" not in pushed["err"], "the clients' own YAML is not a person's"


def test_training_pushes(hub: LocalHub, machine: Callable[..., Machine], data_folder: Path, tmp_path: Path) -> None:
    one = machine()
    flags = ["--dataset", data_folder, *TRAIN_FLAGS, "--push_to_hub", "true", "--hub_model_id", "me/films"]
    run = tmp_path / "run"
    assert "does not know" in refusal(one.cli("train", *flags, "--output_dir", run, token="hf_nobody"))
    assert not (run / "run.json").exists(), "known before training starts"
    flags += ["--hub_private_repo", "true", "--overwrite", "true", "--output_dir", run]
    trained = one.cli("train", *flags, "--hub-token", TOKEN)
    assert trained["status"] == 0, trained["err"]
    weights = (run / "model.safetensors").read_bytes()
    assert "does not know" in refusal(one.cli("train", *flags, "--hub_token", "hf_nobody", "--seed", 1))
    assert (run / "model.safetensors").read_bytes() == weights, "the old run is still there"
    repository = hub.repositories["models/me/films"]
    assert repository.private and repository.files()["run.json"] == (run / "run.json").read_bytes()
    assert b"--hub-token TOKEN" in repository.files()["run.json"]
    assert not any(TOKEN.encode() in content for content in repository.files().values())
    assert TOKEN not in trained["err"] + trained["out"]
    assert not list(run.rglob("training_args.bin"))
    hub.repositories.clear()
    again = one.cli("train", *flags, "--resume_from_checkpoint", "last", token=TOKEN)
    assert "stays as it is" in again["err"] and again["status"] == 0, again["err"]
    assert hub.repositories["models/me/films"].files()["model.safetensors"] == weights, "a complete run is pushed, too"
    sentence = refusal(one.cli("train", *flags, "--hub_strategy", "every_save"))
    assert "--hub_strategy must be end" in sentence


def test_vectors_are_pushed_and_found_by_somebody_else(
    hub: LocalHub, machine: Callable[..., Machine], data_folder: Path, tmp_path: Path
) -> None:
    numbers = np.random.default_rng(0).normal(size=(len(WORDS), 8)).astype(np.float32)
    WordVectors(WORDS, numbers).save_pretrained(tmp_path / "own")
    push = ["vectors", "push", tmp_path / "own", "me/vectors"]
    own = machine()
    assert "does not know this token" in refusal(own.cli(*push, token="hf_nobody"))
    assert hub.repositories == {}
    pushed = own.cli(*push, token=TOKEN)
    assert pushed["status"] == 0, pushed["err"]
    files = hub.repositories["models/me/vectors"].files()
    assert {"model.safetensors", "tokenizer.json", "config.json", "README.md"} <= files.keys()
    assert b'WordVectors.from_pretrained("me/vectors")' in files["README.md"]
    mine = hub.repositories["models/me/vectors"]
    edited = files["README.md"] + b"Mine.\n"
    mine.commit("main", files | {"README.md": edited}, "edited on the page")
    assert "stays" in own.cli(*push, token=TOKEN)["err"] and mine.files()["README.md"] == edited
    assert own.cli(*push, "--overwrite_card", token=TOKEN)["status"] == 0
    assert mine.files()["README.md"] == files["README.md"]
    assert "nothing was pushed" in own.cli(*push, token=TOKEN)["out"]
    assert len(commits(hub, "models/me/vectors")) == 4

    card = (tmp_path / "own" / "README.md").read_text(encoding="utf-8") + "Ours.\n"
    (tmp_path / "own" / "README.md").write_text(card, encoding="utf-8")
    WordVectors(WORDS, numbers).save_pretrained(tmp_path / "own")
    assert own.cli(*push, token=TOKEN)["status"] == 0
    assert mine.files()["README.md"].decode() == card, "what a person wrote in the folder is shared and kept"

    other = machine("other")
    found = other.cli("vectors", "nearest", "me/vectors", "film", "--number", 2)
    expected = " ".join(f"{word} {cosine:.2f}" for word, cosine in WordVectors(WORDS, numbers).nearest("film", 2))
    assert found["status"] == 0 and found["out"].split() == f"film {expected}".split(), found["err"]
    assert "me/absent" in refusal(other.cli("vectors", "nearest", "me/absent", "film"))
    flags = ["--dataset", data_folder, "--output_dir", tmp_path / "run", *TRAIN_FLAGS, "--embeddings", "me/vectors"]
    trained = other.cli("train", *flags)
    assert trained["status"] == 0, trained["err"]
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["embeddings"]["is_from_hub"]
    hub.close()  # nothing is fetched at inference
    predicted = machine("other").cli("predict", tmp_path / "run", "the film was great")
    assert predicted["status"] == 0 and predicted["out"].count("\t") == 2, predicted["err"]


DATA = """
import datasets
from datasets import load_dataset
datasets.config.USE_PARQUET_EXPORT = False
result = {}
for name in (None, "phrases"):
    whole = load_dataset("me/opinions", name)
    assert load_dataset("me/opinions", name, split="train", streaming=True).take(2)
    streamed = list(load_dataset("me/opinions", name, split="train", streaming=True))
    assert streamed == whole["train"].to_list()
    result[name or "default"] = {split: rows.to_list() for split, rows in whole.items()}
result["names"] = load_dataset("me/opinions")["train"].features["label"].names
"""


def test_a_data_set_is_shared(hub: LocalHub, machine: Callable[..., Machine], tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["bad | worse", "good"])})

    def rows(number: int, word: str) -> Any:
        columns = {"text": [f"{word} {n}" for n in range(number)], "label": [n % 2 for n in range(number)]}
        return Dataset.from_dict(columns, features=features)

    configurations = {
        "default": DatasetDict(train=rows(30, "whole"), test=rows(7, "text")),
        "phrases": DatasetDict(train=rows(90, "part")),
    }
    (tmp_path / "sets.json").write_text(
        json.dumps(
            {name: {split: one.to_list() for split, one in sets.items()} for name, sets in configurations.items()}
        ),
        encoding="utf-8",
    )
    script = f"""
import json
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from pathlib import Path
from data_scripts.parquet import Description, push_data_set, write_data_set
features = Features({{"text": Value("string"), "label": ClassLabel(names=["bad | worse", "good"])}})
sets = json.loads(Path({str(tmp_path / "sets.json")!r}).read_text(encoding="utf-8"))
made = {{
    name: DatasetDict({{split: Dataset.from_list(rows, features=features) for split, rows in splits.items()}})
    for name, splits in sets.items()
}}
about = Description("opinions", "Opinions", "Some.", "Made up.", "By hand.", "mit", "MIT.", "None.")
folder = Path({str(tmp_path / "opinions")!r})
write_data_set(folder, made, about)
result = [push_data_set(folder, made, "me/opinions").is_new for _ in range(2)]
"""
    assert machine().python(script, token=TOKEN) == [True, False], "the same again makes no commit"
    assert len(commits(hub, "datasets/me/opinions")) == 2
    found = machine().python(DATA)
    assert found.pop("names") == ["bad | worse", "good"]
    assert found == {name: {s: one.to_list() for s, one in sets.items()} for name, sets in configurations.items()}


OFFLINE = """
import datasets, huggingface_hub
huggingface_hub.constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
"""
REFUSED = """
from modeling_lstm.data.sources import open_dataset
from modeling_lstm.utils.errors import InputError
try: open_dataset("me/opinions"); result = "opened"
except InputError as error: result = str(error)
"""
ROWS = """
import datasets
from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.loading import load_data
datasets.config.USE_PARQUET_EXPORT = False
data = load_data(DataArguments(**{settings}))
result = [data.label_names, sorted(set(data.splits["train"]["text"])), sorted(data.splits)]
"""


@pytest.mark.parametrize("has_card", [False, True])
def test_text_files_of_a_data_set_are_read_as_text(
    has_card: bool, hub: LocalHub, machine: Callable[..., Machine], tmp_path: Path
) -> None:
    """As local files are: `datasets` would read `01` as a number and `NA` as missing."""
    rows = "".join(f"{text};{label}\n" for text, label in [("NA", "01"), ("1e5", "TRUE")] * 9)
    files = {"data/train.csv": f"text;label\n{rows}".encode(), "data/test.csv": b"text;label\nnull;01\n"}
    card = "---\nconfigs:\n- config_name: all\n  sep: ';'\n  data_files:\n"
    card += "".join(f"  - {{split: {split}, path: data/{split}.csv}}\n" for split in ("train", "test"))
    repository = hub.repositories["datasets/me/opinions"] = Repository()
    files |= {".gitattributes": b"", "notes/LICENSE.md": b"MIT", "notes/more.bin": b""}
    repository.commit("main", files | ({"README.md": f"{card}---\n".encode()} if has_card else {}), "rows")
    settings = {"dataset": "me/opinions", "problem_type": "single_label_classification"}
    expected = [["01", "TRUE"], ["1e5", "NA"], ["test", "train", "validation"]]
    assert machine("other").python(ROWS.format(settings=settings)) == expected
    repository.commit("dev", files | {"data/train.csv": b"text;label\na;x\nb;y\n" * 9}, "others")
    named = "{config_name: all, data_files: data/train.csv, sep: ';', column_names: [a, text, label]}"
    names = f"---\nconfigs:\n- {named}\n---".encode()
    repository.commit(
        "named", {"README.md": names, "data/train.csv": rows.replace(";", ";x;").encode()}, "without names"
    )
    at_names = settings | {"revision": "named", "text_column": "text", "label_column": "label"}
    found = machine("other").python(ROWS.format(settings=at_names))
    assert found[2] == ["train", "validation"], "as `datasets` reads them"
    at_dev = settings | {"revision": "dev", "quoting": "none"}
    refused = machine("other").cli("train", *(f"--{k}={v}" for k, v in at_dev.items()), "--output_dir", tmp_path / "r")
    assert "line 4 repeats the header" in refusal(refused)
    assert machine("other").python(OFFLINE + ROWS.format(settings=settings)) == expected, "from the cache"
    refused = machine(is_fresh=True).python(OFFLINE + REFUSED)
    assert refused.startswith("'me/opinions' is not a file or folder here, and the Hub does not answer: ")


def test_digests_of_a_cache_that_repositories_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There a blob is a link to a store where files have other names; and a cache may have no links at all."""
    content = b"weights"
    store, blobs, snapshot = tmp_path / "store" / ("f" * 64), tmp_path / "blobs", tmp_path / "snapshot"
    for folder in (store.parent, blobs, snapshot):
        folder.mkdir()
    store.write_bytes(content)
    blob = blobs / hashlib.sha256(content).hexdigest()
    blob.symlink_to(store)
    (snapshot / "model.safetensors").symlink_to(blob)
    (snapshot / "config.json").write_bytes(b"{}")
    (snapshot / ("a" * 40)).write_bytes(b"a name that is no digest")
    monkeypatch.setattr("modeling_lstm.hub.downloads.snapshot_download", lambda **_: str(snapshot))
    assert download("me/films", None, ["*"]) == snapshot
    store.write_bytes(b"Weights")
    assert download("me/films", None, ["*.json"]) == snapshot, "only what was asked for is looked at"
    with pytest.raises(InputError, match="model.safetensors of 'me/films' was corrupt after the download from the Hub"):
        download("me/films", None, ["*.safetensors"])
    assert store.exists() and not blob.is_symlink(), "what others share stays"


def test_a_run_that_is_partly_in_the_cache(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run_copy / "model.safetensors").unlink()
    monkeypatch.setattr(run_folders, "download", lambda *_: run_copy)
    monkeypatch.setattr(run_folders, "is_offline_mode", lambda: True)
    with pytest.raises(InputError, match="'me/films' is only partly in the cache, without model.safetensors, and the"):
        predict("me/films", "fine")
    monkeypatch.setattr(run_folders, "is_offline_mode", lambda: False)
    (run_copy / "run.json").unlink()
    with pytest.raises(InputError, match="^'me/films' has no run.json"):
        evaluate("me/films")


def test_a_cache_that_takes_no_files_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads, "snapshot_download", full)
    with pytest.raises(InputError, match="its files cannot be saved in the cache: no space left. Free some space or"):
        download("me/films", None, ["*"])


def test_nothing_but_the_hub_is_asked(hub: LocalHub, machine: Callable[..., Machine], trained: Path) -> None:
    one = machine()
    assert one.cli("push", trained, "me/films", token=TOKEN)["asked"] == []
    assert one.cli("predict", "me/films", TEXTS[0])["asked"] == []


def in_shards(run: Path, folder: Path) -> Path:
    """The run with its weights in several files."""
    from transformers import AutoModelForSequenceClassification

    shutil.copytree(run, folder)
    (folder / "model.safetensors").unlink()
    AutoModelForSequenceClassification.from_pretrained(run).save_pretrained(folder, max_shard_size="2KB")
    return folder


def test_a_run_in_shards_is_shared_whole(
    hub: LocalHub, machine: Callable[..., Machine], trained: Path, tmp_path: Path
) -> None:
    one, folder = machine(), in_shards(another_run(trained, tmp_path / "whole"), tmp_path / "shards")
    weights = {path.name: path.read_bytes() for path in folder.glob("model*.safetensors*")}
    expected = open_predictor(str(tmp_path / "whole")).scores(TEXTS[:1])[0].max()

    def there() -> dict[str, bytes]:
        files = hub.repositories["models/me/films"].files()
        return {name: content for name, content in files.items() if name.startswith("model") and "lstm" not in name}

    assert one.cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    pushed = one.cli("push", folder, "me/films", token=TOKEN)
    assert pushed["status"] == 0, pushed["err"]
    assert there() == weights, "the one file of before would be loaded in place of the shards"
    answer = machine().cli("predict", "me/films", TEXTS[0])
    assert answer["out"].split("\t")[1] == f"{expected:.4f}", answer["err"]
    again = one.cli("push", folder, "me/films", token=TOKEN)
    assert "nothing was pushed" in again["out"], again["err"]
    assert one.cli("push", trained, "me/films", token=TOKEN)["status"] == 0
    assert there() == {"model.safetensors": (trained / "model.safetensors").read_bytes()}


def test_a_language_model_is_shared(
    hub: LocalHub, machine: Callable[..., Machine], data_folder: Path, tmp_path: Path
) -> None:
    one, folder = machine(), tmp_path / "lm"
    small = "--embedding_size 8 --hidden_size 8 --min_frequency 1 --per_device_train_batch_size 4 --block_size 10 "
    small += "--max_steps 5 --disable_tqdm true --use_cpu true"
    given = ["pretrain", "--dataset", data_folder, "--direction", "both", "--output_dir", folder, *small.split()]
    assert one.cli(*given)["status"] == 0
    pushed = one.cli("push", folder, "me/lm", token=TOKEN)
    assert pushed["status"] == 0, pushed["err"]
    files = hub.repositories["models/me/lm"].files()
    assert {"pretraining_texts.npy", "generation_config.json", "modeling_lstm_causal_lm.py"} <= files.keys()
    other = machine()
    written = other.cli("generate", "me/lm", "the film", "--do_sample", "false")
    assert written["status"] == 0 and written["out"].startswith("the film"), written["err"]
    flags = ["--dataset", data_folder, "--output_dir", tmp_path / "run", "--max_steps", "2", "--use_cpu", "true"]
    trained = other.cli("train", "--pretrained", "me/lm", *flags)
    assert trained["status"] == 0, trained["err"]
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["pretrained"]["is_from_hub"] and record["pretrained"]["held_out_texts"]["test"] is not None

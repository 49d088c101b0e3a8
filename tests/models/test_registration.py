"""`import modeling_lstm` imports nothing large, and its classes are known to `transformers` in whatever order."""

import subprocess
import sys
from pathlib import Path

import pytest

from modeling_lstm.models.registration import OWN_MODEL_TYPES, _configurations
from tests.conftest import opinion_rows
from tests.interpreters import run_program

ORDERS = [
    "from transformers import AutoModel, AutoTokenizer, AutoModelForSequenceClassification\nimport modeling_lstm",
    # each of these imports a part of transformers that is half imported when `Auto*` is there
    "import modeling_lstm\nfrom transformers import AutoModelForSequenceClassification",
    "import modeling_lstm\nfrom transformers import PreTrainedModel",
    "import modeling_lstm\nimport transformers.quantizers",
    "import modeling_lstm\nfrom transformers import Trainer",
    "from modeling_lstm import LstmConfig",
    # modules that are not imported first elsewhere
    *(
        f"import modeling_lstm.models.{name}\nfrom transformers import AutoModelForSeq2SeqLM"
        for name in ("recurrence_lstm", "cache_lstm", "modeling_lstm_encoder_decoder")
    ),
    "from modeling_lstm.models.modeling_bag_of_words import BagOfWordsForSequenceClassification",
    "from modeling_lstm import *",
]
CHECK = """
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING
import modeling_lstm
from modeling_lstm.models import registration
sizes = {"vocab_size": 9, "embedding_size": 2, "hidden_size": 2}
configs = [AutoConfig.for_model(name, **sizes) for name in ("lstm", "bag-of-words")]
assert [type(one) for one in configs] == [modeling_lstm.LstmConfig, modeling_lstm.BagOfWordsConfig]
assert type(AutoModel.from_config(configs[0])) is modeling_lstm.LstmModel
found = [type(AutoModelForSequenceClassification.from_config(one)) for one in configs]
assert found == [modeling_lstm.LstmForSequenceClassification, modeling_lstm.BagOfWordsForSequenceClassification]
assert all(TOKENIZER_MAPPING[type(one)] is modeling_lstm.LstmTokenizer for one in configs)
assert [type(one)._auto_class for one in configs] == ["AutoConfig"] * 2
assert modeling_lstm.LstmModel._auto_class == "AutoModel"
assert {one._auto_class for one in found} == {"AutoModelForSequenceClassification"}
assert not registration._waiting
"""


def run(program: str, *arguments: str) -> str:
    done = run_program("import warnings\nwarnings.simplefilter('error', ImportWarning)\n" + program, *arguments)
    assert done.returncode == 0, (program, done.stderr)
    return done.stdout


@pytest.mark.slow
def test_the_order_of_imports_does_not_matter() -> None:
    for order in ORDERS:
        run(order + CHECK)


def test_importing_the_package_imports_nothing_large() -> None:
    program = "import modeling_lstm, sys; print(*{'torch', 'transformers', 'numpy', 'datasets'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")


def test_public_names_are_loaded_on_demand() -> None:
    listed = (
        "import sys, modeling_lstm\n"
        "assert set(modeling_lstm.__all__) | {'__version__'} <= set(dir(modeling_lstm))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error::ImportWarning", "-c", listed], check=True)  # where torch is not yet
    out = run(
        "import modeling_lstm\n"
        "assert modeling_lstm.LstmConfig is modeling_lstm.models.configuration_lstm.LstmConfig\n"
        "assert vars(modeling_lstm)['LstmConfig']\n"
        "names = {}\nexec('from modeling_lstm import *', names)\n"
        "assert set(modeling_lstm.__all__) <= names.keys()\n"
        "try:\n    modeling_lstm.Nothing\nexcept AttributeError as error:\n    print(error)"
    )
    assert out == "module 'modeling_lstm' has no attribute 'Nothing'\n"


def test_pipeline_finds_the_classes(trained: Path) -> None:
    text = opinion_rows(1)[0][0]
    program = (
        "import modeling_lstm, sys\nfrom transformers import pipeline\n"
        "classify = pipeline('text-classification', sys.argv[1])\n"
        "assert type(classify.model) is modeling_lstm.LstmForSequenceClassification\n"
        "assert type(classify.tokenizer) is modeling_lstm.LstmTokenizer\nprint(classify(sys.argv[2])[0]['label'])"
    )
    assert run(program, str(trained), text) == "negative\n"


def test_pickles_are_opened_by_a_process_that_imported_nothing(tmp_path: Path) -> None:
    import pickle

    from modeling_lstm import LstmConfig, LstmModel, LstmTokenizer

    config = LstmConfig(vocab_size=9, embedding_size=2, hidden_size=2)
    kept = [config, LstmModel(config), LstmModel, LstmTokenizer.train(["a b"], min_frequency=1)]
    (tmp_path / "kept").write_bytes(pickle.dumps(kept))
    out = run(
        "import pickle, sys\nfrom pathlib import Path\nkept = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "print(kept[0].hidden_size, type(kept[1]) is kept[2], kept[3].tokenize('a'))\n"
        "from transformers import AutoModel\nassert type(AutoModel.from_config(kept[0])) is kept[2]",
        str(tmp_path / "kept"),
    )
    assert out == "2 True ['a']\n"


def test_a_saved_configuration_brings_its_source(tmp_path: Path) -> None:
    """Also where nothing but the configuration was ever imported."""
    program = "import sys\nfrom modeling_lstm import LstmConfig\nLstmConfig().save_pretrained(sys.argv[1])"
    run(program, str(tmp_path))
    assert (tmp_path / "configuration_lstm.py").is_file()


def test_the_types_of_our_models_are_those_of_their_configurations() -> None:
    assert {one.model_type for one in _configurations()} == set(OWN_MODEL_TYPES)

"""
LSTM text classification for the Hugging Face ecosystem.

Importing it is fast: what a name needs is imported when the name is first used. `Auto*` and `pipeline` know its
classes, whether `transformers` is imported before or after it.
"""

from typing import TYPE_CHECKING

from .models.registration import register_when_imported
from .utils.lazy import lazy_names

if TYPE_CHECKING:
    from .comparison.comparing import compare as compare
    from .distillation.student_job import distill as distill
    from .evaluation.evaluator import evaluate as evaluate
    from .explanation.explainer import explain as explain
    from .explanation.tracing import trace as trace
    from .inference.generation import TextGenerator as TextGenerator
    from .inference.generation import generate as generate
    from .inference.onnx_export import export as export
    from .inference.prediction import predict as predict
    from .inference.translator import Translator as Translator
    from .models.configuration_bag_of_words import BagOfWordsConfig as BagOfWordsConfig
    from .models.configuration_lstm import LstmConfig as LstmConfig
    from .models.configuration_lstm_encoder_decoder import LstmEncoderDecoderConfig as LstmEncoderDecoderConfig
    from .models.modeling_bag_of_words import BagOfWordsForSequenceClassification as BagOfWordsForSequenceClassification
    from .models.modeling_lstm import LstmForSequenceClassification as LstmForSequenceClassification
    from .models.modeling_lstm import LstmModel as LstmModel
    from .models.modeling_lstm_causal_lm import LstmForCausalLM as LstmForCausalLM
    from .models.modeling_lstm_encoder_decoder import LstmForConditionalGeneration as LstmForConditionalGeneration
    from .models.modeling_lstm_masked_lm import LstmForMaskedLM as LstmForMaskedLM
    from .models.text_classifier import TextClassifier as TextClassifier
    from .models.tokenization_lstm import LstmTokenizer as LstmTokenizer
    from .pretraining.masked_pretraining_job import MaskedPretrainingJob as MaskedPretrainingJob
    from .pretraining.pretraining_job import PretrainingJob as PretrainingJob
    from .pretraining.pretraining_job import pretrain as pretrain
    from .publishing.sharing import push as push
    from .runs.run_folders import load_run as load_run
    from .search.searching import search_settings as search_settings
    from .training.job import TrainingJob as TrainingJob
    from .training.job import train as train
    from .training.lstm_trainer import LstmTrainer as LstmTrainer
    from .training.trainer_arguments import LstmTrainingArguments as LstmTrainingArguments
    from .translators.translation_job import TranslationJob as TranslationJob
    from .vectors.learning import train_vectors as train_vectors
    from .vectors.word_vectors import WordVectors as WordVectors

__version__ = "0.1.0"

# The module of each public name; the imports above tell type checkers the same
_MODULES = {
    "BagOfWordsConfig": ".models.configuration_bag_of_words",
    "BagOfWordsForSequenceClassification": ".models.modeling_bag_of_words",
    "LstmConfig": ".models.configuration_lstm",
    "LstmEncoderDecoderConfig": ".models.configuration_lstm_encoder_decoder",
    "LstmForCausalLM": ".models.modeling_lstm_causal_lm",
    "LstmForConditionalGeneration": ".models.modeling_lstm_encoder_decoder",
    "LstmForMaskedLM": ".models.modeling_lstm_masked_lm",
    "LstmForSequenceClassification": ".models.modeling_lstm",
    "LstmModel": ".models.modeling_lstm",
    "LstmTokenizer": ".models.tokenization_lstm",
    "LstmTrainer": ".training.lstm_trainer",
    "LstmTrainingArguments": ".training.trainer_arguments",
    "MaskedPretrainingJob": ".pretraining.masked_pretraining_job",
    "PretrainingJob": ".pretraining.pretraining_job",
    "TextClassifier": ".models.text_classifier",
    "TextGenerator": ".inference.generation",
    "TrainingJob": ".training.job",
    "TranslationJob": ".translators.translation_job",
    "Translator": ".inference.translator",
    "WordVectors": ".vectors.word_vectors",
    "compare": ".comparison.comparing",
    "distill": ".distillation.student_job",
    "evaluate": ".evaluation.evaluator",
    "explain": ".explanation.explainer",
    "export": ".inference.onnx_export",
    "generate": ".inference.generation",
    "load_run": ".runs.run_folders",
    "predict": ".inference.prediction",
    "pretrain": ".pretraining.pretraining_job",
    "push": ".publishing.sharing",
    "search_settings": ".search.searching",
    "trace": ".explanation.tracing",
    "train": ".training.job",
    "train_vectors": ".vectors.learning",
}
__all__ = list(_MODULES)
__getattr__, __dir__ = lazy_names(__name__, _MODULES)

register_when_imported()

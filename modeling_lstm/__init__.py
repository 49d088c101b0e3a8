"""LSTM text classification for the Hugging Face ecosystem. Importing it registers its classes with `Auto*`."""

from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from .models.configuration_lstm import LstmConfig
from .models.modeling_bag_of_words import BagOfWordsConfig, BagOfWordsForSequenceClassification
from .models.modeling_lstm import LstmForSequenceClassification, LstmModel
from .models.tokenization_lstm import LstmTokenizer

__version__ = "0.1.0"
__all__ = [
    "BagOfWordsConfig",
    "BagOfWordsForSequenceClassification",
    "LstmConfig",
    "LstmForSequenceClassification",
    "LstmModel",
    "LstmTokenizer",
]

# Known to Auto* and pipeline in this process...
AutoConfig.register("lstm", LstmConfig)
AutoConfig.register("bag-of-words", BagOfWordsConfig)
AutoModel.register(LstmConfig, LstmModel)
AutoModelForSequenceClassification.register(LstmConfig, LstmForSequenceClassification)
AutoModelForSequenceClassification.register(BagOfWordsConfig, BagOfWordsForSequenceClassification)
AutoTokenizer.register(LstmConfig, tokenizer_class=LstmTokenizer)
AutoTokenizer.register(BagOfWordsConfig, tokenizer_class=LstmTokenizer)

# ...and saved with their source, for those who load with trust_remote_code=True and without this package.
# The tokenizer needs none: all that it does is in tokenizer.json.
LstmConfig.register_for_auto_class()
LstmModel.register_for_auto_class("AutoModel")
LstmForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
BagOfWordsConfig.register_for_auto_class()
BagOfWordsForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")

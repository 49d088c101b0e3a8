"""
LSTM text classification for the Hugging Face ecosystem.

Importing it takes a moment only: what a name needs is imported when the name is first used. Its classes are known to
`Auto*` and `pipeline`, whether `transformers` is imported before or after it.
"""

from typing import TYPE_CHECKING

from .models.registration import register_when_imported
from .utils.lazy import lazy_names

if TYPE_CHECKING:
    from .models.configuration_lstm import LstmConfig as LstmConfig
    from .models.modeling_bag_of_words import BagOfWordsConfig as BagOfWordsConfig
    from .models.modeling_bag_of_words import BagOfWordsForSequenceClassification as BagOfWordsForSequenceClassification
    from .models.modeling_lstm import LstmForSequenceClassification as LstmForSequenceClassification
    from .models.modeling_lstm import LstmModel as LstmModel
    from .models.tokenization_lstm import LstmTokenizer as LstmTokenizer

__version__ = "0.1.0"

# The module of each public name; the imports above tell type checkers the same
_MODULES = {
    "BagOfWordsConfig": ".models.modeling_bag_of_words",
    "BagOfWordsForSequenceClassification": ".models.modeling_bag_of_words",
    "LstmConfig": ".models.configuration_lstm",
    "LstmForSequenceClassification": ".models.modeling_lstm",
    "LstmModel": ".models.modeling_lstm",
    "LstmTokenizer": ".models.tokenization_lstm",
}
__all__ = list(_MODULES)
__getattr__, __dir__ = lazy_names(__name__, _MODULES)

register_when_imported()

"""The networks and their tokenizer. These files are copied next to a model's weights, as remote code."""

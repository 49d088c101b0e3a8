"""The networks and their tokenizer. The files of the networks are saved beside the weights, as remote code."""

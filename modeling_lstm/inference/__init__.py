"""From a trained model to answers: in Python, for files, and as ONNX."""

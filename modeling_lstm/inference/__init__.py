"""Use trained models: in Python, on files, and exported to ONNX."""

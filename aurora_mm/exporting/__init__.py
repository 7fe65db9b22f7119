"""Export of a trained model to ONNX or to torch's own format, to be run without this package."""

"""Export of trained networks to ONNX model files."""

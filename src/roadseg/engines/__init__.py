"""What runs a trained network besides torch, and the ONNX graph that it is handed over as."""

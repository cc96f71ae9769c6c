"""An ONNX graph whose convolutions and matrix products compute in int8."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_QUANTIZED = ["Conv", "MatMul", "Gemm"]  # where the time goes; what lies between stays in float32


def quantize_graph(graph: bytes, images: np.ndarray) -> bytes:
    """Return an ONNX file of pictures with static int8 weights and activations, by ONNX Runtime's quantisation.

    The ranges of the activations are those that `images`, (N, H, W, 3) uint8, give; weights have one for each channel.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Pictures(CalibrationDataReader):
        def __init__(self) -> None:
            self.batches: Iterator[np.ndarray] = (images[i : i + 1] for i in range(len(images)))

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self.batches, None)
            return None if batch is None else {"images": batch}

    with tempfile.TemporaryDirectory() as folder:
        given, prepared, quantized = (Path(folder, name) for name in ("given.onnx", "prepared.onnx", "int8.onnx"))
        given.write_bytes(graph)
        quant_pre_process(given, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            quantized,
            Pictures(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_QUANTIZED,
            per_channel=True,
        )
        return quantized.read_bytes()

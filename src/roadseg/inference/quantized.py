"""An ONNX graph whose convolutions and matrix products compute in int8."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_QUANTIZED = ["Conv", "MatMul", "Gemm"]  # where the time goes; what lies between stays in float32


def quantize_graph(graph: bytes, images: np.ndarray) -> bytes:
    """Return an ONNX file of pictures with static int8 weights and activations, by ONNX Runtime's quantisation.

    The ranges of the activations are those that `images`, (N, H, W, 3) uint8, give; weights have one for each channel.
    Depthwise convolutions stay in float32: a single range for all channels of their input costs most of the accuracy.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
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
            activation_type=QuantType.QUInt8,  # signed ones are slow on x86
            weight_type=QuantType.QInt8,
            nodes_to_exclude=depthwise_nodes(onnx.load(prepared)),
        )
        return quantized.read_bytes()


def depthwise_nodes(model: Any) -> list[str]:
    """Return the names of an ONNX model's convolutions that see more than one group of channels."""
    groups = {node.name: [a.i for a in node.attribute if a.name == "group"] for node in model.graph.node}
    return [name for name, group in groups.items() if group and group[0] > 1]

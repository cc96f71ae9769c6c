"""ONNX graphs run by ONNX Runtime and by OpenVINO, on the CPU.

Both packages are imported where they are used: OpenVINO is no requirement of this project.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Session = Callable[[np.ndarray], np.ndarray]  # images (N, ...) as the graph has them -> logits (N, C, h, w) float32


def onnxruntime_session(graph: bytes) -> Session:
    """Return what runs an ONNX graph by ONNX Runtime, whose arithmetic is the graph's: float32, or int8."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": np.ascontiguousarray(images)})[0]


def openvino_session(graph: bytes, bfloat16: bool) -> Session:
    """Return what runs an ONNX graph by OpenVINO, a frame for each core at a time, in float32 or in bfloat16.

    The graph is compiled for single frames: for a number that varies its kernels take twice as long.
    """
    import openvino

    core = openvino.Core()
    model = core.read_model(graph)
    model.reshape([1, *(side.get_length() for side in list(model.input(0).partial_shape)[1:])])
    settings = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    queue = openvino.AsyncInferQueue(core.compile_model(model, "CPU", settings))

    def run(images: np.ndarray) -> np.ndarray:
        logits: list[Any] = [None] * len(images)
        # copied, because the queue reuses its memory for the next frame
        queue.set_callback(lambda request, index: logits.__setitem__(index, request.get_output_tensor(0).data.copy()))
        for index in range(len(images)):
            queue.start_async({0: np.ascontiguousarray(images[index : index + 1])}, index)
        queue.wait_all()
        return np.concatenate(logits)

    return run

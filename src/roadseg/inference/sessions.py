"""ONNX graphs run by ONNX Runtime and by OpenVINO, on the CPU.

Both packages are imported where they are used: OpenVINO is no requirement of this project.
"""

from collections.abc import Callable

import numpy as np
import torch

Session = Callable[[np.ndarray], np.ndarray]  # images (N, ...) as the graph has them -> logits (N, C, h, w) float32


def onnxruntime_session(graph: bytes) -> Session:
    """Return what runs an ONNX graph by ONNX Runtime, in float32."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": np.ascontiguousarray(images)})[0]


def openvino_session(graph: bytes, bfloat16: bool) -> Session:
    """Return what runs an ONNX graph of images (N, C, H, W) by OpenVINO, a frame for each core at a time.

    The graph is compiled for single frames: for a number that varies its kernels take twice as long.
    """
    import openvino

    core = openvino.Core()
    model = core.read_model(graph)
    sides = [side.get_length() for side in list(model.input(0).partial_shape)[1:]]
    model.reshape([1, *sides])
    taken = openvino.preprocess.PrePostProcessor(model)
    taken.input().tensor().set_layout(openvino.Layout("NHWC"))  # as the images lie in memory
    taken.input().model().set_layout(openvino.Layout("NCHW"))
    model = taken.build()
    settings = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    queue = openvino.AsyncInferQueue(core.compile_model(model, "CPU", settings))
    shape = list(model.output(0).shape)[1:]

    def run(images: np.ndarray) -> np.ndarray:
        images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        logits = np.empty((len(images), *shape), np.float32)
        # copied, because the queue reuses its memory for the next frame
        queue.set_callback(lambda request, index: np.copyto(logits[index], request.get_output_tensor(0).data[0]))
        for index in range(len(images)):
            queue.start_async({0: images[index : index + 1]}, index)
        queue.wait_all()
        return logits

    return run

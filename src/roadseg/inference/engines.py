"""What runs a trained network: torch, or ONNX Runtime or OpenVINO in its place.

The packages of the last two are imported where they are used: OpenVINO is no requirement of this project.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from roadseg.inference.graph import export_graph
from roadseg.inference.trained import check_engine
from roadseg.networks.catalogue import build_model
from roadseg.networks.precision import make_deterministic, on_best_device, reuse_freed_memory, supported_precision
from roadseg.networks.weights import fill_network
from roadseg.pipeline.machine import processor_name
from roadseg.pipeline.params import Predict
from roadseg.pipeline.sections import Network

Session = Callable[[np.ndarray], np.ndarray]  # images (N, ...) as the graph has them -> logits (N, C, h, w) float32


def load_network(
    name: str, row: Network, weights: Path, num_classes: int, how: Predict
) -> tuple[nn.Module, torch.device]:
    """Return the network of a row of the catalogue with its weights, as the chosen engine runs it, and its device.

    Torch takes the best device there is, the other engines the CPU. Raises UserError where a package of the engine is
    missing, or the weights are missing, broken or of another network.
    """
    check_engine(how.engine)
    make_deterministic()
    reuse_freed_memory()
    network = build_model(name, row, num_classes)
    fill_network(network, weights)
    if how.engine == "torch":
        return on_best_device(network, how.precision)
    cpu = torch.device("cpu")
    return Exported(how.engine, network, supported_precision(how.precision, cpu) == "bf16-mixed"), cpu


def hardware_name(device: torch.device) -> str:
    """Return the name of a GPU, or of the processor with the number of threads that torch takes."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{processor_name()}, {threads} thread{'s' if threads > 1 else ''}"


class Exported(nn.Module):
    """A network as ONNX Runtime or OpenVINO runs it: images (N, 3, H, W) float32 -> logits (N, C, h, w) float32.

    `engine` is `onnxruntime` or `openvino`; only the second computes in bfloat16 where that is asked for. The network
    is exported once for each size of the images, when the first of them come: in seconds, and for any number of them.
    Raises UserError where the network can't be exported.
    """

    def __init__(self, engine: str, network: nn.Module, bfloat16: bool) -> None:
        super().__init__()
        self.engine, self.network, self.in_bfloat16 = engine, network.cpu().eval(), bfloat16
        self.sessions: dict[tuple[int, ...], Session] = {}

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W) float32 to logits (N, C, h, w) float32, both on the CPU."""
        size = tuple(images.shape[1:])
        if size not in self.sessions:
            self.sessions[size] = self._session(images)
        return torch.from_numpy(self.sessions[size](images.numpy()))

    def _session(self, images: Tensor) -> Session:
        with torch.inference_mode(False):  # whose tensors torch.export can't trace
            graph = export_graph(self.network, tuple(images.shape), images.dtype, notes={})
        return openvino_session(graph, self.in_bfloat16) if self.engine == "openvino" else onnxruntime_session(graph)


def onnxruntime_session(graph: bytes) -> Session:
    """Return what runs an ONNX graph by ONNX Runtime on the CPU, in float32."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": np.ascontiguousarray(images)})[0]


def openvino_session(graph: bytes, bfloat16: bool) -> Session:
    """Return what runs an ONNX graph of images (N, C, H, W) by OpenVINO on the CPU, a frame for each core at a time.

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

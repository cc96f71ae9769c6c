"""A network that another engine than torch runs, in the network's place."""

import torch
from torch import Tensor, nn

from roadseg.inference.graph import export_graph
from roadseg.inference.packages import check_engine
from roadseg.inference.sessions import Session, onnxruntime_session, openvino_session


class Exported(nn.Module):
    """A network as ONNX Runtime or OpenVINO runs it: images (N, 3, H, W) float32 -> logits (N, C, h, w) float32.

    `engine` is `onnxruntime` or `openvino`; only the second computes in bfloat16 where that is asked for. The network
    is exported once for each size of the images, when the first of them come: in seconds, and for any number of them.
    Raises UserError where the engine's package is missing, and then where the network can't be exported.
    """

    def __init__(self, engine: str, network: nn.Module, bfloat16: bool) -> None:
        super().__init__()
        check_engine(engine)
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

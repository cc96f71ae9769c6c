"""An int8 graph is a smaller file, computes in int8, and is close to the float one."""

import numpy as np
import onnx
import torch

from roadseg.inference.graph import OfPictures, export_graph
from roadseg.inference.quantized import depthwise_nodes, quantize_graph
from roadseg.inference.sessions import onnxruntime_session


def test_convolutions_are_in_int8_and_logits_close():
    torch.manual_seed(0)
    layers = (
        torch.nn.Conv2d(3, 64, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(64, 64, 3),
        torch.nn.Conv2d(64, 5, 1),
    )
    graph = export_graph(OfPictures(torch.nn.Sequential(*layers)), (1, 16, 24, 3), torch.uint8, {"resize": "area"})
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 24, 3), np.uint8)
    small = quantize_graph(graph, images)
    assert len(small) < len(graph) / 2
    model = onnx.load_from_string(small)
    assert {tensor.data_type for tensor in model.graph.initializer} >= {onnx.TensorProto.INT8}
    assert {entry.key: entry.value for entry in model.metadata_props}["resize"] == "area"
    expected, found = (onnxruntime_session(one)(images) for one in (graph, small))
    assert 0 < np.abs(expected - found).max() < 0.1 * np.ptp(expected)


def test_depthwise_convolutions_stay_in_float32():
    layers = torch.nn.Conv2d(3, 6, 1), torch.nn.Conv2d(6, 6, 3, groups=6), torch.nn.Conv2d(6, 5, 1)
    graph = export_graph(torch.nn.Sequential(*layers), (1, 3, 8, 8), torch.float32, {})
    model = onnx.load_from_string(graph)
    (name,) = depthwise_nodes(model)
    (node,) = [node for node in model.graph.node if node.name == name]
    weights = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    assert weights[node.input[1]] == [6, 1, 3, 3]

"""A network as an ONNX graph."""

import re
import warnings
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from roadseg.networks.prediction import normalize
from roadseg.pipeline.errors import UserError

OPSET = 20  # of 2023; the first that ONNX Runtime 1.16 and OpenVINO 2024 took
_OPERATOR = re.compile(r"(?<=OpOverload\(op=')[\w.]+|\baten[.:]+\w+")


class OfPictures(nn.Module):
    """A network with the normalisation in front: (N, H, W, 3) uint8 RGB -> logits (N, C, h, w) float32."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Map pictures (N, H, W, 3) uint8 to logits (N, C, h, w) float32."""
        return self.network(normalize(images))


def export_for_pictures(network: nn.Module, size: tuple[int, int], notes: Mapping[str, str]) -> bytes:
    """Return an ONNX file that maps `images`, (N, height, width, 3) uint8 RGB, to `logits`.

    `notes` and UserErrors are those of `export_graph`.
    """
    return export_graph(OfPictures(network), (1, *size, 3), torch.uint8, notes)


def export_graph(network: nn.Module, shape: tuple[int, ...], dtype: torch.dtype, notes: Mapping[str, str]) -> bytes:
    """Return an ONNX file that maps `images`, of `shape` but for their number, to `logits`.

    `notes` go into the file's metadata. The network must be on the CPU; it is left in eval mode. Raises UserError,
    naming the operator, where one of the network's has no counterpart in ONNX.
    """
    example = torch.zeros(2, *shape[1:], dtype=dtype)  # two: torch.export takes a side of 1 for a constant
    try:
        with warnings.catch_warnings(action="ignore"):  # on what the exporter will do in its next versions
            program = torch.onnx.export(
                network.eval(),
                (example,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=["images"],
                output_names=["logits"],
                opset_version=OPSET,
                verbose=False,
            )
    except Exception as error:  # the exporter has a family of errors for each of its steps, torch.export another
        raise UserError(f"the network can't be exported to ONNX: {_reason(error)}") from None
    assert program is not None  # None comes only where a file is asked for
    program.model.metadata_props.update(notes)
    return program.model_proto.SerializeToString()


def _reason(error: BaseException) -> str:
    """The operator that is to blame, or where none is named the first words of the innermost error."""
    texts = [str(one) for one in _causes(error)]
    for text in texts:
        if "No ONNX function found" in text and (found := _OPERATOR.search(text)):
            return f"its operator {found[0]} has no counterpart in opset {OPSET}"
    for text in texts:
        if found := _OPERATOR.search(text):
            return f"its operator {found[0]} fails"
    return " ".join(texts[-1].split())[:200].rstrip(".")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

"""SegFormer and EfficientViT as others name their tensors, put into the names here: they are the same networks.

Sources of SegFormer's: NVIDIA's code, built on mmseg 0.11 (github.com/NVlabs/SegFormer: its mix_transformer.py and
segformer_head.py), from which smp's encoder is taken as it is; transformers
(convert_segformer_original_to_pytorch.py); mmseg from 0.19 on (tools/model_converters/mit2mmseg.py), whose decoder is
another one, so that the encoder alone is named here. Of EfficientViT's: mit-han-lab/efficientvit (its checkpoints).
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

# {stage} counts from 1 in smp; the other groups go where the new name has them
_NVIDIA = {
    r"\bbackbone\.(?=(patch_embed|block|norm|layers\.)\d)": "encoder.",
    r"\bdecode_head\.linear_fuse\.conv\.": "decoder.fuse_stage.0.",
    r"\bdecode_head\.linear_fuse\.bn\.": "decoder.fuse_stage.1.",
    r"\bdecode_head\.linear_pred\.": "segmentation_head.0.",
}
_TRANSFORMERS = {
    r"\bsegformer\.encoder\.": "encoder.",
    r"\bpatch_embeddings\.(?P<stage>\d)\.": "patch_embed{stage}.",
    r"\bblock\.(?P<stage>\d)\.(?P<block>\d+)\.": "block{stage}.{block}.",
    r"\bencoder\.layer_norm\.(?P<stage>\d)\.": "encoder.norm{stage}.",
    r"\blayer_norm_?(?P<which>[12]?)\.": "norm{which}.",
    r"\b(attention|attn)\.self\.query\.": "attn.q.",
    r"\b(attention|attn)\.self\.": "attn.",
    r"\battention\.output\.dense\.": "attn.proj.",
    r"\bmlp\.dense(?P<which>[12])\.": "mlp.fc{which}.",
    r"\bdecode_head\.linear_fuse\.": "decoder.fuse_stage.0.",
    r"\bdecode_head\.batch_norm\.": "decoder.fuse_stage.1.",
    r"\bdecode_head\.classifier\.": "segmentation_head.0.",
}
_MMSEG = {
    r"\blayers\.(?P<stage>\d)\.0\.projection\.": "patch_embed{stage}.proj.",
    r"\blayers\.(?P<stage>\d)\.0\.norm\.": "patch_embed{stage}.norm.",
    r"\blayers\.(?P<stage>\d)\.1\.(?P<block>\d+)\.": "block{stage}.{block}.",
    r"\blayers\.(?P<stage>\d)\.2\.": "norm{stage}.",
    r"\battn\.attn\.out_proj\.": "attn.proj.",
    r"\battn\.attn\.in_proj_": "attn.in_proj.",
    r"\bffn\.layers\.0\.": "mlp.fc1.",
    r"\bffn\.layers\.1\.": "mlp.dwconv.dwconv.",
    r"\bffn\.layers\.4\.": "mlp.fc2.",
}
_SEGFORMER = _NVIDIA | _TRANSFORMERS | _MMSEG
# {before} is one less than {block}: the stem's first layer has a name of its own; {place} counts {input} from the
# other end: the file's head begins with the coarsest features
_EFFICIENTVIT = {
    r"\bbackbone\.input_stem\.op_list\.0\.": "encoder.model.stem_in_conv.",
    r"\bbackbone\.input_stem\.op_list\.(?P<block>\d+)\.": "encoder.model.stem_res{before}.",
    r"\bbackbone\.stages\.(?P<stage>\d)\.op_list\.(?P<block>\d+)\.": "encoder.model.stages_{stage}.blocks.{block}.",
    r"\bhead\.input_ops\.(?P<input>[012])\.(op_list\.0\.)?": "head.inputs.{place}.",
    r"\bhead\.middle\.op_list\.(?P<block>\d+)\.": "head.blocks.{block}.",
    r"\bhead\.output_ops\.0\.op_list\.0\.": "head.expand.",
    r"\bhead\.output_ops\.0\.op_list\.1\.conv\.": "head.classifier.",
}
_STAGE = re.compile(r"\b(?:patch_embeddings|block|layers)\.(\d)\.\w+\.")
_PROJECTION = re.compile(r"\bdecode_head\.linear_c\.?(\d)\.(?:proj|linear)\.")
_HALF = re.compile(r"\battn\.(key|value)\.")
_QUERIES_TOO = re.compile(r"\battn\.in_proj\.")
_LINEAR = re.compile(r"\bmlp\.fc[12]\.weight$")


def efficientvit_in_our_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the public EfficientViT-seg, of any shapes and dtypes, under the names here.

    A prefix and keys that no rule knows stay as they are.
    """
    return {_renamed(key, _EFFICIENTVIT, first_stage=1): value for key, value in tensors.items()}


def segformer_in_smp_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a SegFormer, of any shapes and dtypes, under smp's names, whatever prefix is before them.

    Keys that no rule knows stay as they are.
    """
    first = min((int(found[1]) for key in tensors if (found := _STAGE.search(key))), default=0)
    order = _order_of_projections(tensors)
    renamed = {
        _renamed(_with_projection_at(key, order), _SEGFORMER, first_stage=first): value
        for key, value in tensors.items()
    }
    return {new: part for key, value in renamed.items() for new, part in _as_smp_holds_it(key, value, renamed).items()}


def _renamed(key: str, rules: Mapping[str, str], first_stage: int) -> str:
    """Apply the rules in their order; `first_stage` is the number of the encoder's first stage in the file."""
    for old, new in rules.items():
        key = re.sub(old, lambda found, new=new: new.format(**_fields(found, first_stage)), key)  # type: ignore[misc]
    return key


def _fields(found: re.Match[str], first_stage: int) -> dict[str, object]:
    fields: dict[str, object] = dict(found.groupdict())
    numbers = {name: int(text) for name, text in found.groupdict().items() if name != "which"}
    if "stage" in numbers:
        fields["stage"] = numbers["stage"] - first_stage + 1
    return fields | {"before": numbers.get("block", 0) - 1, "place": 2 - numbers.get("input", 0)}


def _with_projection_at(key: str, order: Mapping[str, int]) -> str:
    return _PROJECTION.sub(lambda found: f"decoder.mlp_stage.{order.get(found[1], found[1])}.linear.", key)


def _order_of_projections(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the place in smp's decoder of each projection by its number in the file.

    Where others begin with the first stage of the encoder, smp begins with the last, which is the widest.
    """
    widths = {
        found[1]: value.shape[1]
        for key, value in tensors.items()
        if (found := _PROJECTION.search(key)) and value.ndim > 1
    }
    return {number: place for place, number in enumerate(sorted(widths, key=lambda number: -widths[number]))}


def _as_smp_holds_it(key: str, value: Tensor, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Join keys and values, part what holds the queries too, make a linear layer of a 1x1 convolution."""
    if _HALF.search(key):
        halves = [tensors.get(_HALF.sub(f"attn.{half}.", key)) for half in ("key", "value")]
        pair = [half for half in halves if half is not None and half.ndim and half.shape == value.shape]
        return {_HALF.sub("attn.kv.", key): torch.cat(pair)} if len(pair) == 2 else {key: value}  # (2C, C) or (2C,)
    if _QUERIES_TOO.search(key) and value.ndim:
        third = len(value) // 3
        parts = {"attn.q.": value[:third], "attn.kv.": value[third:]}
        return {_QUERIES_TOO.sub(name, key): part for name, part in parts.items()}
    if _LINEAR.search(key) and value.shape[2:] == (1, 1):
        return {key: value.flatten(1)}  # (out, in, 1, 1) -> (out, in)
    return {key: value}

"""Count what the network costs, at the study's fixed size and as it ran: its input size, times its passes.

python src/flops.py        DVC stage `flops`: the network's parameters -> metrics/flops.json
"""

from collections import Counter

from roadseg.frames.classes import read_classes
from roadseg.networks.catalogue import build_model
from roadseg.networks.cost import count_flops, count_parameters, count_passes
from roadseg.networks.tta import passes_of
from roadseg.pipeline import paths
from roadseg.pipeline.params import load_params
from roadseg.pipeline.stage import run_stage, write_json


def main() -> None:
    params = load_params()
    name = params.model if params.flops.network == "trained" else params.flops.network
    num_classes = len(read_classes(paths.SEG_DATA))
    model = build_model(name, params.models[name], num_classes)
    input_size = params.input.height, params.input.width
    cost = count_flops(model, params.flops.height, params.flops.width, input_size)
    trained = build_model(params.model, params.network, num_classes)  # whatever flops.network says
    passes = passes_of(params.predict.passes, *input_size)
    write_json(
        paths.FLOPS,
        {
            "gflops": cost.gflops,
            "gflops_ran": count_passes(trained, passes, input_size),
            "params_m": count_parameters(model) / 1e6,
            "network": name,
            "counted_at": "x".join(map(str, cost.counted_at)),
            "passes": [
                {"size": "x".join(map(str, window)), "times": times}
                for window, times in Counter(p.window for p in passes).items()
            ],
            "share_by_module": [{"module": module, "share": share} for module, share in cost.by_module.items()],
            "uncounted_operators": [{"operator": name, "times": times} for name, times in cost.uncounted.items()],
        },
    )


if __name__ == "__main__":
    run_stage(main)

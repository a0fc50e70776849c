"""coremltools: Core ML's names for the weights of examples/model.py; palettizing them by the exported config.

Usage: coreml_palettize.py EXAMPLES MODEL.onnx NAME_MAP.json    writes the name map
       coreml_palettize.py EXAMPLES CONFIG.json                 palettizes, and reads the bits of the result
"""

import json
import math
import sys

sys.path.insert(0, sys.argv[1])
import coremltools
import coremltools.optimize.coreml as optimize
import onnx
import torch
from model import SmallResNet

torch.manual_seed(0)
image = torch.randn(1, 3, 32, 32)
model = coremltools.convert(
    torch.jit.trace(SmallResNet().eval(), image),
    inputs=[coremltools.TensorType(shape=image.shape)],
    minimum_deployment_target=coremltools.target.iOS18,
    skip_model_load=True,
)
meta = optimize.get_weights_metadata(model, weight_threshold=0)
weights = [
    name
    for name, weight in meta.items()
    if any(op.op_type in ("conv", "linear") and op.params_name_mapping.get("weight") == name for op in weight.child_ops)
]


def write_name_map(path, out):
    """Weights and nodes both come in network order; those that differ in shape may change places."""
    graph = onnx.load(path).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    left, names = list(weights), {}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            names[node.name] = next(name for name in left if list(meta[name].val.shape) == shapes[node.input[1]])
            left.remove(names[node.name])
    with open(out, "w") as file:
        json.dump(names, file, indent=1)


def entries(op, operations):
    """Of the table that a palettized tensor looks its values up in."""
    [argument] = op.inputs["lut"].arguments
    if argument.HasField("value"):
        dimensions = argument.value.type.tensorType.dimensions
    else:
        [dimensions] = [
            other.outputs[0].type.tensorType.dimensions
            for other in operations
            if other.outputs[0].name == argument.name
        ]
    return dimensions[-2].constant.size


def palettize(path):
    config = optimize.OptimizationConfig.from_yaml(path)
    given = config.op_name_configs
    print(f"coremltools {coremltools.__version__}: names not in the model: {sorted(set(given) - set(weights))}")
    small = optimize.palettize_weights(model, config)
    held = {}
    for block in small.get_spec().mlProgram.functions["main"].block_specializations.values():
        for op in block.operations:
            if op.type == "constexpr_lut_to_dense":
                held[op.outputs[0].name.removesuffix("_palettized")] = int(math.log2(entries(op, block.operations)))
    asked = {name: given[name].nbits for name in weights if given.get(name)}
    print(f"{len(held)} weights palettized, bits as asked: {held == asked}")
    assert held == asked


if len(sys.argv) == 4:
    write_name_map(*sys.argv[2:])
else:
    palettize(sys.argv[2])

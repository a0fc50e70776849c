"""onnxruntime: MatMulNBitsQuantizer with the exported weights, the bits of its nodes, a run of the result.

Usage: onnxruntime_matmul.py MODEL MATMUL_WEIGHTS.py OUT.onnx
"""

import runpy
import sys

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization.matmul_nbits_quantizer import KQuantWeightOnlyQuantConfig, MatMulNBitsQuantizer

model, weights, out = sys.argv[1:]
given = runpy.run_path(weights)
asked = given["CUSTOMIZED_WEIGHT_CONFIG"]
quantizer = MatMulNBitsQuantizer(
    onnx.load(model),
    nodes_to_exclude=given["NODES_TO_EXCLUDE"],
    algo_config=KQuantWeightOnlyQuantConfig(customized_weight_config=asked),
)
quantizer.process()
onnx.save(quantizer.model.model, out)
held = {
    node.name.rsplit("_Q", 1)[0]: next(a.i for a in node.attribute if a.name == "bits")
    for node in quantizer.model.model.graph.node
    if node.op_type == "MatMulNBits"
}
session = onnxruntime.InferenceSession(model)
tokens = session.get_inputs()[0]
shape = [size if isinstance(size, int) else 1 for size in tokens.shape]
feed = {tokens.name: np.random.default_rng(0).standard_normal(shape).astype(np.float32)}
float_output = session.run(None, feed)[0]
output = onnxruntime.InferenceSession(out).run(None, feed)[0]
same = held == {name: config["bits"] for name, config in asked.items()}
print(f"onnxruntime {onnxruntime.__version__}: {len(held)} nodes, bits as asked: {same}")
print(f"largest difference {np.abs(output - float_output).max():.3g} of {np.abs(float_output).max():.3g}")
assert same

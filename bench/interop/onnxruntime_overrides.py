"""onnxruntime: quantize_static with the exported overrides, the stored types, a run of the result.

Usage: onnxruntime_overrides.py MODEL OVERRIDES.py OUT.onnx
"""

import runpy
import sys

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

model, overrides, out = sys.argv[1:]
given = runpy.run_path(overrides)
session = onnxruntime.InferenceSession(model)
image = session.get_inputs()[0]
shape = [size if isinstance(size, int) else 1 for size in image.shape]
random = np.random.default_rng(0)
feeds = [{image.name: random.standard_normal(shape).astype(np.float32)} for _ in range(8)]


class Reader(CalibrationDataReader):
    def __init__(self):
        self.left = iter(feeds)

    def get_next(self):
        return next(self.left, None)


quantize_static(
    model,
    out,
    Reader(),
    quant_format=QuantFormat.QDQ,
    per_channel=True,
    nodes_to_exclude=given["NODES_TO_EXCLUDE"],
    extra_options={"TensorQuantOverrides": given["TENSOR_QUANT_OVERRIDES"], "UseQDQContribOps": True},
)
stored = {tensor.name: tensor.data_type for tensor in onnx.load(out).graph.initializer}
asked = {name: entry["quant_type"].tensor_type for name, [entry] in given["TENSOR_QUANT_OVERRIDES"].items()}
wrong = {name: stored.get(f"{name}_quantized") for name in asked if stored.get(f"{name}_quantized") != asked[name]}
float_output = session.run(None, feeds[0])[0]
output = onnxruntime.InferenceSession(out).run(None, feeds[0])[0]
print(f"onnxruntime {onnxruntime.__version__}: {len(asked)} tensors, stored otherwise: {wrong}")
print(f"largest difference {np.abs(output - float_output).max():.3g} of {np.abs(float_output).max():.3g}")
assert not wrong

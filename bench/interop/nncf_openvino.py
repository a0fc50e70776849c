"""NNCF: compress(model) of the exported file on the OpenVINO model, the stored types, a run of the result.

Usage: nncf_openvino.py MODEL FILE.py
"""

import collections
import runpy
import sys

import nncf
import numpy as np
import onnxruntime
import openvino

given = runpy.run_path(sys.argv[2])
compressed = given["compress"](openvino.Core().read_model(sys.argv[1]))
types = collections.Counter(
    op.get_element_type().get_type_name()
    for op in compressed.get_ops()
    if op.get_type_name() == "Constant" and len(op.get_output_shape(0)) > 1
)
session = onnxruntime.InferenceSession(sys.argv[1])
image = session.get_inputs()[0]
shape = [size if isinstance(size, int) else 1 for size in image.shape]
x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
float_output = session.run(None, {image.name: x})[0]
output = openvino.compile_model(compressed, "CPU")([x])[0]
print(f"nncf {nncf.__version__}, openvino {openvino.__version__}: {dict(types)}")
print(f"largest difference {np.abs(output - float_output).max():.3g} of {np.abs(float_output).max():.3g}")
assert types["i8"] + types["i4"] > 0

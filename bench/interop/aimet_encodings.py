"""AIMET: load_encodings_to_sim with the exported encodings, what its quantizers then hold, a run of the simulation.

Usage: aimet_encodings.py MODEL ENCODINGS.json
"""

import importlib.metadata
import json
import sys

import numpy as np
import onnx
from aimet_onnx.quantsim import QuantizationSimModel, load_encodings_to_sim

model, path = sys.argv[1:]
with open(path) as file:
    given = json.load(file)
sim = QuantizationSimModel(onnx.load(model))
load_encodings_to_sim(sim, path, strict=False)
params = given["param_encodings"]
entries = {entry["name"]: entry for entry in params} if isinstance(params, list) else params
wrong = []
for name, entry in entries.items():
    bits = entry["bw"] if isinstance(entry, dict) else entry[0]["bitwidth"]
    scales = entry["scale"] if isinstance(entry, dict) else [channel["scale"] for channel in entry]
    quantizer = sim.qc_quantize_op_dict.get(name)
    held = [encoding.delta for encoding in quantizer.get_encodings()] if quantizer and quantizer.enabled else []
    if len(held) != len(scales) or quantizer.bitwidth != bits or not np.allclose(held, scales, rtol=1e-6):
        wrong.append(name)
others = [name for name, quantizer in sim.qc_quantize_op_dict.items() if quantizer.enabled and name not in entries]
image = sim.session.get_inputs()[0]
shape = [size if isinstance(size, int) else 1 for size in image.shape]
output = sim.session.run(None, {image.name: np.random.default_rng(0).standard_normal(shape).astype(np.float32)})[0]
version = importlib.metadata.version("aimet-onnx")
print(f"aimet-onnx {version}, encodings {given['version']}: {len(entries)} tensors, held otherwise: {wrong}")
print(f"other quantizers that are on: {others}; ran: {output.shape}, all finite: {np.isfinite(output).all()}")
assert not wrong and not others

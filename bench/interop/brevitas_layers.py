"""Brevitas: quantize(model) of the exported file on examples/model.py (random weights), its bits, its export to QONNX.

Usage: brevitas_layers.py EXAMPLES FILE.py OUT.onnx
"""

import importlib.metadata
import runpy
import sys

sys.path.insert(0, sys.argv[1])
import onnx
import torch
from brevitas.export import export_qonnx
from model import SmallResNet

given = runpy.run_path(sys.argv[2])
torch.manual_seed(0)
net = SmallResNet().eval()
images = torch.randn(4, 3, 32, 32)
with torch.no_grad():
    before = net(images)
    net = given["quantize"](net).eval()
    difference = (net(images) - before).abs().max()
    weights = {name: net.get_submodule(name).quant_weight() for name in given["WEIGHT_BIT_WIDTHS"]}
bits = {name: int(weight.bit_width) for name, weight in weights.items()}
levels = {name: max(len(torch.unique(channel)) for channel in weight.value.flatten(1)) for name, weight in weights.items()}
same = bits == given["WEIGHT_BIT_WIDTHS"] and all(levels[name] <= 2 ** bits[name] for name in bits)
export_qonnx(net, images, sys.argv[3])
quants = sum(node.op_type == "Quant" for node in onnx.load(sys.argv[3]).graph.node)
version = importlib.metadata.version("brevitas")
print(f"brevitas {version}: {len(bits)} layers, bits and levels as asked: {same}, largest difference {difference:.3g}")
print(f"QONNX: {quants} Quant nodes")
assert same and quants == len(bits)

"""ModelOpt: mtq.quantize of examples/model.py (random weights) with the exported config, which quantizers are then on.

Usage: modelopt_config.py EXAMPLES CONFIG.json
"""

import json
import sys

sys.path.insert(0, sys.argv[1])
import modelopt
import modelopt.torch.quantization as mtq
import torch
from model import SmallResNet

with open(sys.argv[2]) as file:
    config = json.load(file)
torch.manual_seed(0)
net = SmallResNet().eval()
images = torch.randn(4, 3, 32, 32)
with torch.no_grad():
    before = net(images)
    net = mtq.quantize(net, config, lambda model: model(images))
    difference = (net(images) - before).abs().max()
on = {
    name: quantizer.num_bits
    for name, quantizer in net.named_modules()
    if name.endswith("quantizer") and quantizer.is_enabled
}
asked = {entry["quantizer_name"]: entry["cfg"]["num_bits"] for entry in config["quant_cfg"] if "cfg" in entry}
print(f"modelopt {modelopt.__version__}: {len(on)} quantizers on, as asked: {on == asked}, largest difference {difference:.3g}")
assert on == asked

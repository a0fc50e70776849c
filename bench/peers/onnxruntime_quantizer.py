"""Size and top-1 of onnxruntime's own quantizer on a CIFAR-10 classifier; prints one JSON document.

python onnxruntime_quantizer.py MODEL.onnx CALIBRATION TEST: folders of 32 x 32 pictures, TEST with one folder per class
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

MEAN = np.array([0.4914, 0.4822, 0.4465], np.float32).reshape(3, 1, 1)
STD = np.array([0.2470, 0.2435, 0.2616], np.float32).reshape(3, 1, 1)


def load(path):
    pixels = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
    return (pixels.transpose(2, 0, 1) - MEAN) / STD


def session(path):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def top1(path, pictures, labels):
    run = session(path)
    name = run.get_inputs()[0].name
    right = 0
    for start in range(0, len(pictures), 50):
        (logits,) = run.run(None, {name: pictures[start : start + 50]})
        right += int((logits.argmax(1) == labels[start : start + 50]).sum())
    return right / len(pictures)


class Reader(CalibrationDataReader):
    def __init__(self, name, pictures):
        self.feeds = iter({name: pictures[i : i + 1]} for i in range(len(pictures)))

    def get_next(self):
        return next(self.feeds, None)


def main(model, calibration, test):
    inputs = np.stack([load(path) for path in sorted(Path(calibration).glob("*.png"))[:64]])
    classes = sorted(path for path in Path(test).iterdir() if path.is_dir())
    files = [(path, label) for label, folder in enumerate(classes) for path in sorted(folder.glob("*.png"))]
    pictures = np.stack([load(path) for path, _ in files])
    labels = np.array([label for _, label in files])
    name = session(model).get_inputs()[0].name
    rows = [{"name": "float32", "bytes": os.path.getsize(model), "top1": top1(model, pictures, labels)}]
    with tempfile.TemporaryDirectory() as folder:
        prepared = f"{folder}/prepared.onnx"
        quant_pre_process(model, prepared)
        kinds = {"8-bit weights, 8-bit activations": QuantType.QInt8, "4-bit weights, 8-bit activations": QuantType.QInt4}
        for title, weights in kinds.items():
            out = f"{folder}/quantized.onnx"
            try:
                quantize_static(
                    prepared,
                    out,
                    Reader(name, inputs),
                    quant_format=QuantFormat.QDQ,
                    per_channel=True,
                    weight_type=weights,
                    activation_type=QuantType.QUInt8,
                    extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
                )
                rows.append({"name": title, "bytes": os.path.getsize(out), "top1": top1(out, pictures, labels)})
            except Exception as error:  # a peer that fails is a row, too
                rows.append({"name": title, "error": str(error).splitlines()[0][:120]})
    print(json.dumps({"version": ort.__version__, "images": len(pictures), "rows": rows}))


main(*sys.argv[1:4])

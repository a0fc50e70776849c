import { describe, expect, it } from 'vitest';
import { matchModules } from '../../../src/pytorch/match';
import { modulePath } from '../../../src/pytorch/paths';
import { readModules } from '../../../src/pytorch/source';

const RESNET = `
import torch.nn as nn

class BasicBlock(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(cin, cout, 1),
                nn.BatchNorm2d(cout),
            )

class Bottleneck(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 1)
        self.conv2 = nn.Conv2d(cin, cout, 3)
        self.conv3 = nn.Conv2d(cin, cout, 1)

class ResNet(nn.Module):
    def __init__(self, block, layers):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.layer1 = self._make_layer(block, 16, layers[0])
        self.layer2 = nn.Sequential(BasicBlock(16, 32, 2), BasicBlock(32, 32))
        self.fc = nn.Linear(32, 10)

    def _make_layer(self, block, planes, blocks):
        layers = []
        layers.append(block(planes, planes))
        for _ in range(1, blocks):
            layers.append(block(planes, planes))
        return nn.Sequential(*layers)
`;

/** Text of the line that makes each path. */
function lines(source: string, paths: string[]): Record<string, string> | null {
  const found = matchModules(
    readModules(source),
    paths.map((path) => path.split('.')),
  );
  return (
    found && Object.fromEntries([...found].map(([path, line]) => [path, source.split('\n')[line].trim()]))
  );
}

describe('module paths', () => {
  it.each([
    ['layer1.0.conv1.weight', 'Conv_7', ['layer1', '0', 'conv1']],
    ['onnx::Conv_123', '/layer1/layer1.0/conv1/Conv', ['layer1', '0', 'conv1']],
    ['onnx::Conv_9', '/features/features.1/features.1.0/Conv', ['features', '1', '0']],
    [
      'onnx::MatMul_9',
      '/encoder/layer.0/attention/self/query/MatMul',
      ['encoder', 'layer', '0', 'attention', 'self', 'query'],
    ],
  ])('come from %s or %s', (weight, node, path) => expect(modulePath(weight, node)).toEqual(path));

  it('are unknown where the names say nothing', () => {
    expect(modulePath('onnx::Conv_123', 'Conv_7')).toBeNull();
    expect(modulePath('weight', '')).toBeNull();
  });
});

describe('matching a network with its source', () => {
  it('finds the line of every module, through containers, methods and parameters', () => {
    expect(
      lines(RESNET, [
        'conv1',
        'layer1.0.conv1',
        'layer1.0.conv2',
        'layer2.0.conv1',
        'layer2.0.downsample.0',
        'layer2.1.conv2',
        'fc',
      ]),
    ).toEqual({
      conv1: 'self.conv1 = nn.Conv2d(3, 16, 3)',
      'layer1.0.conv1': 'self.conv1 = nn.Conv2d(cin, cout, 3)',
      'layer1.0.conv2': 'self.conv2 = nn.Conv2d(cout, cout, 3)',
      'layer2.0.conv1': 'self.conv1 = nn.Conv2d(cin, cout, 3)',
      'layer2.0.downsample.0': 'nn.Conv2d(cin, cout, 1),',
      'layer2.1.conv2': 'self.conv2 = nn.Conv2d(cout, cout, 3)',
      fc: 'self.fc = nn.Linear(32, 10)',
    });
  });

  it('tells classes apart by the modules they have', () => {
    const found = lines(RESNET, ['conv1', 'layer1.0.conv1', 'layer1.0.conv2', 'layer1.0.conv3', 'fc'])!;
    expect(found['layer1.0.conv1']).toBe('self.conv1 = nn.Conv2d(cin, cout, 1)');
    expect(found['layer1.0.conv3']).toBe('self.conv3 = nn.Conv2d(cin, cout, 1)');
  });

  it('follows lists, comprehensions, dicts and conditions', () => {
    const source = `
class Block(nn.Module):
    def __init__(self):
        self.q = nn.Linear(1, 1)

class Net(nn.Module):
    def __init__(self, deep):
        self.blocks = nn.ModuleList([Block() for _ in range(3)])
        self.head = nn.Sequential(OrderedDict([("proj", nn.Linear(1, 2)), ("act", nn.ReLU())]))
        self.parts = nn.ModuleDict({"a": nn.Conv1d(1, 1, 1), "b": Block()})
        self.tail = (Block() if deep else nn.Identity())
`;
    expect(
      lines(source, ['blocks.0.q', 'blocks.2.q', 'head.proj', 'parts.a', 'parts.b.q', 'tail.q']),
    ).toEqual({
      'blocks.0.q': 'self.q = nn.Linear(1, 1)',
      'blocks.2.q': 'self.q = nn.Linear(1, 1)',
      'head.proj': expect.stringContaining('"proj"') as string,
      'parts.a': expect.stringContaining('"a"') as string,
      'parts.b.q': 'self.q = nn.Linear(1, 1)',
      'tail.q': 'self.q = nn.Linear(1, 1)',
    });
  });

  it('is silent where two classes fit equally well', () => {
    const twins = `
class A(nn.Module):
    def __init__(self):
        self.conv = nn.Conv2d(1, 1, 1)
class B(nn.Module):
    def __init__(self):
        self.conv = nn.Conv2d(2, 2, 2)
`;
    expect(lines(twins, ['conv'])).toBeNull();
  });

  it('is silent where the file is about something else, or broken', () => {
    expect(
      lines('class Net(nn.Module):\n    def __init__(self):\n        self.a = nn.Linear(1, 1)', ['b', 'c.d']),
    ).toBeNull();
    expect(lines('class (((\n def', ['conv1'])).toBeNull();
    expect(lines('', ['conv1'])).toBeNull();
  });

  it('does not hang on classes that contain themselves', () => {
    const loop =
      'class A(nn.Module):\n    def __init__(self):\n        self.a = A()\n        self.c = nn.Linear(1, 1)';
    expect(lines(loop, ['a.a.a.c', 'c'])).toEqual({
      'a.a.a.c': 'self.c = nn.Linear(1, 1)',
      c: 'self.c = nn.Linear(1, 1)',
    });
  });
});

/**
 * Trying an execution provider in a process of its own: a driver that crashes or hangs takes nothing with it.
 */
import { fork } from 'node:child_process';
import { smallModel } from '../../../onnx/graph/smallModel';
import { serialize } from '../../../onnx/graph/subgraph';
import { node, tensor, valueInfo } from '../../../onnx/proto/build';
import { TensorProto_DataType as DataType, type ModelProto } from '../../../onnx/proto/onnx_pb';
import { type ExecutionProvider, PROVIDER_NAMES, Session } from '../ort/session';
import { adapterName } from './deviceName';

export type Probed = { works: true; device: string } | { works: false; reason: string };

const TIMEOUT_MS = 30_000;

/** First argument of the engine's script that makes it a probe; the second one is the provider. */
export const PROBE = 'probe';

const seen = new Map<ExecutionProvider, Promise<Probed>>();

/** Does the provider start and compute here? Asked once per engine process. */
export function probe(provider: ExecutionProvider): Promise<Probed> {
  let answer = seen.get(provider);
  if (!answer) seen.set(provider, (answer = inOwnProcess(provider)));
  return answer;
}

function inOwnProcess(provider: ExecutionProvider): Promise<Probed> {
  return new Promise((resolve) => {
    const child = fork(__filename, [PROBE, provider], {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const done = (answer: Probed) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      resolve(answer);
    };
    const name = PROVIDER_NAMES[provider];
    const timer = setTimeout(
      () => done({ works: false, reason: `${name} did not answer within ${TIMEOUT_MS / 1000} s` }),
      TIMEOUT_MS,
    );
    child.once('message', (answer) => done(answer as Probed));
    child.once('error', (error) => done({ works: false, reason: error.message }));
    child.once('close', (code, signal) =>
      done({
        works: false,
        reason: `${name} crashed when it was started (${signal ?? `exit code ${code}`})`,
      }),
    );
  });
}

/** The probe's side: a small convolution on the provider, against the result known beforehand. */
export async function runProbe(provider: ExecutionProvider): Promise<Probed> {
  try {
    const session = await Session.open(serialize(probeModel()), {
      provider,
      folder: '.',
      model: 'the probe',
    });
    const x = Float32Array.of(1, 2, 3, 4);
    const { y } = await session.run({ x: { type: 'float32', data: x, dims: [1, 1, 2, 2] } });
    if (Math.abs(Number(y[0]) - 15) > 1e-3) return { works: false, reason: `it computes ${y[0]} for 15` };
    const adapter = await adapterName();
    const name = PROVIDER_NAMES[provider];
    return { works: true, device: adapter === null ? name : `${name}: ${adapter}` };
  } catch (error) {
    return {
      works: false,
      reason: (error as Error).message.replace('ONNX Runtime cannot load the probe: ', ''),
    };
  }
}

/** 0.5 * (1 + 2 + 3 + 4) + 10. */
function probeModel(): ModelProto {
  return smallModel('probe', {
    node: [
      node('Constant', [], ['w'], { value: tensor('w', [1, 1, 2, 2], new Float32Array(4).fill(0.5)) }),
      node('Constant', [], ['b'], { value: tensor('b', [1], Float32Array.of(10)) }),
      node('Conv', ['x', 'w', 'b'], ['y'], { kernel_shape: [2, 2] }),
    ],
    input: [valueInfo('x', DataType.FLOAT, [1, 1, 2, 2])],
    output: [valueInfo('y', DataType.FLOAT, [1, 1, 1, 1])],
  });
}

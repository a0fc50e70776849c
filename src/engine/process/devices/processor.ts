/** What this machine's processor has for products of 8-bit integers, by its flags and by trying. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { IntegerProducts } from '../../../common/integerProduct';
import { smallModel } from '../../../onnx/graph/smallModel';
import { serialize } from '../../../onnx/graph/subgraph';
import { node, valueInfo } from '../../../onnx/proto/build';
import { TensorProto_DataType as DataType } from '../../../onnx/proto/onnx_pb';
import { Session } from '../ort/session';

export interface Processor {
  name: string;
  products: IntegerProducts;
}

/** As the system calls them: /proc/cpuinfo on Linux, sysctl on macOS. */
const INSTRUCTIONS: Record<string, string> = {
  avx_vnni: 'AVX-VNNI',
  avx512_vnni: 'AVX-512 VNNI',
  AVX512VNNI: 'AVX-512 VNNI',
  amx_int8: 'AMX',
  asimddp: 'dot product',
  i8mm: 'int8 matrix product',
  FEAT_DotProd: 'dot product',
  FEAT_I8MM: 'int8 matrix product',
};

let known: Promise<Processor> | undefined;

export function processor(): Promise<Processor> {
  known ??= saturates().then((found) => ({
    name: cpus()[0]?.model.trim() || 'unknown',
    products: { instructions: instructionsIn(flags()), saturates: found },
  }));
  return known;
}

/** @param text words of which some are flags; "name: 0" is a flag that the processor does not have */
export function instructionsIn(text: string): string[] {
  const words = new Set(text.split(/\s+/));
  const found = Object.keys(INSTRUCTIONS).filter((flag) => words.has(flag));
  return [...new Set(found.map((flag) => INSTRUCTIONS[flag]))];
}

function flags(): string {
  try {
    if (process.platform === 'linux') {
      const lines = readFileSync('/proc/cpuinfo', 'latin1').split('\n');
      return lines.find((line) => /^(flags|Features)\s*:/.test(line)) ?? '';
    }
    if (process.platform === 'darwin') {
      const all = execFileSync('/usr/sbin/sysctl', ['hw.optional.arm', 'machdep.cpu.leaf7_features'], {
        encoding: 'utf8',
        timeout: 5000,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return all.replace(/^hw\.optional\.arm\.(\w+): 1$/gm, '$1').replace(/^hw\..*: 0$/gm, '');
    }
  } catch {
    // Not every system tells; whether products saturate is tried in any case.
  }
  return '';
}

/** Full inputs by full weights: 2 * 255 * 127 does not fit into int16. */
async function saturates(): Promise<boolean> {
  const [rows, inner, columns] = [8, 64, 16];
  const model = smallModel('integers', {
    node: [node('MatMulInteger', ['a', 'b'], ['c'])],
    input: [valueInfo('a', DataType.UINT8, [rows, inner]), valueInfo('b', DataType.INT8, [inner, columns])],
    output: [valueInfo('c', DataType.INT32, [rows, columns])],
  });
  const session = await Session.open(serialize(model), {
    provider: 'cpu',
    folder: '.',
    model: 'the integer product',
  });
  try {
    const { c } = await session.runTensors({
      a: { type: 'uint8', data: new Uint8Array(rows * inner).fill(255), dims: [rows, inner] },
      b: { type: 'int8', data: new Int8Array(inner * columns).fill(127), dims: [inner, columns] },
    });
    return Number(c.data[0]) !== inner * 255 * 127;
  } finally {
    await session.close();
  }
}

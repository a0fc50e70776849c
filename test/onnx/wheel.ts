/** The cases of ONNX's own backend tests, read from the wheel of its Python package. Nothing of it is run. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { openPromise, type Entry, type ZipFile } from 'yauzl';

/** The last release that ships the cases of single nodes. */
const RELEASE = '1.22.0';
const FOLDER = resolve('.onnx-suite');
const DATA = /^onnx\/backend\/test\/data\/(.*)\/(model\.onnx|test_data_set_0\/input_(\d+)\.pb)$/;

/** Any platform's wheel holds the cases. */
const CHOICE = ['--python-version', '3.11', '--platform', 'manylinux_2_28_x86_64', '--only-binary', ':all:'];
const PIPS: [string, string[]][] = [
  ['python3', ['-m', 'pip']],
  ['python', ['-m', 'pip']],
  ['py', ['-m', 'pip']],
  ['pip', []],
];

const kept = (): string | undefined => {
  try {
    return readdirSync(FOLDER).find((name) => name.startsWith(`onnx-${RELEASE}-`));
  } catch {
    return undefined;
  }
};

/** Path of the wheel, fetched once into a folder that git ignores; null where there is no pip, or no package index. */
export async function fetchWheel(): Promise<string | null> {
  mkdirSync(FOLDER, { recursive: true });
  for (const [command, args] of kept() ? [] : PIPS) {
    const download = ['download', `onnx==${RELEASE}`, '--no-deps', '--quiet', '-d', FOLDER, ...CHOICE];
    try {
      await promisify(execFile)(command, [...args, ...download], { timeout: 120_000 });
      break;
    } catch {
      // The next one, or none.
    }
  }
  const name = kept();
  return name === undefined ? null : join(FOLDER, name);
}

export interface SuiteCase {
  /** "node/test_conv_with_strides_padding". */
  name: string;
  model: Uint8Array;
  /** Its first set of inputs: serialized values, in the order of the model's inputs. */
  inputs: Uint8Array[];
}

export class Wheel {
  private constructor(
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, { model?: Entry; inputs: Entry[] }>,
  ) {}

  static async open(path: string): Promise<Wheel> {
    const zip = await openPromise(path, { autoClose: false });
    const entries = new Map<string, { model?: Entry; inputs: Entry[] }>();
    for await (const entry of zip.eachEntry()) {
      const match = DATA.exec(entry.fileName);
      if (!match) continue;
      const found = entries.get(match[1]) ?? { inputs: [] };
      entries.set(match[1], found);
      if (match[3] === undefined) found.model = entry;
      else found.inputs[Number(match[3])] = entry;
    }
    return new Wheel(zip, entries);
  }

  /** Names of all cases, sorted. */
  get names(): string[] {
    return [...this.entries].flatMap(([name, { model }]) => (model ? [name] : [])).sort();
  }

  async read(name: string): Promise<SuiteCase> {
    const { model, inputs } = this.entries.get(name)!;
    const bytes = async (entry: Entry) => buffer(await this.zip.openReadStreamPromise(entry));
    return { name, model: await bytes(model!), inputs: await Promise.all(inputs.map(bytes)) };
  }

  close(): void {
    this.zip.close();
  }
}

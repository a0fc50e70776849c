/** What an export refuses before any work is done. */
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { listed } from '../../../common/words';
import type { Network } from '../../../onnx/network/network';
import { externalLocations, weightsFolder } from '../../../onnx/proto/external';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { ExportRequest } from '../../protocol';
import { EngineFault } from '../job/faults';

/** @throws EngineFault */
export async function refuseOverwriting(
  { model: path, out, overwrite }: ExportRequest,
  model: ModelProto,
): Promise<void> {
  const resolved = async (file: string) => realpath(file).catch(() => null);
  const target = await resolved(out);
  const folder = await resolved(dirname(out));
  if (folder === null)
    throw new EngineFault(
      `The folder ${dirname(out)} does not exist; choose another one for the quantized model.`,
    );
  const sources = [path, ...externalLocations(model).map((location) => join(weightsFolder(path), location))];
  const written = [target ?? join(folder, basename(out)), join(folder, `${basename(out)}.data`)];
  for (const source of sources) {
    if (written.includes((await resolved(source)) ?? source)) {
      throw new EngineFault(
        `${out} would overwrite the original (${basename(source)}); give the quantized model another name.`,
      );
    }
  }
  if (target !== null && !overwrite) {
    throw new EngineFault(`${out} exists already; choose another name or allow it to be replaced.`);
  }
}

/** @throws EngineFault where the bits are not those of this network */
export function checkBits({ model, bits, activations }: ExportRequest, network: Network): void {
  const perFunction = activations?.perFunction ?? bits;
  if (bits.length !== network.functions.length || perFunction.length !== bits.length) {
    throw new EngineFault(
      `${basename(model)} has ${network.functions.length} functions, but bits for ${bits.length} were given; the configuration belongs to another model or granularity.`,
    );
  }
  for (const [index, width] of bits.entries()) {
    if (![2, 3, 4, 5, 6, 7, 8, 16, 32].includes(width)) {
      throw new EngineFault(
        `${network.functions[index].name} cannot be stored at ${width} bits; use 2 to 8, 16 or 32.`,
      );
    }
  }
  for (const tied of network.ties) {
    const names = tied.map((index) => network.functions[index].name);
    if (tied.some((index) => bits[index] !== bits[tied[0]])) {
      throw new EngineFault(`${listed(names)} share their weights and must get the same bits.`);
    }
  }
}

/** What `ompq doctor` and "OMPQ: Doctor" say, as lines of text. */
import { describeProducts } from '../common/integerProduct';
import { formatSize } from '../common/sizes';
import type { DoctorReply } from '../engine/protocol';

/** @param more further versions: of the editor, of OMPQ */
export function doctorLines(reply: DoctorReply, more: Record<string, string>): string[] {
  const { providers, versions, system, processor, integerProducts, driver, memory } = reply;
  const lines = [
    'Devices, in the order in which "auto" tries them after the CPU:',
    ...providers.flatMap(({ provider, works, device, note, fix }) => [
      `  ${works ? 'yes' : 'no '}  ${provider.padEnd(6)}  ${works ? device : note}`,
      ...(works && note !== null ? [`               ${note}`] : []),
      ...(fix?.split('\n').map((line) => `               ${line}`) ?? []),
    ]),
    '',
    'Machine:',
    `  system     ${system}`,
    `  processor  ${processor}`,
    `  integers   products of 8-bit integers: ${describeProducts(integerProducts)}`,
    `  memory     ${formatSize(memory.total)}, ${formatSize(memory.free)} free; the engine takes half of that unless told otherwise`,
    `  driver     ${driver ?? 'none found that tells its version'}`,
    '',
    'Versions:',
    ...Object.entries({ ...more, ...versions }).map(([name, version]) => `  ${name.padEnd(13)} ${version}`),
  ];
  return lines;
}

/** Every foreign format, in the order in which people are offered them. */
import { FormatError } from '../errors';
import { type Format } from '../format';
import { aimet, aimetOld } from './aimet';
import { brecq } from './brecq';
import { brevitas } from './brevitas';
import { coreml } from './coreml';
import { csv } from './csv';
import { hawq } from './hawq';
import { modelopt } from './modelopt';
import { nncf } from './nncf';
import { ormNpy } from './ormNpy';
import { ortMatMul } from './ortMatMul';
import { ortOverrides } from './ortOverrides';

export const FORMATS: readonly Format[] = [
  hawq,
  brecq,
  aimet,
  aimetOld,
  ortOverrides,
  ortMatMul,
  modelopt,
  coreml,
  brevitas,
  nncf,
  csv,
  ormNpy,
];

export type ReadableFormat = Format & Required<Pick<Format, 'read'>>;

export const READABLE: readonly ReadableFormat[] = FORMATS.filter(
  (format): format is ReadableFormat => format.read !== undefined,
);

/** @throws FormatError that lists the formats there are */
export function formatOf<F extends Format>(id: string, among: readonly F[]): F {
  const format = among.find((each) => each.id === id);
  if (!format) {
    throw new FormatError(`There is no format "${id}"; there are ${among.map((f) => f.id).join(', ')}.`);
  }
  return format;
}

/** What only texts of a format have. */
const SIGNS: readonly [RegExp, Format][] = [
  [/"param_encodings"/, aimet],
  [/"op_name_configs"/, coreml],
  [/"quant_cfg"/, modelopt],
  [/^\s*\[[\d\s,]*\]\s*$/, brecq],
  [/^[^\n]*\bfunction\b[^\n]*\bbits\b/, csv],
];

/** The format of a text; undefined: none that can be read. Both versions of AIMET's encodings are read by one. */
export function recognize(text: string): ReadableFormat | undefined {
  const format = SIGNS.find(([sign]) => sign.test(text))?.[1];
  return READABLE.find((each) => each === format);
}

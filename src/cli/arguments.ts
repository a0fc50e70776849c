/** The words of options as values. Each throws InvalidArgumentError, with an example of what is expected. */
import { InvalidArgumentError } from 'commander';
import { parseSize } from '../common/sizes';
import { GROUP_SIZES } from '../common/storageCode';
import type { Pins, Quality } from '../config/config';
import { type LimitKind, parseLimit } from '../config/limits';
import { parseQuality } from '../config/quality';
import type { Rules } from '../config/rules';
import { isBitWidth, parseWidths } from '../config/widths';
import type { BitWidth } from '../core/problem/widths';
import type { Shard } from '../engine/protocol';
import { OUTPUT_CHOICES, type OutputChoice } from '../onnx/network/outputs';

export function collectRule(text: string, previous: Rules): Rules {
  const at = text.lastIndexOf('=');
  const bits = at > 0 ? parseWidths(text.slice(at + 1)) : null;
  if (!bits)
    throw new InvalidArgumentError('Expected, for example, "*/attn/*=8", "op:Gemm=8" or "*conv1*=4-8".');
  const pattern = text.slice(0, at);
  const { [pattern]: _earlier, ...others } = previous;
  return { ...others, [pattern]: bits.length === 1 ? bits[0] : bits };
}

export function collectTie(text: string, previous: string[][]): string[][] {
  // A comma between braces is the pattern's own.
  const patterns = text.split(/,(?![^{]*\})/).map((part) => part.trim());
  if (patterns.some((pattern) => pattern === ''))
    throw new InvalidArgumentError('Expected, for example, "*/q_proj,*/k_proj".');
  return [...previous, patterns];
}

export function limit(kind: LimitKind, examples: string): (text: string) => number {
  return (text) => {
    const value = parseLimit(kind, text);
    if (value === null) throw new InvalidArgumentError(`Expected, for example, ${examples}.`);
    return value;
  };
}

export function activationBits(text: string): number {
  const value = positive(text);
  if (value < 2 || value > 32) throw new InvalidArgumentError('It is a whole number from 2 to 32.');
  return value;
}

export function activationWidths(text: string): number[] {
  const list = parseWidths(text);
  if (!list?.every((bits) => bits >= 4 && bits <= 8))
    throw new InvalidArgumentError('Expected, for example, 4,6,8 or 4-8; activations take 4 to 8 bits.');
  return list;
}

export function quality(text: string, previous?: Quality): Quality {
  if (previous) throw new InvalidArgumentError('It is given once.');
  const asked = parseQuality(text);
  if (!asked)
    throw new InvalidArgumentError('Expected, for example, noise<=0.3, same>=99%, kl<=0.05 or sqnr>=20.');
  return asked;
}

export function collectShape(text: string, previous: Record<string, number[]>): Record<string, number[]> {
  const at = text.lastIndexOf('=');
  const dims = text
    .slice(at + 1)
    .split(/[x,]/i)
    .map(Number);
  if (at < 1 || dims.some((d) => !Number.isInteger(d) || d < 1)) {
    throw new InvalidArgumentError('Expected, for example, NAME=1x3x320x320.');
  }
  return { ...previous, [text.slice(0, at)]: dims };
}

export function collectValue(text: string, previous: Record<string, number>): Record<string, number> {
  const at = text.lastIndexOf('=');
  const number = text.slice(at + 1);
  if (at < 1 || number.trim() === '' || !Number.isFinite(Number(number))) {
    throw new InvalidArgumentError('Expected, for example, sr=16000.');
  }
  return { ...previous, [text.slice(0, at)]: Number(number) };
}

export function collectOutput(
  text: string,
  previous: Record<string, OutputChoice>,
): Record<string, OutputChoice> {
  const at = text.lastIndexOf('=');
  const kind = OUTPUT_CHOICES.find((each) => each === text.slice(at + 1));
  if (at < 1 || !kind)
    throw new InvalidArgumentError(`Expected, for example, logits=${OUTPUT_CHOICES.join(' or logits=')}.`);
  return { ...previous, [text.slice(0, at)]: kind };
}

export function collectLock(text: string, previous: Record<string, BitWidth>): Record<string, BitWidth> {
  const at = text.lastIndexOf('=');
  return { ...previous, [text.slice(0, at)]: bitWidth(text.slice(at + 1)) };
}

/** "auto", "first,last=8" or "first=4,last=auto": names without bits take the next ones. */
export function pins(text: string): Pins {
  if (text.trim() === 'auto') return { first: 'auto', last: 'auto' };
  const result: Pins = {};
  let waiting: (keyof Pins)[] = [];
  for (const part of text.split(',')) {
    const [, name, bits] = /^\s*(first|last)\s*(?:=\s*(\d+|auto)\s*)?$/.exec(part) ?? [];
    if (!name)
      throw new InvalidArgumentError('Expected, for example, auto, first,last=8, first=4,last=6 or first=8.');
    waiting.push(name as keyof Pins);
    if (!bits) continue;
    for (const each of waiting) result[each] = bits === 'auto' ? bits : bitWidth(bits);
    waiting = [];
  }
  if (waiting.length > 0) throw new InvalidArgumentError('It ends with bits, as in first,last=8.');
  return result;
}

function bitWidth(text: string): BitWidth {
  const value = Number(text);
  if (text === '' || !isBitWidth(value)) throw new InvalidArgumentError('Bits are 2 to 8, 16 or 32.');
  return value;
}

export function widths(text: string): BitWidth[] {
  const list = parseWidths(text);
  if (!list)
    throw new InvalidArgumentError('Expected, for example, 4-8 or 2,4,8; widths are 2 to 8, 16 and 32.');
  return list;
}

export function groups(text: string): number[] {
  const list = text.split(',').map((part) => (part.trim() === 'channel' ? 0 : Number(part)));
  const isKnown = (group: number) => group === 0 || (GROUP_SIZES as readonly number[]).includes(group);
  if (!list.every(isKnown))
    throw new InvalidArgumentError(
      'Expected, for example, channel,128 or 32; groups are channel, 128, 64 and 32.',
    );
  return [...new Set(list)];
}

export function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === null) throw new InvalidArgumentError('Expected, for example, 1.5MB, 900KB or 1.5MiB.');
  return bytes;
}

export function numbers(text: string): number[] {
  const list = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (list.some((x) => !Number.isFinite(x)))
    throw new InvalidArgumentError('Expected, for example, 0.5,0.5,0.5.');
  return list;
}

export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It is a whole number of at least 1.');
  return value;
}

/** Orthogonality is between samples. */
export function atLeastTwo(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 2)
    throw new InvalidArgumentError('It is a whole number of at least 2.');
  return value;
}

export function count(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0) {
    throw new InvalidArgumentError('It is a whole number of at least 0.');
  }
  return value;
}

export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('It is a number of at least 0.');
  }
  return value;
}

/** As the config takes it. */
export function averageBits(text: string): number {
  const value = positiveNumber(text);
  if (value < 1 || value > 32) throw new InvalidArgumentError('It is a number from 1 to 32.');
  return value;
}

export function ratio(text: string): number {
  const value = positiveNumber(text);
  if (value < 1) throw new InvalidArgumentError('It is a number of at least 1.');
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It is a number above 0.');
  return value;
}
/** 1-based for people, as everywhere: 1/4 to 4/4. */
export function shard(text: string): Shard {
  const [, i, n] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const [index, count] = [Number(i) - 1, Number(n)];
  if (!(index >= 0 && index < count)) throw new InvalidArgumentError('Expected INDEX/COUNT, e.g. 1/4.');
  return { index, count };
}

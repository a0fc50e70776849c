/** The question of quality, as people write it. */
import { expect, it } from 'vitest';
import { formatQuality, isReached, parseQuality, qualityIn, qualityWords } from '../../../src/config/quality';

it.each([
  ['kl<=0.05', { kl: 0.05 }],
  ['SQNR >= 20 dB', { sqnrDb: 20 }],
  ['same>=99%', { agreement: 0.99 }],
  ['same>=99', { agreement: 0.99 }],
  ['same>=0.995', { agreement: 0.995 }],
  ['same>=100%', { agreement: 1 }],
  ['noise=1e-3', { noise: 1e-3 }],
])('%s is read', (text, quality) => expect(parseQuality(text)).toEqual(quality));

it.each([
  '',
  'kl>=0.05',
  'sqnr<=20',
  'same<=99%',
  'same>=101%',
  'kl<=5%',
  'kl<=5dB',
  'same>=0',
  'top1>=9',
  '99%',
])('"%s" is none', (text) => expect(parseQuality(text)).toBeNull());

it('is put into words', () => {
  expect(formatQuality({ agreement: 0.99, measured: 0.9948 })).toBe('same answers >= 99 %; measured 99.48 %');
  expect(formatQuality({ kl: 0.05, measured: 0.048 })).toBe(
    'KL divergence <= 0.05 nats; measured 0.048 nats',
  );
  expect(formatQuality({ sqnrDb: 20 })).toBe('SQNR >= 20 dB');
  expect(qualityWords({ agreement: 0.99 })).toBe('the same answer to 99 % of the inputs');
});

it('is held against the number that it is about', () => {
  const measured = { kl: 0.04, agreement: 0.97, sqnrDb: 21 };
  expect(qualityIn({ agreement: 0.98 }, measured)).toBe(0.97);
  expect(isReached({ agreement: 0.98 }, 0.97)).toBe(false);
  expect(isReached({ kl: 0.05 }, 0.04)).toBe(true);
  expect(isReached({ sqnrDb: 20 }, 21)).toBe(true);
});

/** Tables of labels and lists of classes, changed at random: read, or refused in one sentence, and at once. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DataError } from '../../src/calibration/inputs/errors';
import { fileFinder } from '../../src/calibration/labels/fileFinder';
import { readClassList } from '../../src/calibration/labels/classes';
import { findColumns, parseTable } from '../../src/calibration/labels/labelTable';
import { labelFiles } from '../../src/calibration/labels/labels';
import { Random } from '../support/models/random';
import { HOSTILE_NAMES } from './names';

const ROUNDS = 400;
const FILES = ['cat/0.png', 'cat/1.png', 'dog/0.png', 'n01440764/2.png'];
const WHOLE = [
  'file,label\ncat/0.png,0\ncat/1.png,0\ndog/0.png,1\nn01440764/2.png,2\n',
  'image;class_name;target\n0.png;"a; cat";7\n1.png;dog;8\n',
  'sep=|\npath|synset\ncat/0.png|n01440764\n',
  'tench\ngoldfish\ngreat white shark\n',
  '{"0": "tench", "1": "goldfish"}',
  '{"id2label": {"0": "tench"}, "label2id": {"tench": 0}}',
];

function damaged(random: Random): string {
  let text = WHOLE[random.int(WHOLE.length)];
  for (let hits = 1 + random.int(4); hits > 0; hits--) {
    const at = random.int(text.length + 1);
    const hostile = [
      ...HOSTILE_NAMES,
      '"',
      '\0',
      '\r',
      ';;;;',
      '\t',
      '1e999',
      '-1',
      String(2 ** 53),
      '\uFEFF',
      '['.repeat(5000),
      ','.repeat(5000),
    ];
    const kind = random.int(4);
    if (kind === 0) text = text.slice(0, at);
    else if (kind === 1) text = text.slice(0, at) + text.slice(at + random.int(30));
    else if (kind === 2) text = text.slice(0, at) + hostile[random.int(hostile.length)] + text.slice(at);
    else text = text.slice(0, at) + String.fromCharCode(random.int(0x3000)) + text.slice(at + 1);
  }
  return text;
}

it('hostile labels are read or refused in one sentence', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ompq-fuzz-'));
  const outcomes = { read: 0, refused: 0 };
  const find = fileFinder(FILES);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const random = new Random(round);
      const text = damaged(random);
      const name = ['labels.csv', 'classes.txt', 'classes.json', 'list.tsv'][random.int(4)];
      const path = join(folder, name);
      writeFileSync(path, random.int(5) === 0 ? Buffer.from(text, 'utf16le') : text);
      const listing = { files: [...FILES, name], folders: ['cat', 'dog', 'n01440764'] };
      const steps = [
        () => findColumns(parseTable(text, path), find),
        () => readClassList(path),
        () => labelFiles(folder, listing, FILES),
      ];
      for (const step of steps) {
        try {
          await step();
          outcomes.read++;
        } catch (error) {
          expect(error, `round ${round}: ${(error as Error).stack}`).toBeInstanceOf(DataError);
          expect((error as Error).message, `round ${round}`).toMatch(/^[^\n\r]{1,1000}\.$/);
          outcomes.refused++;
        }
      }
      rmSync(path);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(outcomes.read).toBeGreaterThan(100);
  expect(outcomes.refused).toBeGreaterThan(100);
}, 120_000);

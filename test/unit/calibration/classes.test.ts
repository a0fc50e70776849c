import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { classNumbers, readClassList } from '../../../src/calibration/labels/classes';
import { openDataset } from '../../../src/calibration/open';
import { imagenetClasses } from '../../../src/calibration/labels/wordnet';
import { dataSpec, failure, input, plainPicture, put, temporaryFolder } from './files';

const root = await temporaryFolder();
const IMAGENETTE =
  'n01440764 n02102040 n02979186 n03000684 n03028079 n03394916 n03417042 n03425413 n03445777 n03888257';

describe('class numbers', () => {
  it('of WordNet ids are those of ImageNet, behind a background class where there is one', () => {
    const names = IMAGENETTE.split(' ');
    const right = [0, 217, 482, 491, 497, 566, 569, 571, 574, 701];
    expect(classNumbers(names, 1000, null)).toEqual({
      numbers: right,
      warnings: ["The data have 10 of the model's 1000 classes; their WordNet ids tell which."],
    });
    expect(classNumbers(names, 1001, null).numbers).toEqual(right.map((number) => number + 1));
    // A model trained on these ten has their order.
    expect(classNumbers(names, 10, null).numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(imagenetClasses().size).toBe(1000);
    expect(imagenetClasses().get('n15075141')).toBe(999);
  });

  it('of names that are numbers are the numbers', () => {
    expect(classNumbers(['0', '217', '999'], 1000, null)).toEqual({ numbers: [0, 217, 999], warnings: [] });
    expect(classNumbers(['000', '001', '002'], 3, null)).toEqual({ numbers: [0, 1, 2], warnings: [] });
    const unpadded = ['0', '1', '10', '2', '3', '4', '5', '6', '7', '8', '9'];
    const { numbers, warnings } = classNumbers(unpadded, 11, null);
    expect(numbers).toEqual(unpadded.map(Number));
    expect(warnings.join()).toMatch(
      /ImageFolder would number them in the order of text \(0, 1, 10, \.\.\.\)/,
    );
    const fromOne = classNumbers(['1', '2', '3'], 3, null);
    expect(fromOne.numbers).toEqual([0, 1, 2]);
    expect(fromOne.warnings.join()).toMatch(/numbered from 1 to 3/);
    expect(classNumbers(['7', '12'], 5, null).numbers).toBeNull();
  });

  it('of other names follow their order only where there are as many as the model has', () => {
    expect(classNumbers(['cat', 'dog'], 2, null)).toEqual({ numbers: [0, 1], warnings: [] });
    const { numbers, warnings } = classNumbers(['cat', 'dog'], 10, null);
    expect(numbers).toBeNull();
    expect(warnings.join()).toMatch(/have 2 classes \(cat, dog\) and the model has 10: .* --classes FILE/);
  });
});

describe('a list of classes', () => {
  it.each([
    ['lines', 'a.txt', 'bird\nGreat White Shark\ncat\n'],
    ['lines with a mark and CRLF', 'b.txt', '\uFEFFbird\r\ngreat_white-shark\r\ncat\r\n'],
    ['numbered lines', 'c.txt', '2: cat\n0: bird\n1: great white shark\n'],
    [
      'synset and names',
      'd.txt',
      'n01440764 bird, fowl\nn01443537 great white shark\nn02123045 tabby, cat\n',
    ],
    ['a JSON list', 'e.json', '["bird", "great white shark", "cat"]'],
    ['Keras', 'f.json', '{"0": ["n1", "bird"], "1": ["n2", "great_white_shark"], "2": ["n3", "cat"]}'],
    ['Hugging Face', 'g.json', '{"id2label": {"0": "bird", "1": "great white shark", "2": "cat"}}'],
    ['names to numbers', 'h.json', '{"cat": 2, "bird": 0, "great white shark": 1}'],
    ['a table', 'i.csv', 'index;name\n2;cat\n0;bird\n1;great white shark\n'],
  ])('as %s', async (_, name, text) => {
    const list = await readClassList(await put(join(root, name), text));
    expect(classNumbers(['bird', 'cat', 'great_white_shark'], 3, list)).toEqual({
      numbers: [0, 2, 1],
      warnings: [],
    });
  });

  it('that lacks a class of the data says which; one of another length is told', async () => {
    const list = await readClassList(await put(join(root, 'short.txt'), 'bird\ncat\n'));
    const missing = (): unknown => classNumbers(['bird', 'dog'], 2, list);
    expect(missing).toThrow(/short\.txt does not list 1 of the data's 2 classes \(dog\)/);
    expect(classNumbers(['bird', 'cat'], 3, list).warnings.join()).toMatch(
      /lists 2 classes, but the model has 3/,
    );
    const broken = await put(join(root, 'broken.json'), '{');
    expect((await failure(readClassList(broken))).message).toMatch(/broken\.json is not valid JSON/);
  });

  it('beside the pictures is used', async () => {
    const png = await plainPicture(4, 4, [9, 9, 9]).png().toBuffer();
    const folder = join(root, 'listed');
    for (const file of ['cat/a.png', 'dog/a.png']) await put(join(folder, file), png);
    await put(join(folder, 'classes.txt'), 'dog\nbird\ncat\n');
    const { classList } = await openDataset(dataSpec(folder), [input('x', ['N', 3, 4, 4])]);
    expect(classNumbers(['cat', 'dog'], 3, classList).numbers).toEqual([2, 0]);
  });
});

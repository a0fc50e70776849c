import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { listModel, type Listing } from '../../../../src/onnx/listing/listing';
import { ModelProtoSchema } from '../../../../src/onnx/proto/onnx_pb';
import { mobilenetV2, tinyCnn } from '../../../support/models/zoo';

/** Every name must stand where the listing says it does. */
function misplaced({ text, names }: Listing): string[] {
  const lines = text.split('\n');
  return names
    .filter(({ name, line, column, length }) => {
      const shown = lines[line].slice(column, column + length);
      return shown !== name && shown !== JSON.stringify(name);
    })
    .map(({ name }) => name);
}

describe('the listing of a model', () => {
  it('reads like ONNX text, with weights elided', () => {
    const listing = listModel(tinyCnn());
    expect(listing.text).toMatchSnapshot();
    expect(misplaced(listing)).toEqual([]);
  });

  it('knows the line of every node and the definition of every tensor', () => {
    const model = mobilenetV2({ width: 0.25 });
    const { nodes, names, text } = listModel(model);
    const lines = text.split('\n');
    expect(nodes).toHaveLength(model.graph!.node.length);
    for (const node of nodes) expect(lines[node.line]).toContain(` ${node.op} `);
    const defined = new Set(names.filter((n) => n.role === 'definition').map((n) => n.name));
    expect(names.filter((n) => n.role === 'use' && !defined.has(n.name))).toEqual([]);
  });

  it('shows the bodies of control flow', () => {
    const path = join(
      dirname(createRequire(import.meta.url).resolve('@ricky0123/vad-web')),
      'silero_vad_legacy.onnx',
    );
    const listing = listModel(fromBinary(ModelProtoSchema, readFileSync(path)));
    const outer = listing.nodes.find((node) => node.op === 'If')!;
    expect(outer.lastLine).toBeGreaterThan(outer.line + 10);
    expect(listing.nodes.some((node) => node.depth > 0)).toBe(true);
    expect(misplaced(listing)).toEqual([]);
    const braces = (text: string, brace: string): number =>
      text.replace(/"(\\.|[^"\\])*"/g, '').split(brace).length;
    expect(braces(listing.text, '{')).toBe(braces(listing.text, '}'));
  });

  it('keeps hostile names on one line', () => {
    const model = tinyCnn();
    model.graph!.node[0].name = 'a\n} \u2028 "b"\u202e';
    const { text, nodes } = listModel(model);
    expect(text.split(/[\n\u2028]/)[nodes[0].line]).toContain('["a\\n} \\u2028 \\"b\\"\\u202e"]');
    expect(text).not.toMatch(/[\u2028\u202e]/);
  });

  it('takes well under a second for 10,000 nodes', () => {
    const model = tinyCnn();
    const { node } = model.graph!;
    const body = [...node];
    while (node.length < 10_000) node.push(...body);
    expect(listModel(model).nodes.length).toBeGreaterThanOrEqual(10_000);
  });
});

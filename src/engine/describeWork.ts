/** What an engine was doing, in words: "scoring net.onnx". */
import { basename } from 'node:path';
import type { EngineRequest } from './protocol';

/** @param device that it works on; null: the CPU */
export function describeWork({ request, device }: { request: EngineRequest; device: string | null }): string {
  return device === null ? describe(request) : `${describe(request)} on ${device}`;
}

function describe(request: EngineRequest): string {
  if (request.kind === 'doctor') return 'looking at this machine';
  const model = basename(request.model);
  switch (request.kind) {
    case 'inspect':
      return `reading ${model}`;
    case 'preview':
      return `trying pictures on ${model}`;
    case 'listing':
      return `listing ${model}`;
    case 'statistics':
      return `reading ${request.tensor} of ${model}`;
    case 'scales':
      return `finding the scales of ${model}`;
    case 'score':
      return `scoring ${model}`;
    case 'noise':
      return `measuring noise in ${model}`;
    case 'latency':
      return `timing ${model}`;
    case 'contest':
      return `comparing allocations of ${model}`;
    case 'export':
      return `quantizing ${model}`;
    case 'evaluate':
      return `evaluating ${model}`;
  }
}

/** Fetches ONNX's suite, and builds the engine. */
import type { TestProject } from 'vitest/node';
import build from '../engine/setup';
import { fetchWheel } from './wheel';

export default async function setup(project: TestProject): Promise<void> {
  await build();
  const wheel = await fetchWheel();
  if (wheel === null)
    console.log("ONNX's own suite is skipped: there is no pip, or it has no package index.");
  project.provide('wheel', wheel);
}

declare module 'vitest' {
  interface ProvidedContext {
    wheel: string | null;
  }
}

import { defineConfig } from 'vitest/config';

/** A click on a window that another job of the machine holds up may be lost: once is chance, twice is a defect. */
const CLICKS = { retry: 1 };

/** Only a hang meets it, on the busiest machine, too. */
const LIMITS = { testTimeout: 1_800_000, hookTimeout: 1_800_000 };

export default defineConfig({
  test: {
    reporters: ['default', './scripts/test/retried.mjs'],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], ...LIMITS } },
      {
        test: {
          name: 'engine',
          include: ['test/engine/**/*.test.ts'],
          globalSetup: ['test/engine/setup.ts'],
          ...LIMITS,
        },
      },
      {
        test: {
          name: 'fuzz',
          include: ['test/fuzz/**/*.test.ts'],
          globalSetup: ['test/engine/setup.ts'],
          ...LIMITS,
        },
      },
      {
        test: {
          name: 'onnx',
          include: ['test/onnx/**/*.test.ts'],
          globalSetup: ['test/onnx/setup.ts'],
          testTimeout: 3_600_000,
        },
      },
      {
        test: {
          name: 'webview',
          include: ['test/webview/**/*.test.ts'],
          environment: 'jsdom',
          ...LIMITS,
        },
      },
      {
        test: {
          ...CLICKS,
          name: 'packages',
          include: ['test/packages/**/*.test.ts'],
          globalSetup: ['test/packages/setup.ts'],
          ...LIMITS,
        },
      },
      {
        test: {
          ...CLICKS,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          fileParallelism: false,
          ...LIMITS,
        },
      },
    ],
  },
});

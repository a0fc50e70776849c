import type { CodeWindow } from './driver';

/**
 * A scene is a module in test/e2e/scenes: it says what to open and takes pictures on the way. It is played once
 * per theme, each time in a fresh window.
 */
export interface Scene {
  /** Makes the folder to open; the example's by default. */
  workspace?: () => Promise<string>;
  settings?: Record<string, unknown>;
  play(window: CodeWindow): Promise<void>;
}

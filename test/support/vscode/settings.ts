import { themes, type Theme } from './themes';

/** Settings that keep a window quiet and its pictures the same from run to run. */
export function windowSettings(theme: Theme, own: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    'workbench.colorTheme': themes[theme].id,
    'workbench.startupEditor': 'none',
    'workbench.tips.enabled': false,
    'workbench.enableExperiments': false,
    'workbench.reduceMotion': 'on',
    'workbench.secondarySideBar.defaultVisibility': 'hidden',
    'chat.disableAIFeatures': true,
    'telemetry.telemetryLevel': 'off',
    'extensions.ignoreRecommendations': true,
    'git.enabled': false,
    'editor.fontFamily': "'DejaVu Sans Mono', monospace",
    'editor.cursorBlinking': 'solid',
    'files.simpleDialog.enable': true,
    // what pops up under the pointer by itself would cover what is to be clicked
    'workbench.hover.delay': 10_000,
    'editor.hover.delay': 10_000,
    'files.autoSave': 'off', // a browser's default is otherwise
    ...own,
  };
}

/** Older versions call the modern ones so. */
const PREFIX = process.env.VSCODE_VERSION === 'oldest' ? 'Default ' : '';

/** The themes every picture is judged in: VS Code's id of the theme and the class it puts on the workbench. */
export const themes = {
  dark: { id: `${PREFIX}Dark Modern`, workbenchClass: 'vscode-theme-defaults-themes-dark_modern-json' },
  light: { id: `${PREFIX}Light Modern`, workbenchClass: 'vscode-theme-defaults-themes-light_modern-json' },
  'hc-dark': { id: 'Default High Contrast', workbenchClass: 'vscode-theme-defaults-themes-hc_black-json' },
  'hc-light': {
    id: 'Default High Contrast Light',
    workbenchClass: 'vscode-theme-defaults-themes-hc_light-json',
  },
} as const;

export type Theme = keyof typeof themes;

export const themeNames = Object.keys(themes) as Theme[];

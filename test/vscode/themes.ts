/** The themes every picture is judged in: VS Code's id of the theme and the class it puts on the workbench. */
export const themes = {
  dark: { id: 'Dark Modern', workbenchClass: 'vscode-theme-defaults-themes-dark_modern-json' },
  light: { id: 'Light Modern', workbenchClass: 'vscode-theme-defaults-themes-light_modern-json' },
  'hc-dark': { id: 'Default High Contrast', workbenchClass: 'vscode-theme-defaults-themes-hc_black-json' },
  'hc-light': {
    id: 'Default High Contrast Light',
    workbenchClass: 'vscode-theme-defaults-themes-hc_light-json',
  },
} as const;

export type Theme = keyof typeof themes;

export const themeNames = Object.keys(themes) as Theme[];

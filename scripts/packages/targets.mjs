/** Platforms that a VSIX is made for; src/features/platform.ts refuses the others. */
export const TARGETS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

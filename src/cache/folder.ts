import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where programs without an editor keep their cache: OMPQ_CACHE_DIR, or what the platform prescribes. */
export function userCacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home = homedir(),
): string {
  if (env.OMPQ_CACHE_DIR) return env.OMPQ_CACHE_DIR;
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'ompq', 'cache');
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'ompq');
  // XDG: a path that is not absolute is to be ignored.
  const xdg = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(home, '.cache');
  return join(xdg, 'ompq');
}

/** How a config's name ends. */
export const CONFIG_SUFFIX = '.ompq.json';

/** What the page's own menu copies of the config as it is written: commands of the CLI, and formats of other tools. */
import { FORMATS } from '../../interop/formats/formats';
import { COMMANDS } from '../../pipeline/commandLine';
import { commandId, commandTitle } from '../copyAs';

/** Texts only; CSV is among the page's own. */
const COPIED = FORMATS.filter(({ id, suffix }) => id !== 'csv' && !suffix.endsWith('.npy'));

export const COPY_FORMATS = [
  ...COMMANDS.map((name) => ({ id: commandId(name), label: commandTitle(name) })),
  ...COPIED.map(({ id, title }) => ({ id, label: title })),
];

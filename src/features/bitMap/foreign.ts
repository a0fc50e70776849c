/** The config in another tool's format: the formats that the page's own menu lists. */
import { FORMATS } from '../../interop/formats/formats';

/** Texts only; CSV is among the page's own. */
const COPIED = FORMATS.filter(({ id, suffix }) => id !== 'csv' && !suffix.endsWith('.npy'));

export const COPY_FORMATS = COPIED.map(({ id, title }) => ({ id, label: title }));

/** Looks through a folder for what could be calibration data. Loads nothing native and reads no file's content. */
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, relative, sep } from 'node:path';
import { compareText, isPicture } from './inputs/walk';

export interface DataCandidate {
  path: string;
  kind: 'images' | 'npz' | 'npy' | 'testSets';
  /** "256 images", "500 images in 10 class folders", "12.5 MB". */
  description: string;
  /** Pictures or test sets; null for arrays, which are not opened. */
  count: number | null;
  labelled: boolean;
  /** Offered as a part of the folder above, too. */
  sibling?: true;
}

/** Bounds of the walk, so that a home folder opened by mistake costs no more than a moment. */
const MAX_FOLDERS = 3000;
const MAX_ENTRIES = 200_000;
const MAX_DEPTH = 6;
/** Fewer pictures than this are icons or screenshots. */
const MIN_PICTURES = 8;
const MAX_CANDIDATES = 30;
/** Up to so many folders of pictures beside each other may as well be data sets as classes: each is offered, too. */
const FEW_CLASSES = 4;

const SKIPPED = new Set([
  'node_modules',
  '__pycache__',
  'site-packages',
  'venv',
  'env',
  'dist',
  'build',
  'out',
  'target',
]);
/** Folders whose pictures illustrate something. */
const DECORATION = /^(docs?|media|icons?|assets|figures?|screenshots?|public|static|resources?)$/i;

interface Folder {
  path: string;
  depth: number;
  pictures: number;
  subfolders: Folder[];
  arrays: string[];
  /** One of the classes of the folder above. */
  isClass: boolean;
  /** One of many classes: its pictures are offered as those of the folder above only. */
  claimed: boolean;
}

/** What the model takes; absent: everything is offered. */
export interface Wanted {
  pictures: boolean;
}

/**
 * Candidates under `root`, likeliest first: names that speak of calibration, then validation and test data, unlabelled
 * before labelled, near before deep. Folders that cannot be read are passed over.
 * @param wanted where pictures are, arrays come after them; where they are not, pictures are left out
 */
export async function findCalibrationData(root: string, wanted?: Wanted): Promise<DataCandidate[]> {
  const folders = await walk(root);
  const found: DataCandidate[] = [];
  for (const folder of folders) {
    const sets = folder.subfolders.filter((child) => /^test_data(_set)?_\d+$/.test(basename(child.path)));
    if (sets.length > 0) {
      const description = `${sets.length} ONNX test ${sets.length === 1 ? 'set' : 'sets'}`;
      found.push({ path: folder.path, kind: 'testSets', description, count: sets.length, labelled: false });
    }
    const pictures = wanted?.pictures === false ? null : pictureCandidate(folder);
    if (pictures) found.push(pictures);
    for (const path of folder.arrays) {
      const kind = extname(path).toLowerCase() === '.npz' ? 'npz' : 'npy';
      const size = await stat(path).catch(() => null);
      if (!size) continue;
      found.push({ path, kind, description: megabytes(size.size), count: null, labelled: false });
    }
  }
  return found
    .map((candidate) => ({ candidate, rank: rank(root, candidate, wanted) }))
    .sort((a, b) => a.rank - b.rank || compareText(a.candidate.path, b.candidate.path))
    .slice(0, MAX_CANDIDATES)
    .map(({ candidate }) => candidate);
}

function pictureCandidate(folder: Folder): DataCandidate | null {
  const classes = folder.subfolders.filter((child) => child.pictures > 0);
  const inClasses = classes.reduce((sum, child) => sum + child.pictures, 0);
  if (
    folder.pictures === 0 &&
    classes.length >= 2 &&
    classes.every(looksLikeClass) &&
    inClasses >= MIN_PICTURES
  ) {
    for (const child of classes) {
      child.isClass = true;
      child.claimed = classes.length > FEW_CLASSES;
    }
    const description = `${inClasses} images in ${classes.length} class folders`;
    return { path: folder.path, kind: 'images', description, count: inClasses, labelled: true };
  }
  if (folder.claimed || folder.pictures < MIN_PICTURES) return null;
  const { path, pictures, isClass } = folder;
  const description = `${pictures} images`;
  return {
    path,
    kind: 'images',
    description,
    count: pictures,
    labelled: false,
    ...(isClass ? { sibling: true } : {}),
  };
}

/** Not "train" and "test", and not a folder with parts of its own. */
function looksLikeClass(folder: Folder): boolean {
  const name = basename(folder.path);
  return (
    folder.subfolders.length === 0 &&
    !/^(train|val|valid|test|calib|images)/i.test(name) &&
    !DECORATION.test(name)
  );
}

/** Breadth first, so that what is near is seen before the bounds are reached; parents come before children. */
async function walk(root: string): Promise<Folder[]> {
  const make = (path: string, depth: number): Folder => ({
    path,
    depth,
    pictures: 0,
    subfolders: [],
    arrays: [],
    isClass: false,
    claimed: false,
  });
  const folders = [make(root, 0)];
  let entriesSeen = 0;
  for (let i = 0; i < folders.length && entriesSeen < MAX_ENTRIES; i++) {
    const folder = folders[i];
    const entries = await readdir(folder.path, { withFileTypes: true }).catch(() => []);
    entriesSeen += entries.length;
    entries.sort((a, b) => compareText(a.name, b.name));
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder.path, entry.name);
      if (entry.isDirectory()) {
        if (
          SKIPPED.has(entry.name.toLowerCase()) ||
          folder.depth >= MAX_DEPTH ||
          folders.length >= MAX_FOLDERS
        )
          continue;
        const child = make(path, folder.depth + 1);
        folder.subfolders.push(child);
        folders.push(child);
      } else if (entry.isFile()) {
        if (isPicture(entry.name)) folder.pictures++;
        else if (/\.np[yz]$/i.test(entry.name)) folder.arrays.push(path);
      }
    }
  }
  return folders;
}

/** Lower is likelier. */
function rank(root: string, { path, kind, labelled, sibling }: DataCandidate, wanted?: Wanted): number {
  const parts = relative(root, path).split(sep);
  const name = parts.join('/');
  const spoken = /calib/i.test(name) ? 0 : /\b(val|valid|validation|test|eval)/i.test(name) ? 10 : 20;
  const decoration = kind === 'images' && parts.some((part) => DECORATION.test(part)) ? 40 : 0;
  const unfit = wanted?.pictures && (kind === 'npy' || kind === 'npz') ? 6 : 0;
  return spoken + decoration + unfit + (labelled || sibling ? 5 : 0) + Math.min(parts.length, 4);
}

function megabytes(bytes: number): string {
  return bytes < 1e5 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

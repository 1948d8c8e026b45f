/**
 * Which files a job may name. On the server's disk: those of one folder that the operator chose for the
 * user, else none. On the machine that runs the job: anything, as the job can open it there anyway.
 */
import { posix } from 'node:path';
import { refused, type Source } from './source.js';

export interface FileRules {
  /** The user's folder on the submit host; undefined: no file there may be named. */
  readonly directory: string | undefined;
  /** Programs of the submit host that may be sent along: absolute paths, `*` for any part of a name. */
  readonly executables: readonly string[];
}

/** The commands of one job that are about files: expanded, checked, absolute. */
export type Commands = Map<string, string>;
export type SourceOf = (command: string) => Source;

export function checkFiles(commands: Commands, rules: FileRules, sourceOf: SourceOf): void {
  const { directory } = rules;
  const initial = commands.get('initialdir');
  const folder =
    initial === undefined ? directory : inside(initial, directory, rules, sourceOf('initialdir'));
  commands.set('initialdir', folder ?? '/');
  checkUniverse(commands, sourceOf);
  checkProgram(commands, folder, rules, sourceOf);
  for (const command of ['input', 'output', 'error', 'log']) {
    const path = commands.get(command);
    if (path === undefined || path === '/dev/null') continue;
    commands.set(command, inside(path, folder, rules, sourceOf(command)));
  }
  const inputs = commands.get('transfer_input_files');
  if (inputs !== undefined) {
    const source = sourceOf('transfer_input_files');
    const parts = inputs.split(',').map((part) => part.trim());
    commands.set(
      'transfer_input_files',
      parts.map((part) => (isUrl(part) ? part : inside(part, folder, rules, source))).join(', '),
    );
  }
  checkOutput(commands, folder, rules, sourceOf);
}

const universes = ['vanilla', 'docker', 'container'];

function checkUniverse(commands: Commands, sourceOf: SourceOf): void {
  const universe = commands.get('universe')?.toLowerCase();
  if (universe === undefined || universes.includes(universe)) return;
  throw refused(
    'FORBIDDEN',
    sourceOf('universe'),
    `asks for the universe ${JSON.stringify(universe.slice(0, 40))}; offered are ${universes.join(', ')}: the others run on the submit host or elsewhere.`,
  );
}

/** What runs is a path on the machine that runs it, unless it may be sent along from here. */
function checkProgram(
  commands: Commands,
  folder: string | undefined,
  rules: FileRules,
  sourceOf: SourceOf,
): void {
  const image = commands.get('container_image');
  if (image !== undefined && !/^(docker|oras):\/\/\S+$/.test(image) && !isUrl(image)) {
    const source = sourceOf('container_image');
    if (posix.isAbsolute(image) && !isBelow(image, rules.directory)) {
      checkPath(image, source);
      commands.set('transfer_container', 'false');
    } else commands.set('container_image', inside(image, folder, rules, source));
  }
  const program = commands.get('executable');
  const sends = /^(true|yes|t|y|1)$/i.test(commands.get('transfer_executable') ?? 'true');
  if (program === undefined) {
    const universe = commands.get('universe')?.toLowerCase();
    if (image !== undefined || universe === 'docker' || universe === 'container') return;
    const whole: Source = { path: [], place: 'The submission' };
    throw refused('BAD_USER_INPUT', whole, 'names no executable.');
  }
  const source = sourceOf('executable');
  checkPath(program, source);
  const path =
    posix.isAbsolute(program) || !sends ? program : inside(program, folder, rules, source);
  const allowed =
    isBelow(path, rules.directory) || rules.executables.some((one) => fits(path, one));
  if (!posix.isAbsolute(path)) {
    throw refused(
      'FORBIDDEN',
      source,
      'has to be an absolute path on the machine that runs the job.',
    );
  }
  commands.set('executable', path);
  commands.set('transfer_executable', String(sends && allowed));
}

function checkOutput(
  commands: Commands,
  folder: string | undefined,
  rules: FileRules,
  sourceOf: SourceOf,
): void {
  const destination = commands.get('output_destination');
  if (destination !== undefined && !isUrl(destination)) {
    throw refused(
      'FORBIDDEN',
      sourceOf('output_destination'),
      `is no URL of ${schemes.join(', ')}.`,
    );
  }
  const outputs = commands.get('transfer_output_files');
  const source = sourceOf('transfer_output_files');
  for (const part of outputs?.split(',').map((name) => name.trim()) ?? []) {
    if (part === '' || part === '""') continue;
    checkPath(part, source);
    if (posix.isAbsolute(part)) throw refused('FORBIDDEN', source, 'names a file outside the job.');
  }
  const remaps = commands.get('transfer_output_remaps');
  if (remaps !== undefined) {
    commands.set(
      'transfer_output_remaps',
      remapped(remaps, folder, rules, sourceOf('transfer_output_remaps')),
    );
  }
  if (folder === undefined) {
    const named = outputs !== undefined && outputs !== '' && outputs !== '""';
    if (named && destination === undefined && remaps === undefined) {
      throw refused('FORBIDDEN', source, noDirectory);
    }
    // With a folder that is not the user's a job that leaves files behind would be held.
    if (destination === undefined && !named) commands.set('transfer_output_files', '""');
    const transfers = commands.get('should_transfer_files');
    if (transfers !== undefined && !/^(yes|true)$/i.test(transfers)) {
      throw refused('FORBIDDEN', sourceOf('should_transfer_files'), `has to be YES: ${noFolder}.`);
    }
  }
  if (!commands.has('should_transfer_files')) commands.set('should_transfer_files', 'YES');
}

function remapped(
  text: string,
  folder: string | undefined,
  rules: FileRules,
  source: Source,
): string {
  const inner = /^"([^"]*)"$/.exec(text)?.[1] ?? text;
  if (/["\\]/.test(inner)) throw refused('FORBIDDEN', source, 'may hold no quotes or backslashes.');
  const pairs = inner
    .split(';')
    .filter((pair) => pair.trim() !== '')
    .map((pair) => {
      const [name = '', target = '', ...more] = pair.split('=').map((part) => part.trim());
      if (name === '' || target === '' || (more.length > 0 && !isUrl(target))) {
        throw refused('BAD_USER_INPUT', source, 'is not `name = place; name = place`.');
      }
      const place = [target, ...more].join('=');
      return `${name} = ${isUrl(place) ? place : inside(place, folder, rules, source)}`;
    });
  return `"${pairs.join('; ')}"`;
}

const schemes = [
  'https',
  'http',
  'ftp',
  'osdf',
  'pelican',
  'stash',
  'davs',
  'dav',
  'roots',
  'root',
];
const url = new RegExp(`^(${schemes.join('|')})://[^\\s,;"'\\\\]+$`, 'i');

/** Fetched by the machine that runs the job: no file of the server, `file:` least of all. */
const isUrl = (text: string): boolean => url.test(text);

const noFolder = 'no folder of the submit host is set up for jobs (`submitDirectory`)';
const noDirectory = `names a file on the submit host, but ${noFolder}.`;

/** The absolute path below the user's folder. */
function inside(
  path: string,
  folder: string | undefined,
  { directory }: FileRules,
  source: Source,
): string {
  checkPath(path, source);
  if (directory === undefined) throw refused('FORBIDDEN', source, noDirectory);
  const full = posix.resolve(folder ?? directory, path);
  if (!isBelow(full, directory)) {
    throw refused(
      'FORBIDDEN',
      source,
      `names a file outside ${directory}: only files there may be named.`,
    );
  }
  // A folder with a slash at its end means its contents.
  return path.endsWith('/') && full !== '/' ? `${full}/` : full;
}

const isBelow = (path: string, directory: string | undefined): boolean =>
  directory !== undefined &&
  (path === directory || path.startsWith(`${directory.replace(/\/$/, '')}/`));

/** No way up, and nothing that a list of files, a remap or a line would read as its own. */
function checkPath(path: string, source: Source): void {
  if (path === '') throw refused('BAD_USER_INPUT', source, 'names an empty path.');
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) {
    throw refused(
      'FORBIDDEN',
      source,
      `names ${JSON.stringify(path.slice(0, 80))}; URLs may be of ${schemes.join(', ')}.`,
    );
  }
  if (path.split('/').includes('..'))
    throw refused('FORBIDDEN', source, 'may not lead upwards (`..`).');
  if (/["'\\;|<>`\n\r]|^[~\s]|\s$/.test(path) || /\$(?!\((ProcId|ClusterId|Step)\))/.test(path)) {
    throw refused(
      'FORBIDDEN',
      source,
      `names ${JSON.stringify(path.slice(0, 80))}: not a plain path.`,
    );
  }
}

/** `*` stands for any part of one name, never for a slash. */
const fits = (path: string, pattern: string): boolean => {
  const text = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
  return new RegExp(`^${text}$`).test(path);
};

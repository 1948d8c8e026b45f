/** The program itself, as a child process, for tests of its command line and its signals. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const loader = import.meta.resolve('tsx');
// tsx looks for it in the working folder, which is not this project's.
const tsconfig = fileURLToPath(new URL('../../tsconfig.json', import.meta.url));

export interface Program extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Resolves with the exit code once the program has ended and its output is complete. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  stdout(): string;
  stderr(): string;
  /** Resolves once stdout matches; rejects when the program ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

export function run(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  cwd?: string,
): Program {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HTC_GRAPH_'));
  const child = spawn(process.execPath, ['--import', loader, main, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), TSX_TSCONFIG_PATH: tsconfig, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  const waiting = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    waiting.forEach((look) => look());
  });
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  );
  return {
    child,
    exited,
    stdout: () => out,
    stderr: () => err,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(out);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
        void exited.then(() => reject(new Error(`The program ended.\n${out}\n${err}`)));
      }),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

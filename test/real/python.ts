/** The installed Python with the module that the client of docs/streams.md takes. */
import { execFileSync } from 'node:child_process';
import { findProgram } from './program.js';

export interface RealPython {
  readonly program: string;
}

/** Debian's own comes first: another one has not the modules that its packages bring. */
export function findPython(): RealPython | string {
  const found = ['/usr/bin/python3', findProgram('python3')];
  const program = found.find((path) => path !== undefined && hasWebSockets(path));
  return program === undefined
    ? 'no python3 with the module websockets (scripts/setup installs it)'
    : { program };
}

function hasWebSockets(path: string): boolean {
  try {
    execFileSync(path, ['-c', 'import websockets'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

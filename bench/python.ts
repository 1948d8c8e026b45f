/** HTCondor's Python bindings in the pool, as htcondor-restd uses them: one process that stays, asked line by line. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import { NotRun, type LoadedPool } from './bench.js';

/** Fetches the projection of every job, groups the ads by the first attribute, and makes the JSON text of it. */
const program = `
import json, sys
try:
    import htcondor2 as htcondor, classad2 as classad
except ImportError:
    import htcondor, classad
schedd = htcondor.Schedd()
print("ready", flush=True)
for line in sys.stdin:
    by, *rest = line.split()
    groups = {}
    for ad in schedd.query(projection=[by, *rest]):
        row = {name.lower(): ad[name] for name in ad}
        groups.setdefault(str(row.get(by.lower())), []).append(row)
    print(len(json.dumps(groups, default=str)), flush=True)
`;

export class Bindings {
  private constructor(
    private readonly process: ChildProcessByStdio<Writable, Readable, null>,
    private readonly lines: AsyncIterator<string>,
  ) {}

  static async start({ dir }: LoadedPool): Promise<Bindings> {
    const child = spawn('chroot', [dir, 'python3', '-c', program], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first: IteratorResult<string, unknown> = await lines.next();
    if (first.value !== 'ready')
      throw new NotRun("the pool's HTCondor comes without its Python bindings");
    return new Bindings(child, lines);
  }

  /** Bytes of the JSON text: an answer that misses jobs would be quick for the wrong reason. */
  async group(by: string, ...projection: readonly string[]): Promise<number> {
    this.process.stdin.write(`${[by, ...projection].join(' ')}\n`);
    return Number((await this.lines.next()).value);
  }

  stop(): void {
    this.process.stdin.end();
  }
}

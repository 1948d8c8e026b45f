/** HTCondor's Python bindings in the pool, as htcondor-restd uses them: one process that stays, asked line by line. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import { NotRun, type LoadedPool } from './bench.js';

/**
 * What `grouped_jobs` of htcondor-restd does with a projection, without its HTTP: the ids are fetched as well, each ad is
 * printed, read and given small letters, gets its job id, and all become JSON text by the attribute.
 */
const program = `
import json, sys
try:
    import htcondor2 as htcondor
except ImportError:
    import htcondor
def lower(value):
    if isinstance(value, dict):
        return {k.lower(): lower(v) for k, v in value.items()}
    return [lower(v) for v in value] if isinstance(value, list) else value
print("ready", flush=True)
for line in sys.stdin:
    by, *rest = line.lower().split()
    wanted = [*rest, by]
    groups = {}
    ads = htcondor.Schedd().query("true", projection=list({"clusterid", "procid", *wanted}))
    for ad in [lower(json.loads(ad.printJson())) for ad in ads]:
        jobid = "%(clusterid)s.%(procid)s" % ad
        for key in "clusterid", "procid":
            if key not in wanted:
                del ad[key]
        if ad.get(by) is not None:
            groups.setdefault(ad[by], []).append(dict(classad=ad, jobid=jobid))
    print(len(json.dumps(groups)), flush=True)
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

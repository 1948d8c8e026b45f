/** The other end of `child.ts`: loads the module, starts it and answers until it is told to stop. */
import { forProduction } from '../src/server/production.js';
import type { Start, Started } from './child.js';

interface Message {
  readonly settings?: object;
  readonly question?: string;
}

/** Set for our own servers, which load their libraries as the program does; peers load theirs as NODE_ENV says. */
const loadsForProduction = process.argv[3] === 'production';

let started: Started | undefined;

/** What is in use, garbage that waits for its collection included: from `watch` to `grown`. */
const memory = {
  timer: undefined as NodeJS.Timeout | undefined,
  before: 0,
  peak: 0,
  used(): number {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
  watch(): void {
    globalThis.gc?.();
    this.before = this.peak = this.used();
    this.timer = setInterval(() => {
      this.peak = Math.max(this.peak, this.used());
    }, 10);
  },
  grown(): number {
    clearInterval(this.timer);
    return (this.peak - this.before) / 2 ** 20;
  },
};

async function answer({ settings, question }: Message): Promise<unknown> {
  if (settings !== undefined) {
    const path = `./servers/${process.argv[2]}.ts`;
    const load = async () => (await import(path)) as { readonly start: Start<object> };
    const { start } = await (loadsForProduction ? forProduction(load) : load());
    started = await start(settings);
    return { url: started.url };
  }
  if (question === 'stop') return end();
  if (question === 'watch') return memory.watch();
  if (question === 'grown') return memory.grown();
  const known = question === undefined ? undefined : started?.answers?.[question];
  if (!known) throw new Error(`The child has no answer to "${question}".`);
  return known();
}

async function end(): Promise<void> {
  await started?.stop();
  process.disconnect();
  process.exit(0);
}

process.on('message', (message: Message) => {
  answer(message).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

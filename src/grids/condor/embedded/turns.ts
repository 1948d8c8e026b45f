/** Work that may take long, done in short turns: between them requests are answered. */
import type { Clock } from '../../../streams/clock.js';

/** Milliseconds of one turn. */
const turnMs = 20;

export class Turns {
  #work: Iterator<void> | undefined;
  #asked = false;
  #stopped = false;
  #cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly begin: () => Iterator<void>,
  ) {}

  /** The work is begun shortly; once for all that ask until then, once more for who asks while it goes on. */
  ask(): void {
    this.#asked = true;
    this.#next();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #next(): void {
    if (this.#stopped) return;
    this.#cancel ??= this.clock.after(0, () => {
      this.#cancel = undefined;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#work === undefined) this.#asked = false;
    const work = (this.#work ??= this.begin());
    const endMs = performance.now() + turnMs;
    let done = false;
    while (!done && performance.now() < endMs) done = work.next().done === true;
    if (done) this.#work = undefined;
    if (!done || this.#asked) this.#next();
  }
}

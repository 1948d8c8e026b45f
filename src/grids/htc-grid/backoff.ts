/** Asks again and again, later each time, until there is an answer or the rounds are used up. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Backoff {
  readonly rounds: number;
  /** The first pause; each further one is twice as long, up to `mostMs`, with jitter below it. */
  readonly firstMs: number;
  readonly mostMs: number;
}

export async function backoff<T>(
  { rounds, firstMs, mostMs }: Backoff,
  signal: AbortSignal | undefined,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (let round = 0; round < rounds; round++) {
    if (round > 0) {
      const pause = Math.min(mostMs, firstMs * 2 ** (round - 1));
      await sleep(
        pause * (0.5 + Math.random() / 2),
        undefined,
        signal === undefined ? {} : { signal },
      );
    }
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/**
 * The Python connector's wait for a session, in its order: ask the gateway for everything that has ended, be done when it is as
 * many as were submitted, sleep, ask again. Its own `get_results` tells nothing before the last of them; this one looks at
 * each answer.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { now } from './raw-subscribers.js';

/** The interval of the connector in the comparison; its shipped configuration asks twice as often. */
const intervalMs = 1000;
const apiKey = 'the-api-key';

interface Results {
  readonly finished: readonly string[];
  readonly metadata: { readonly tasks_in_response: number };
}

/** When an answer was the first to have each task. */
export async function pollResults(
  gateway: string,
  session: string,
  tasks: number,
): Promise<ReadonlyMap<string, number>> {
  const request = JSON.stringify({ session_id: session });
  // Python's encoder: the alphabet for URLs, and padded.
  const content = Buffer.from(request).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  const url = `${gateway}/result?submission_content=${encodeURIComponent(content)}`;
  const told = new Map<string, number>();
  for (;;) {
    const response = await fetch(url, { headers: { 'x-api-key': apiKey } });
    if (!response.ok) throw new Error(`The gateway answered ${String(response.status)}.`);
    const { finished, metadata } = (await response.json()) as Results;
    const at = now();
    for (const id of finished) if (!told.has(id)) told.set(id, at);
    if (metadata.tasks_in_response === tasks) return told;
    await pause(intervalMs);
  }
}

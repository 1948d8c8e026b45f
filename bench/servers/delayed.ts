/** The distance of a network in a process of its own: what it costs falls on neither side. */
import type { Started } from '../child.js';
import { delayed } from '../delayed.js';

export async function start(settings: {
  readonly to: number;
  readonly delayMs: number;
}): Promise<Started> {
  const far = await delayed(settings.to, settings.delayMs);
  return { url: String(far.port), stop: () => far.stop() };
}

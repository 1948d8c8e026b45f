/** Answers to submissions that came with an idempotency key: the same again gets the same answer. */
import { createHash } from 'node:crypto';
import { InputError } from '../../action.js';
import type { SubmitJobs, SubmittedJobs } from '../../job-actions.js';
import { checkKey } from '../actions/submit.js';

interface Answer {
  readonly input: string;
  readonly answer: SubmittedJobs;
}

/** Keys that are remembered; the oldest go first. */
const limit = 1000;

export class Answers {
  readonly #byKey = new Map<string, Answer>();

  /** The earlier answer; IDEMPOTENCY_CONFLICT where the key came with another input. */
  find(request: SubmitJobs): SubmittedJobs | undefined {
    const key = keyOf(request);
    const earlier = key === undefined ? undefined : this.#byKey.get(key);
    if (earlier === undefined || earlier.input === inputOf(request)) return earlier?.answer;
    throw new InputError(
      'IDEMPOTENCY_CONFLICT',
      `The idempotencyKey ${JSON.stringify(request.idempotencyKey)} was used with other input. Take another key for another submission.`,
      ['idempotencyKey'],
    );
  }

  remember(request: SubmitJobs, answer: SubmittedJobs): void {
    const key = keyOf(request);
    if (key === undefined) return;
    this.#byKey.set(key, { input: inputOf(request), answer });
    const [oldest] = this.#byKey.size > limit ? this.#byKey.keys() : [];
    if (oldest !== undefined) this.#byKey.delete(oldest);
  }
}

/** A key is the caller's own. */
function keyOf({ idempotencyKey, actor }: SubmitJobs): string | undefined {
  if (idempotencyKey === undefined) return undefined;
  checkKey(idempotencyKey);
  return JSON.stringify([actor.identity, idempotencyKey]);
}

const inputOf = ({ schedd, description, attributes, items, count }: SubmitJobs): string =>
  createHash('sha256')
    .update(JSON.stringify([schedd, description, attributes, items, count]))
    .digest('base64');

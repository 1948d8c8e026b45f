/** A submission to the embedded pool: each of its jobs as attributes. */
import { InputError } from '../../action.js';
import type { PlannedSubmission } from '../submit/index.js';
import type { Attributes } from './attributes.js';
import { jobAttributes, type Submitter } from './submit.js';

/** Characters of all commands of all jobs: each is read in this process, and kept while the job is. */
const maxText = 8 * 1024 * 1024;

/** One job an item, `count` times, in that order. `clusterId` is the number that they are going to have. */
export function jobsOf(
  { items, count }: PlannedSubmission,
  clusterId: number,
  submitter: Submitter,
): readonly Attributes[] {
  checkText(items, count);
  const total = items.length * count;
  return items.flatMap((item, index) => {
    const jobAt = (step: number): Attributes => {
      const numbers = { ProcId: index * count + step, ClusterId: clusterId, Step: step };
      const commands = [...item].map(
        ([name, text]) => [name, withNumbers(name, text, numbers)] as const,
      );
      return jobAttributes(new Map(commands), submitter, total);
    };
    const first = jobAt(0);
    const differ = [...item.values()].some((text) => text.includes('$('));
    return Array.from({ length: count }, (_, step) => (differ && step > 0 ? jobAt(step) : first));
  });
}

function checkText(items: PlannedSubmission['items'], count: number): void {
  let text = 0;
  for (const item of items) for (const value of item.values()) text += value.length * count;
  if (text <= maxText) return;
  throw new InputError(
    'LIMIT_EXCEEDED',
    `The commands of all jobs have ${text} characters together; the embedded pool takes ${maxText} at once. Submit fewer jobs, or shorter ones.`,
    [],
  );
}

type Numbers = Readonly<Record<'ProcId' | 'ClusterId' | 'Step', number>>;

function withNumbers(command: string, text: string, numbers: Numbers): string {
  if (text.includes('$$(')) {
    throw new InputError(
      'BAD_USER_INPUT',
      `${command} uses $$(…), which the embedded pool does not fill in.`,
      [],
    );
  }
  return text.replaceAll(/\$\((ProcId|ClusterId|Step)\)/g, (_all, name: keyof Numbers) =>
    String(numbers[name]),
  );
}

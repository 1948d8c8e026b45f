/** The settings of acting on a pool's jobs: off, or on with an identity that is said. */
import { z } from 'zod';

const account = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'expected the name of an account')
  .refine((name) => name !== 'root', 'expected another account than root');
const path = z
  .string()
  .regex(
    /^\/(?!.*(?:^|\/)\.\.(?:\/|$))[^"'\\;,|<>`$\n]*$/,
    'expected an absolute path without "..", quotes and the like',
  );

const actAs = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('gateway') }),
    z.strictObject({ kind: z.literal('tokens'), directory: path, adminAs: account.optional() }),
    z.strictObject({
      kind: z.literal('prefix'),
      argv: z
        .array(z.string().min(1))
        .min(1)
        .refine(
          (words) => words.some((word) => word.includes('{user}')),
          'expected words with {user} among them',
        ),
      via: z.enum(['exec', 'ssh']).optional(),
      adminAs: account.optional(),
    }),
  ],
  { error: 'expected an object whose kind is "gateway", "tokens" or "prefix"' },
);

/** Keys of an `HTCONDOR` entry. */
export const poolActions = {
  allowActions: z.boolean().optional(),
  actAs: actAs.optional(),
  submitDirectory: path.optional(),
  allowedExecutables: z.array(path).optional(),
  maxSubmittedJobs: z.int().min(1).max(100_000).optional(),
};

type PoolActions = z.output<z.ZodObject<typeof poolActions>>;

/** What only several keys together can get wrong. */
export function checkPoolActions(settings: PoolActions, context: z.RefinementCtx): void {
  const wrong = (key: keyof PoolActions, message: string): void =>
    context.addIssue({ code: 'custom', path: [key], message });
  const { allowActions, actAs: identity, submitDirectory } = settings;
  if (allowActions === true && identity === undefined) {
    wrong('actAs', 'expected with allowActions: whose account acts');
  }
  if (submitDirectory === undefined || identity === undefined) return;
  if ((identity.kind === 'gateway') === submitDirectory.includes('{user}')) {
    wrong(
      'submitDirectory',
      identity.kind === 'gateway'
        ? 'expected a path without {user}, as everybody acts as one account'
        : 'expected a path with {user}: a folder for each account',
    );
  }
}

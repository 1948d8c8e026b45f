/** An entry of the session registry as text: what is read was written by this server, or a replica of it. */
import { z } from 'zod';
import type { SessionEntry } from './registry.js';

const entryShape = z.object({
  session: z.string().min(1),
  owner: z.string(),
  expected: z.int().min(0),
  accepted: z.int().min(0),
  state: z.enum(['SUBMITTING', 'SUBMITTED', 'FAILED']),
  submittedAt: z.number(),
  priority: z.int(),
  error: z
    .object({ code: z.string(), message: z.string(), path: z.array(z.string()).nullable() })
    .nullable(),
  idempotency: z.object({ key: z.string(), inputHash: z.string() }).nullable(),
  stored: z.boolean().optional(),
  sending: z.object({ first: z.int().min(0), tasks: z.int().min(1), at: z.number() }).optional(),
});

export function parseEntry(text: string): SessionEntry | undefined {
  try {
    return entryShape.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Expressions of clients that become part of a job: parsed, and refused where they name what is hidden. */
import {
  attributeRefs,
  ClassAdPrintError,
  ClassAdSyntaxError,
  parseExpression,
  print,
  reachesUnnamed,
  type Expr,
} from '../../../classad/index.js';
import type { HiddenNames } from '../hidden.js';
import { refused, type Source } from './source.js';

/** The expression as the commands read it: in the old syntax, where a backslash is one. */
export function checkedExpression(text: string, hidden: HiddenNames, source: Source): string {
  const expr = parsed(text, source);
  const named = attributeRefs(expr).map((ref) => hidden.behind(ref.name));
  const name = named.find((behind) => behind !== undefined);
  if (name !== undefined) throw refused('FORBIDDEN', source, `leads to ${name}, which is hidden.`);
  const unnamed = reachesUnnamed(expr);
  if (unnamed !== null) throw refused('FORBIDDEN', source, `can reach what is hidden: ${unnamed}.`);
  try {
    return print(expr, { syntax: 'old' });
  } catch (error) {
    if (!(error instanceof ClassAdPrintError)) throw error;
    throw refused('BAD_USER_INPUT', source, `can't be written down. ${error.message}`);
  }
}

/** Commands that become expressions of the job: HTCondor evaluates them, and shows what some come to. */
const evaluated =
  /^(allowed_\w+|deferral_\w+|job_lease_duration|job_max_vacate_time|keep_claim_idle|leave_in_queue|max_job_retirement_time|next_job_start_delay|on_exit_\w+|periodic_\w+|priority|rank|request_\w+|require_\w+|requirements|retry_until)$/;

/** An attribute, or a command that becomes an expression of the job. */
export const isExpression = (command: string): boolean =>
  command.startsWith('+') || evaluated.test(command);

/** Numbers of jobs, `$(ProcId)`, and attributes of a machine, `$$(Memory)`, are filled in later. */
const filledIn = /\$\((?:ProcId|ClusterId|Step)\)|\$\$\([^$()]*\)/g;

/** `4 GB`: condor_submit's own to read. */
const amount = /^\d+(\.\d+)?\s*[A-Za-z]{1,3}$/;

/** The same for the value of a command, in which some is filled in later. */
export function checkEvaluated(text: string, hidden: HiddenNames, source: Source): void {
  const filled = text.replaceAll(filledIn, '0');
  if (!amount.test(filled)) checkedExpression(filled, hidden, source);
}

/** What the schedd copies out of the machine's ad, its secrets too: `$$(Name)`, and the names in `job_machine_attrs`. */
export function checkCopied(
  command: string,
  text: string,
  hidden: HiddenNames,
  source: Source,
): void {
  const copied = command === 'job_machine_attrs' ? [text] : (text.match(/\$\$\([^():]*/g) ?? []);
  if (copied.some((part) => hidden.namedIn(part)))
    throw refused('FORBIDDEN', source, 'names what is hidden.');
  if (/\$\$\(\s*\[/.test(text))
    throw refused('FORBIDDEN', source, 'has $$([…]), which the schedd would evaluate.');
}

function parsed(text: string, source: Source): Expr {
  try {
    return parseExpression(text, { syntax: 'old' });
  } catch (error) {
    if (!(error instanceof ClassAdSyntaxError)) throw error;
    throw refused('BAD_USER_INPUT', source, `is no ClassAd expression. ${error.message}`);
  }
}

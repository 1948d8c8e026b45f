/** HTCondor's own evaluation of expressions, as `classad_eval` does it, but many at once. */
import type { RealPool } from '../real/index.js';

export interface Question {
  /** Ads in brackets. */
  readonly my: string;
  readonly target: string;
  readonly expressions: readonly string[];
  /** `old`: as the value of an attribute in the old syntax. @default 'new' */
  readonly syntax?: 'new' | 'old';
}

export interface Answer {
  /** As HTCondor prints what it read; null where it couldn't read it. */
  readonly printed: string | null;
  /**
   * As HTCondor prints the value; lists and ads by `string()`, or null where the text can't stand in it;
   * `error` also where the evaluation failed.
   */
  readonly value: string | null;
  /** Whether the evaluation failed as a whole, which is more than that its value is `error`. */
  readonly failed?: boolean;
}

/**
 * htcondor is imported for its settings: old semantics, and the functions the library alone doesn't have. HTCondor 25
 * has the second version of both: lists and ads are no error there, and it has one exception for all.
 */
const script = String.raw`
import json, os, sys
try:
    import htcondor, classad
    Unreadable, NoText, Failed = classad.ClassAdParseError, classad.ClassAdValueError, classad.ClassAdEvaluationError
except ImportError:
    import htcondor2, classad2 as classad
    class NoText(Exception): pass
    Unreadable = Failed = classad.ClassAdException

question = json.load(sys.stdin)
my = classad.ClassAd(question['my'])
target = classad.ClassAd(question['target'])

def read(text):
    if question['syntax'] == 'new':
        return classad.ExprTree(text)
    return classad.parseOne('E = ' + text + '\n', parser=classad.Parser.Old).lookup('E')

def value(expr, text, answer):
    try:
        shown = repr(expr.simplify(my, target))
        if shown[0] in '{[':
            raise NoText()
        return shown
    except NoText:
        end = '\\n)' if question['syntax'] == 'new' else ')'
        try:
            return repr(read('string(' + text + end).simplify(my, target))
        except Unreadable:
            return None
    except Failed:
        answer['failed'] = True
        return 'error'

for text in question['expressions']:
    answer = {'printed': None, 'value': None}
    try:
        expr = read(text)
        answer['printed'] = repr(expr)
    except Exception:
        expr = None
    if expr is not None:
        answer['value'] = value(expr, text, answer)
    print(json.dumps(answer), flush=True)
`;

/** One for each expression; null where HTCondor itself crashed over it. */
export async function ask(pool: RealPool, question: Question): Promise<(Answer | null)[]> {
  const { my, target, syntax = 'new', expressions } = question;
  const answers: (Answer | null)[] = [];
  while (answers.length < expressions.length) {
    const rest = expressions.slice(answers.length);
    const input = JSON.stringify({ my, target, syntax, expressions: rest });
    const { stdout, stderr } = await pool.asUser('alice', ['python3', '-c', script], input);
    const lines = stdout.split('\n').filter((line) => line !== '');
    answers.push(...lines.map((line) => JSON.parse(line) as Answer));
    if (lines.length === rest.length) break;
    if (stderr.includes('Traceback')) throw new Error(stderr);
    answers.push(null);
  }
  return answers;
}

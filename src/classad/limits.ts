/** Bounds on what a text may ask for, each with what happens beyond it. */

export interface SyntaxLimits {
  /** Length of the text, in UTF-16 code units. Beyond it: a syntax error. @default 8192 */
  readonly maxLength: number;
  /** How deep parentheses, calls, lists, ads, operators of one operand and `? :` nest. @default 100 */
  readonly maxDepth: number;
  /** Items of one list, attributes of one ad, arguments of one call. @default 2000 */
  readonly maxItems: number;
  /** Functions that may be called, in lower case. @default all */
  readonly functions: ReadonlySet<string> | null;
}

export const defaultSyntaxLimits: SyntaxLimits = {
  maxLength: 8192,
  maxDepth: 100,
  maxItems: 2000,
  functions: null,
};

export interface EvaluationLimits {
  /** Nodes of the tree looked at in one evaluation. Beyond it: `error`. @default 100000 */
  readonly maxSteps: number;
  /**
   * Characters that functions read and make, items of lists (4 each), and steps of regular expressions. Beyond it: `error`.
   * @default 5000000
   */
  readonly maxWork: number;
  /** How deep attributes lead to attributes, so that cycles end. @default 400, as HTCondor's */
  readonly maxDepth: number;
  /** Longest string a function may make, in bytes. Beyond it: `error`. @default 1 MiB */
  readonly maxStringBytes: number;
}

export const defaultEvaluationLimits: EvaluationLimits = {
  maxSteps: 100_000,
  maxWork: 5_000_000,
  maxDepth: 400,
  maxStringBytes: 1024 * 1024,
};

/**
 * Constraints that pick many jobs by id. The schedd evaluates one per job in its queue, so the shape
 * counts: at 50,000 jobs 1,000 ids cost 13.6 s as job ids on the command line, 1.4 s as
 * `member(ProcId, {…})`, 0.22 s as a balanced tree of comparisons with short lists at its leaves, and 0.14 s
 * as a table of short lists that the proc itself points into.
 */
/** A very long expression is a danger of its own: nested ones crash a command, one over 128 KiB does not start. */
export const lengthLimitBytes = 8 * 1024;

export interface JobNumber {
  readonly clusterId: number;
  readonly procId: number;
}

export interface IdChunk<Key extends JobNumber> {
  readonly keys: readonly Key[];
  readonly constraint: string;
}

/** As few constraints under the length limit as the ids allow. */
export function idChunks<Key extends JobNumber>(keys: readonly Key[]): readonly IdChunk<Key>[] {
  if (keys.length === 0) return [];
  return split(ascending(keys));
}

/** A constraint for whole clusters; the same limit applies. */
export function clusterChunks(
  clusters: readonly number[],
): readonly { readonly clusters: readonly number[]; readonly constraint: string }[] {
  const sorted = [...new Set(clusters)].sort((a, b) => a - b);
  const perCommand = 400;
  return Array.from({ length: Math.ceil(sorted.length / perCommand) }, (_, i) => {
    const part = sorted.slice(i * perCommand, (i + 1) * perCommand);
    return { clusters: part, constraint: idOneOf('ClusterId', part) };
  });
}

function split<Key extends JobNumber>(sorted: readonly Key[]): readonly IdChunk<Key>[] {
  const constraint = constraintFor(sorted);
  if (constraint.length <= lengthLimitBytes || sorted.length < 2) {
    return [{ keys: sorted, constraint }];
  }
  const parts = Math.max(2, Math.ceil(constraint.length / lengthLimitBytes));
  const size = Math.ceil(sorted.length / parts);
  return Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) =>
    split(sorted.slice(i * size, (i + 1) * size)),
  ).flat();
}

/** The ids among these texts ("12.0"), as one constraint however long; 'false' where none is one. */
export function idConstraint(texts: readonly string[]): string {
  const keys = texts.flatMap((text) => {
    const [, cluster, proc] = /^(0|[1-9]\d{0,9})\.(0|[1-9]\d{0,9})$/.exec(text) ?? [];
    return cluster === undefined ? [] : [{ clusterId: Number(cluster), procId: Number(proc) }];
  });
  return keys.length === 0 ? 'false' : `(${constraintFor(ascending(keys))})`;
}

const ascending = <Key extends JobNumber>(keys: readonly Key[]): readonly Key[] =>
  [...keys].sort((a, b) => a.clusterId - b.clusterId || a.procId - b.procId);

/** Clusters of which the same procs are wanted share one term. */
function constraintFor(sorted: readonly JobNumber[]): string {
  const procs = new Map<number, number[]>();
  for (const { clusterId, procId } of sorted) {
    const list = procs.get(clusterId);
    if (list === undefined) procs.set(clusterId, [procId]);
    else if (list.at(-1) !== procId) list.push(procId);
  }
  const clusters = new Map<string, number[]>();
  for (const [cluster, list] of procs) {
    const text = idOneOf('ProcId', list);
    const same = clusters.get(text);
    if (same === undefined) clusters.set(text, [cluster]);
    else same.push(cluster);
  }
  const alone: Branch[] = [];
  const terms: string[] = [];
  for (const [text, list] of clusters) {
    const [first] = list;
    if (list.length === 1 && first !== undefined) {
      alone.push({ from: first, text: `ClusterId==${first}&&${text}` });
    } else terms.push(`${idOneOf('ClusterId', list)}&&${text}`);
  }
  if (alone.length > 0) terms.push(tree('ClusterId', alone, 4));
  return terms.length === 1 ? (terms[0] ?? 'false') : terms.map((term) => `(${term})`).join('||');
}

/** The attribute is one of these ascending numbers, whatever it is. */
export const oneOf = (attribute: string, numbers: readonly number[]): string =>
  `(${tree(attribute, branches(attribute, runs(numbers)), 1)})`;

/** The same for a cluster or proc, which is a whole number and never negative: single ones are looked up in a table. */
function idOneOf(attribute: 'ClusterId' | 'ProcId', numbers: readonly number[]): string {
  const all = runs(numbers);
  const singles = all.filter(isShort).flatMap(([first, last]) => numbersOf(first, last));
  if (singles.length < fewestInTable) return oneOf(attribute, numbers);
  const ranges = branches(
    attribute,
    all.filter((run) => !isShort(run)),
  );
  const table = tableOf(attribute, singles);
  return ranges.length === 0 ? `(${table})` : `((${tree(attribute, ranges, 1)})||${table})`;
}

/** Below this a list is as quick. */
const fewestInTable = 8;

/** A list of lists: one look at the attribute finds the few numbers that it may be. */
function tableOf(attribute: string, numbers: readonly number[]): string {
  // One number in a list is quickest, but many lists take too much of the length that a constraint may have.
  const lists = Array.from(
    { length: Math.ceil(numbers.length / (numbers.length > 200 ? 4 : 1)) },
    () => [] as number[],
  );
  for (const n of numbers) lists[n % lists.length]?.push(n);
  const table = lists.map((list) => `{${list.join(',')}}`).join(',');
  return `member(${attribute},{${table}}[${attribute}%${lists.length}])`;
}

type Run = readonly [first: number, last: number];

const isShort = ([first, last]: Run): boolean => last - first < 2;

const numbersOf = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

function branches(attribute: string, all: readonly Run[]): readonly Branch[] {
  const found: Branch[] = [];
  let singles: number[] = [];
  const flush = (): void => {
    const [first] = singles;
    if (first === undefined) return;
    const text =
      singles.length === 1
        ? `${attribute}==${first}`
        : `member(${attribute},{${singles.join(',')}})`;
    found.push({ from: first, text });
    singles = [];
  };
  for (const [first, last] of all) {
    if (isShort([first, last])) {
      singles.push(...numbersOf(first, last));
      if (singles.length >= leafSize) flush();
    } else {
      flush();
      found.push({ from: first, text: `${attribute}>=${first}&&${attribute}<=${last}` });
    }
  }
  flush();
  return found;
}

/** Of 4, 8, 16 and 32 ids at a leaf, 16 was the fastest that also keeps 1,000 ids under 8 KiB. */
const leafSize = 16;

/** A condition that can be true only from this number of the attribute on (and below the next branch's). */
interface Branch {
  readonly from: number;
  readonly text: string;
}

function tree(attribute: string, branches: readonly Branch[], leaf: number): string {
  if (branches.length <= leaf) {
    return branches.length === 1
      ? (branches[0]?.text ?? 'false')
      : branches.map(({ text }) => `(${text})`).join('||');
  }
  const middle = branches.length >> 1;
  const left = tree(attribute, branches.slice(0, middle), leaf);
  const right = tree(attribute, branches.slice(middle), leaf);
  return `${attribute}<${branches[middle]?.from}?(${left}):(${right})`;
}

/** Ascending numbers as runs without gaps. */
function runs(numbers: readonly number[]): readonly Run[] {
  const found: [number, number][] = [];
  for (const n of numbers) {
    const run = found.at(-1);
    if (run !== undefined && n === run[1] + 1) run[1] = n;
    else found.push([n, n]);
  }
  return found;
}

/**
 * Reads `condor_config_val -dump -verbose`: after each setting come comment lines that say where it was
 * set and what it expands to. A value of several lines is written as a here-document.
 */
export interface Setting {
  readonly name: string;
  /** Expanded. */
  readonly value: string;
  /** As it was written. */
  readonly raw: string;
  /** True where no file and no environment sets it. */
  readonly isDefault: boolean | null;
  readonly file: string | null;
  readonly line: number | null;
}

const assignment = /^([A-Za-z_][\w.$]*) (?:= ?(.*)|@=(.*))$/;

export function parseDump(text: string): readonly Setting[] {
  const settings: Setting[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i += 1) {
    const [, name, oneLine, end] = assignment.exec(lines[i] ?? '') ?? [];
    if (name === undefined) continue;
    let raw = oneLine ?? '';
    if (end !== undefined) {
      const close = lines.indexOf(`@${end}`, i + 1);
      const last = close === -1 ? lines.length : close;
      raw = lines.slice(i + 1, last).join('\n');
      i = last;
    }
    const comments: string[] = [];
    while (lines[i + 1]?.startsWith(' # ')) comments.push(lines[(i += 1)] ?? '');
    settings.push(settingOf(name, raw, comments));
  }
  return settings;
}

function settingOf(name: string, raw: string, comments: readonly string[]): Setting {
  const at = after(comments, ' # at: ');
  const place = /^(.*), line (\d+)$/.exec(at ?? '');
  return {
    name,
    value: expansion(comments) ?? raw,
    raw,
    isDefault: at === undefined ? null : at === '<Default>',
    file: place?.[1] ?? null,
    line: place?.[2] === undefined ? null : Number(place[2]),
  };
}

const after = (comments: readonly string[], prefix: string): string | undefined =>
  comments.find((comment) => comment.startsWith(prefix))?.slice(prefix.length);

/** The expanded value; its further lines are set in by two blanks behind the `#`. */
function expansion(comments: readonly string[]): string | undefined {
  const prefix = ' # expanded: ';
  const from = comments.findIndex((comment) => comment.startsWith(prefix));
  const first = comments[from];
  if (first === undefined) return undefined;
  const rest = comments.slice(from + 1);
  const end = rest.findIndex((comment) => /^ # (default|use): ?/.test(comment));
  const further = (end === -1 ? rest : rest.slice(0, end)).map((line) => line.slice(' #  '.length));
  const head = first.slice(prefix.length);
  return (head === '' && further.length > 0 ? further : [head, ...further]).join('\n');
}

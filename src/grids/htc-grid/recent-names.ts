/** Names that were met, the newest of them: the oldest is forgotten first. */

export class RecentNames {
  readonly #names = new Set<string>();

  constructor(private readonly limit: number) {}

  has(name: string): boolean {
    return this.#names.has(name);
  }

  add(name: string): void {
    this.#names.add(name);
    const [oldest] = this.#names;
    if (this.#names.size > this.limit && oldest !== undefined) this.#names.delete(oldest);
  }
}

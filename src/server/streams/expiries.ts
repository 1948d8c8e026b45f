/** Members whose tokens end: one timer for all that end at the same time. */
import { after } from '../deadline.js';
import type { Member } from './member.js';

export class Expiries {
  readonly #due = new Map<number, { readonly members: Set<Member>; readonly cancel: () => void }>();

  constructor(private readonly expired: (members: Iterable<Member>, expiresAt: number) => void) {}

  add(member: Member): void {
    const { expiresAt } = member;
    if (expiresAt === null) return;
    let due = this.#due.get(expiresAt);
    if (due === undefined) {
      const members = new Set<Member>();
      const cancel = after(expiresAt - Date.now(), () => {
        this.#due.delete(expiresAt);
        this.expired(members, expiresAt);
      });
      due = { members, cancel };
      this.#due.set(expiresAt, due);
    }
    due.members.add(member);
  }

  remove(member: Member): void {
    const due = this.#due.get(member.expiresAt ?? NaN);
    if (!due?.members.delete(member) || due.members.size > 0) return;
    due.cancel();
    this.#due.delete(member.expiresAt ?? NaN);
  }
}

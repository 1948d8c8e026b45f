/** The reading half of a registry that is kept elsewhere: all of it is mirrored in the memory of this process. */
import type { SessionEntry } from './registry.js';
import { MemoryRegistry } from './registry.js';

export class RegistryMirror {
  protected readonly memory: MemoryRegistry;

  constructor(maxEntries?: number) {
    this.memory = new MemoryRegistry(maxEntries);
  }

  get(session: string): SessionEntry | undefined {
    return this.memory.get(session);
  }
  byKey(owner: string, key: string): SessionEntry | undefined {
    return this.memory.byKey(owner, key);
  }
  entries(): readonly SessionEntry[] {
    return this.memory.entries();
  }
  underWay(): readonly SessionEntry[] {
    return this.memory.underWay();
  }
}

/**
 * Attributes that HTCondor itself writes as expressions over others of the same ad: where one of those is hidden,
 * what is computed from it would tell it (docs/grids/htcondor.md, "ClassAd values").
 */
const sources: ReadonlyMap<string, readonly string[]> = new Map([
  ['memoryusage', ['ResidentSetSize']],
  ['requestdisk', ['DiskUsage', 'TransferInputSizeMB']],
  ['requestmemory', ['MemoryUsage', 'ResidentSetSize', 'ImageSize', 'JobVMMemory']],
  ['slotweight', ['Cpus']],
]);

/** The attributes behind one, also through others; none where it stands for itself. */
export const readBy = (name: string): readonly string[] => sources.get(name.toLowerCase()) ?? [];

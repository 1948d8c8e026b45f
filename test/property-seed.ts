/**
 * The seed of properties that run against real parts or a schedule of events: always the same runs, so that no change
 * fails over another's find. PROPERTY_SEED=$RANDOM makes others.
 */
export const propertySeed = Number(process.env['PROPERTY_SEED'] ?? 20_261_122);

/** Names of grids. */
import { z } from 'zod';

export const gridName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i, 'expected a name of letters, digits, ".", "_" and "-"');

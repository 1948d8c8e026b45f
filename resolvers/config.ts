/** Settings of pools. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, Info, Query, Resolver } from 'type-graphql';
import type { AnyGrid } from '../src/grids/grid.js';
import type { ConfigQuery, ConfigRow } from '../src/grids/jobs.js';
import type { GridRegistry } from '../src/grids/registry.js';
import { always } from '../src/query/predicate.js';
import type { Source } from '../src/query/source.js';
import { ConfigConnection, ConfigDaemon, ConfigEntry } from '../schema/config.js';
import { PageArgs } from '../schema/connection.js';
import { connection } from './connection.js';
import type { GraphContext } from './context.js';
import { orderTerms } from './page.js';
import { Guard } from './rule.js';
import { sourcesOf } from './sources.js';

const deadlineMs = 30_000;
const daemonArg = {
  nullable: true,
  description:
    'The running daemon to ask; the configuration files of the host where the commands run when left out.',
};
const daemonNameArg = {
  nullable: true,
  description: 'Which daemon of that kind, by the name it advertises.',
};
const gridArg = {
  nullable: true,
  description:
    'The grid. The pool when left out; needed where several are configured, and for an HTC-Grid.',
};

@Resolver(() => ConfigEntry)
export class ConfigResolver {
  @Query(() => ConfigConnection, {
    nullable: true,
    description: 'Settings of a pool, or of an HTC-Grid that is named, ordered by name.',
  })
  @Guard('read')
  config(
    @Arg('grid', () => String, gridArg) grid: string | null | undefined,
    @Arg('daemon', () => ConfigDaemon, daemonArg) daemon: ConfigDaemon | null | undefined,
    @Arg('daemonName', () => String, daemonNameArg) daemonName: string | null | undefined,
    @Arg('names', () => [String], {
      nullable: true,
      description: 'Only settings of these names; upper and lower case are the same.',
    })
    names: readonly string[] | null | undefined,
    @Arg('matching', () => String, {
      nullable: true,
      description: 'Only settings whose name contains this text.',
    })
    matching: string | null | undefined,
    @Arg('changedOnly', () => Boolean, {
      defaultValue: false,
      description: "Only settings that are not HTCondor's defaults.",
    })
    changedOnly: boolean,
    @Args(() => PageArgs) args: PageArgs,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const pool = configured(context.grids, grid);
    const query: ConfigQuery = {
      daemon: daemon ?? undefined,
      daemonName: daemonName ?? undefined,
      names: names ?? undefined,
      matching: matching ?? undefined,
      changedOnly,
    };
    return connection(
      {
        name: 'config',
        args,
        filter: always,
        orderOf: () => orderTerms(undefined, () => 'ID'),
        sources: () => sourcesOf([pool], (one) => [configSource(one, query, context.signal)]),
        only: pool.name,
      },
      context,
      info,
    );
  }

  @Query(() => ConfigEntry, {
    nullable: true,
    description:
      'One setting of a pool, or of an HTC-Grid that is named; null when it is not defined.',
  })
  @Guard('read')
  async configEntry(
    @Arg('grid', () => String, gridArg) grid: string | null | undefined,
    @Arg('daemon', () => ConfigDaemon, daemonArg) daemon: ConfigDaemon | null | undefined,
    @Arg('daemonName', () => String, daemonNameArg) daemonName: string | null | undefined,
    @Arg('name', () => String, {
      description: 'The name of the setting; upper and lower case are the same.',
    })
    name: string,
    @Ctx() { grids, signal }: GraphContext,
  ) {
    return findConfig(
      configured(grids, grid),
      daemon ?? undefined,
      daemonName ?? undefined,
      name,
      signal,
    );
  }
}

/** The grid that is named, of either kind; the only pool where none is. */
const configured = (grids: GridRegistry, name: string | null | undefined): AnyGrid =>
  name == null ? grids.one('HTCONDOR', name) : grids.get(name);

export async function findConfig(
  pool: AnyGrid,
  daemon: ConfigDaemon | undefined,
  daemonName: string | undefined,
  name: string,
  signal: AbortSignal,
): Promise<ConfigRow | null> {
  const query = { daemon, daemonName, names: [name], matching: undefined, changedOnly: false };
  const [entry] = await pool.config(query, signal);
  return entry ?? null;
}

const configSource = (
  pool: AnyGrid,
  query: ConfigQuery,
  signal: AbortSignal,
): Source<ConfigRow> => ({
  grid: pool.name,
  part: query.daemonName ?? query.daemon,
  deadlineMs,
  known: (ref) => ('field' in ref && ref.field === 'gridName' ? pool.name : undefined),
  async *scan({ notes }) {
    const rows = await pool.config(query, signal);
    Object.assign(notes, { scanned: rows.length, asOfMs: Date.now() });
    yield* rows;
  },
});

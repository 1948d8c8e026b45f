/** What can happen in the model. Every command can come at any time; one that has nothing to act on does nothing. */
import fc from 'fast-check';
import type { Session } from './grid.js';
import { deeds } from './grid.js';
import type { DeployedWorld, EmbeddedWorld, ReplicatedWorld } from './world.js';
import type { World } from './world.js';

class Happening<W extends World> implements fc.AsyncCommand<object, W> {
  constructor(
    private readonly text: string,
    private readonly happen: (world: W) => unknown,
  ) {}

  check(): boolean {
    return true;
  }

  async run(_model: object, world: W): Promise<void> {
    await this.happen(world);
    world.check();
  }

  toString(): string {
    return this.text;
  }
}

/** A happening for each value, with its name and the value as its text. */
const each = <W extends World, Value>(
  name: string,
  values: fc.Arbitrary<Value>,
  happen: (world: W, value: Value) => unknown,
): fc.Arbitrary<Happening<W>> =>
  values.map(
    (value) =>
      new Happening<W>(`${name} ${JSON.stringify(value)}`, (world) => happen(world, value)),
  );

const maxSessions = 3;
const maxClients = 4;
const sessionAt = ({ grid }: World, n: number): Session | undefined =>
  grid.sessions[n % Math.max(1, grid.sessions.length)];
const clientAt = ({ clients }: World, n: number) => clients[n % Math.max(1, clients.length)];

const task = fc.record({ session: fc.nat(2), task: fc.nat(3) });
const place = fc.nat(3);

const wish = fc.record({
  kind: fc.constantFrom('snapshot' as const, 'snapshot' as const, 'now' as const),
  maxBatch: fc.integer({ min: 1, max: 5 }),
  maxWaitMs: fc.constantFrom(0, 50),
  minIntervalMs: fc.constantFrom(0, 0, 300),
});

function done(
  world: World,
  deed: (typeof deeds)[number],
  at: { session: number; task: number },
  afterMs: number,
): void {
  const session = sessionAt(world, at.session);
  if (session === undefined || session.submitted === 0) return;
  const taskId = `${session.id}_${String(at.task % session.submitted)}`;
  // Most that is done to a waiting task begins with its claim.
  if (deed === 'finish' || deed === 'fail') world.grid.do('claim', taskId);
  world.grid.do(deed, taskId, afterMs);
}

/** Commands of both worlds. */
const shared = [
  each('announce', fc.integer({ min: 1, max: 4 }), (world: World, tasks) => {
    if (world.grid.sessions.length < maxSessions) world.announce(tasks);
  }),
  each(
    'submit',
    fc.record({ session: fc.nat(2), tasks: fc.integer({ min: 1, max: 4 }) }),
    (world: World, { session, tasks }) => {
      const found = sessionAt(world, session);
      if (found !== undefined) world.submit(found, tasks);
    },
  ),
  ...[1, 2, 3].map(() =>
    each(
      'finish',
      fc.record({ at: task, afterMs: fc.constantFrom(0, 0, 10, 300) }),
      (world: World, { at, afterMs }) => {
        done(world, 'finish', at, afterMs);
      },
    ),
  ),
  ...[1, 2].map(() =>
    each(
      'do',
      fc.record({ at: task, deed: fc.constantFrom(...deeds) }),
      (world: World, { at, deed }) => {
        done(world, deed, at, 0);
      },
    ),
  ),
  each('finish again', task, (world: World, at) => {
    done(world, 'resubmit', at, 0);
    done(world, 'finish', at, 0);
  }),
  each('finish all', fc.nat(2), (world: World, n) => {
    const session = sessionAt(world, n);
    for (let at = 0; at < (session?.submitted ?? 0); at++)
      done(world, 'finish', { session: n, task: at }, 0);
  }),
  each(
    'subscribe',
    fc.record({ first: fc.nat(2), second: fc.option(fc.nat(2)), wish, server: place }),
    (world: World, { first, second, wish: asked, server }) => {
      const sessions = [first, second ?? first].flatMap((n) => sessionAt(world, n) ?? []);
      if (sessions.length > 0 && world.clients.length < maxClients)
        world.subscribe([...new Set(sessions)], asked, server);
    },
  ),
  ...[1, 2, 3].map(() =>
    each(
      'pull',
      fc.record({ client: place, frames: fc.integer({ min: 1, max: 6 }) }),
      async (world: World, { client, frames }) => {
        for (let n = 0; n < frames; n++) if (!(await clientAt(world, client)?.pull())) return;
      },
    ),
  ),
  each('leave', place, (world: World, n) => clientAt(world, n)?.leave()),
  ...[1, 2].map(() =>
    each(
      'connect',
      fc.record({ client: place, server: place }),
      (world: World, { client, server }) => {
        clientAt(world, client)?.connect(world.server(server));
      },
    ),
  ),
  each(
    'reconnect',
    fc.record({ client: place, server: place }),
    async (world: World, { client, server }) => {
      await clientAt(world, client)?.leave();
      clientAt(world, client)?.connect(world.server(server));
    },
  ),
  ...[1, 2, 3].map(() =>
    each('wait', fc.constantFrom(1, 30, 400, 2500, 6000, 40_000), (world: World, ms) =>
      world.clock.advance(ms),
    ),
  ),
  each('restart', place, (world: World, n) => world.restart(n)),
  each('answers take', fc.constantFrom(0, 20, 700), (world: World, ms) => {
    world.grid.table.answerMs = ms;
  }),
  each('reads fail', fc.constantFrom(1, 4, 20), (world: World, n) => {
    world.grid.table.failures = n;
  }),
] as const;

const deployed = [
  ...shared,
  each('indexes lag', fc.constantFrom(0, 300, 2000), (world: DeployedWorld, ms) => {
    world.grid.table.lagMs = ms;
  }),
  each(
    'stream',
    fc.constantFrom('split', 'roll', 'trim', 'expireIterators', 'hold', 'release'),
    (world: DeployedWorld, what) => {
      world.stream[what]();
    },
  ),
  each('stream is on', fc.boolean(), (world: DeployedWorld, isOn) => {
    world.enableStream(isOn);
  }),
  each(
    'stream refuses',
    fc.array(
      fc.constantFrom(
        'LimitExceededException',
        'ExpiredIteratorException',
        'TrimmedDataAccessException',
        'InternalServerError',
      ),
      { minLength: 1, maxLength: 5 },
    ),
    (world: DeployedWorld, names) => {
      world.refused.push(...names);
    },
  ),
  each('hints are lost', fc.integer({ min: 1, max: 5 }), (world: DeployedWorld, n) => {
    world.hints.lost = n;
  }),
  each('hints take', fc.constantFrom(0, 100, 3000), (world: DeployedWorld, ms) => {
    world.hints.delayMs = ms;
  }),
  each('hint again', task, (world: DeployedWorld, { session, task: n }) => {
    const found = sessionAt(world, session);
    if (found !== undefined) world.hints.written(`${found.id}_${String(n)}`);
  }),
  each('hints work', fc.boolean(), (world: DeployedWorld, works) => {
    if (works) world.hints.works = true;
    else world.hints.fail();
  }),
];

const replicated = [
  ...deployed,
  ...[1, 2].map(() => each('dies', place, (world: ReplicatedWorld, n) => world.die(n))),
  each('lease expires', fc.nat(2), async (world: ReplicatedWorld, n) => {
    const session = sessionAt(world, n);
    if (session !== undefined) await world.shared.expire(world.nameOf(session));
  }),
  each('redis is down', fc.boolean(), (world: ReplicatedWorld, isDown) => {
    if (isDown) world.shared.fall();
    else world.shared.isDown = false;
  }),
  ...[1, 2].map(() =>
    each('connections break', place, (world: ReplicatedWorld, n) => {
      world.server(n).replica?.cut();
    }),
  ),
  each(
    'is cut off',
    fc.record({ server: place, isCutOff: fc.boolean() }),
    (world: ReplicatedWorld, { server, isCutOff }) => {
      world.server(server).replica?.cutOff(isCutOff);
    },
  ),
  each('answers are lost', fc.integer({ min: 1, max: 3 }), (world: ReplicatedWorld, n) => {
    world.shared.unanswered = n;
  }),
  ...[1, 2, 3].map(() =>
    each(
      'moves to one that reads late',
      fc.record({ client: place, session: fc.nat(2) }),
      async (world: ReplicatedWorld, { client: n, session }) => {
        const client = clientAt(world, n);
        const late = world.servers.find((server) => server !== client?.server);
        if (client === undefined || late === undefined) return;
        late.replica?.cutOff(true);
        done(world, 'finish', { session, task: n }, 0);
        await world.clock.advance(5000);
        while (await client.pull());
        await client.leave();
        late.replica?.cutOff(false);
        client.connect(late);
      },
    ),
  ),
];

/** What a Redis that keeps nothing on disk, or another that takes its place, may have lost. */
const forgetful = [
  ...replicated,
  each(
    'redis',
    fc.constantFrom('empty' as const, 'save' as const, 'save' as const, 'failOver' as const),
    (world: ReplicatedWorld, what) => world.shared[what](),
  ),
  each(
    'redis loses',
    fc.record({ session: fc.nat(2), part: fc.constantFrom('head' as const, 'records' as const) }),
    async (world: ReplicatedWorld, { session, part }) => {
      const found = sessionAt(world, session);
      if (found !== undefined) await world.shared.lose(world.nameOf(found), part);
    },
  ),
];

const size = { maxCommands: 50, size: 'max' } as const;

export const inAnEmbeddedGrid = fc.commands<object, EmbeddedWorld, false>([...shared], size);
export const inADeployedGrid = fc.commands<object, DeployedWorld, false>([...deployed], size);
export const amongReplicas = fc.commands<object, ReplicatedWorld, false>([...replicated], size);
export const whoseRedisForgets = fc.commands<object, ReplicatedWorld, false>([...forgetful], size);

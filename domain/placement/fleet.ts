/**
 * The fleet as a broker keeps it in memory to choose servers: folded from the facts of all server streams, with the telemetry that
 * never becomes a fact. It proposes; whether a slot is free is decided by the server's actor alone. Some 2 KB a server and 0.1 KB a
 * session (bench/placement.ts measures it), because equal parts of descriptions, and equal slots, are kept once.
 */
import type { RecordedFact, Revision } from '../facts.ts';
import { NO_STREAM } from '../facts.ts';
import type { BrokerId, ServerId, SessionId } from '../ids.ts';
import { serverId, streamId } from '../ids.ts';
import type { Telemetry } from '../ports/agent-link.ts';
import type { SlotWish } from '../server/capacity.ts';
import { UNDESCRIBED } from '../server/capacity.ts';
import type { ServerDescription, ServerEvent } from '../server/events.ts';
import { keep } from './bounded.ts';
import type { Columns } from './columns.ts';
import { createColumns } from './columns.ts';
import type { FleetServer } from './fleet-server.ts';
import type { Intern } from './intern.ts';
import { createIntern, shareParts } from './intern.ts';
import type { Matcher } from './matches.ts';
import { createMatchMemory } from './matches.ts';
import type { Requirement } from './predicate.ts';

/** A server as a read model can hand it over when a broker starts. */
export interface FleetRow {
  readonly id: ServerId;
  /** Of the last fact that the row contains. */
  readonly revision: Revision;
  /** It is gone, and the row says how it would come back. */
  readonly removed?: boolean | undefined;
  readonly broker: BrokerId | null;
  readonly description?: ServerDescription | undefined;
  readonly open: boolean;
  readonly reachable: boolean;
  readonly healthy: boolean;
  readonly loggedInUsers: readonly string[];
  readonly slots: readonly (SlotWish & { readonly sessionId: SessionId })[];
}

export interface Fleet {
  /** Folds a fact. Total: it never throws, a fact that was folded before changes nothing, an unknown server gets a place. */
  apply(fact: RecordedFact<ServerEvent>): void;
  /** Rows instead of the facts that led to them; facts that they contain may still come. */
  load(rows: Iterable<FleetRow>): void;
  /** Without effect for a server that is not there. */
  telemetry(id: ServerId, telemetry: Telemetry): void;
  /** Counts a slot before its fact comes, so that the next decisions look elsewhere. It ends with the fact or with `withdraw`. */
  noteReservation(id: ServerId, sessionId: SessionId, wish: SlotWish): void;
  /** The slot was refused, or is not wanted any more. A slot that a fact has confirmed stays. */
  withdraw(id: ServerId, sessionId: SessionId): void;
  /** The same servers as flat arrays, for one decision. */
  readonly columns: Columns;
  /** Whether servers meet a requirement, with answers remembered as long as they hold. For one decision. */
  matcher(requirement: Requirement, mostAsked?: number): Matcher;
  get(id: ServerId): FleetServer | undefined;
  values(): IterableIterator<FleetServer>;
  readonly size: number;
}

/** Removed servers that are remembered, in case they come back: a server that was closed comes back closed. */
const MAX_REMOVED = 10_000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Place extends Omit<Mutable<FleetServer>, 'slots' | 'asked'> {
  revision: Revision;
  readonly slots: Map<SessionId, SlotWish>;
  asked: Map<SessionId, SlotWish>;
}

/** Shared by all servers that nothing is asked of; never written to. */
const NOTHING_ASKED: Map<SessionId, SlotWish> = new Map();

export function createFleet(): Fleet {
  const places = new Map<ServerId, Place>();
  const removed = new Map<ServerId, Place>();
  const columns = createColumns();
  const memory = createMatchMemory();
  const intern = createIntern();
  const freeNumbers: number[] = [];

  function settle(id: ServerId): Place {
    const known = places.get(id);
    if (known !== undefined) return known;
    const place = removed.get(id) ?? newPlace(id);
    place.number = freeNumbers.pop() ?? places.size;
    memory.forget(place.number);
    removed.delete(id);
    places.set(id, place);
    return place;
  }

  function remove(place: Place): void {
    places.delete(place.id);
    columns.clear(place.number);
    memory.forget(place.number);
    freeNumbers.push(place.number);
    keep(removed, place.id, place, MAX_REMOVED);
  }

  function change(id: ServerId, how: (place: Place) => void): void {
    const place = places.get(id);
    if (place === undefined) return;
    how(place);
    columns.set(place);
  }

  const isNews = (id: ServerId, revision: Revision): boolean => revision > ((places.get(id) ?? removed.get(id))?.revision ?? NO_STREAM);

  return {
    apply(fact) {
      const id = serverId(streamId(fact.stream));
      if (!isNews(id, fact.revision)) return;
      const place = settle(id);
      place.revision = fact.revision;
      fold(place, fact, intern);
      columns.set(place);
      if (fact.type === 'server.described') memory.forget(place.number);
      if (fact.type === 'server.removed') remove(place);
    },
    load(rows) {
      for (const row of rows) {
        if (!isNews(row.id, row.revision)) continue;
        const place = settle(row.id);
        fill(place, row, intern);
        columns.set(place);
        memory.forget(place.number);
        if (row.removed === true) remove(place);
      }
    },
    telemetry(id, telemetry) {
      change(id, (place) => {
        place.telemetry = telemetry;
      });
    },
    noteReservation(id, sessionId, wish) {
      change(id, (place) => ask(place, sessionId, intern({ sessionType: wish.sessionType, owner: wish.owner })));
    },
    withdraw(id, sessionId) {
      change(id, (place) => answer(place, sessionId));
    },
    get columns() {
      return columns.view;
    },
    matcher: (requirement, mostAsked = 0) => memory.matcher(requirement, columns.view.servers, mostAsked),
    get: (id) => places.get(id),
    values: () => places.values(),
    get size() {
      return places.size;
    },
  };
}

function newPlace(id: ServerId): Place {
  return {
    id,
    number: 0,
    revision: NO_STREAM,
    broker: null,
    description: undefined,
    telemetry: undefined,
    osFamily: UNDESCRIBED.osFamily,
    maxVirtualSessions: UNDESCRIBED.maxVirtualSessions,
    maxSessionsPerOwner: UNDESCRIBED.maxSessionsPerOwner,
    open: UNDESCRIBED.open,
    reachable: UNDESCRIBED.reachable,
    healthy: UNDESCRIBED.healthy,
    loggedInUsers: UNDESCRIBED.loggedInUsers,
    console: 0,
    virtual: 0,
    slots: new Map(),
    asked: NOTHING_ASKED,
  };
}

/** Follows the machine of the server, which has judged these facts before they were recorded. */
function fold(place: Place, fact: ServerEvent, intern: Intern): void {
  switch (fact.type) {
    case 'server.registered':
    case 'server.became-reachable':
      place.reachable = true;
      place.broker = intern(fact.data.broker);
      return;
    case 'server.described':
      describe(place, fact.data, intern);
      return;
    case 'server.opened':
      place.open = true;
      return;
    case 'server.closed':
      place.open = false;
      return;
    case 'server.slot-reserved':
      answer(place, fact.data.sessionId);
      take(place, fact.data.sessionId, intern({ sessionType: fact.data.sessionType, owner: fact.data.owner }));
      return;
    case 'server.slot-released':
      answer(place, fact.data.sessionId);
      release(place, fact.data.sessionId);
      return;
    case 'server.became-unreachable':
      place.reachable = false;
      return;
    case 'server.health-changed':
      place.healthy = fact.data.healthy;
      return;
    case 'server.logged-in-users-changed':
      place.loggedInUsers = fact.data.users;
      return;
    case 'server.removed':
      clear(place);
      place.reachable = false;
      place.telemetry = undefined;
  }
}

function fill(place: Place, row: FleetRow, intern: Intern): void {
  clear(place);
  place.revision = row.revision;
  place.broker = intern(row.broker);
  if (row.description !== undefined) describe(place, row.description, intern);
  place.open = row.open;
  place.reachable = row.reachable;
  place.healthy = row.healthy;
  place.loggedInUsers = row.loggedInUsers;
  for (const { sessionId, sessionType, owner } of row.slots) take(place, sessionId, intern({ sessionType, owner }));
}

function describe(place: Place, description: ServerDescription, intern: Intern): void {
  place.description = shareParts(description, intern);
  place.osFamily = place.description.os.family;
  place.maxVirtualSessions = description.maxVirtualSessions;
  place.maxSessionsPerOwner = description.maxSessionsPerOwner;
}

function take(place: Place, sessionId: SessionId, wish: SlotWish): void {
  if (place.slots.has(sessionId)) return;
  place.slots.set(sessionId, wish);
  count(place, wish, 1);
}

function release(place: Place, sessionId: SessionId): void {
  const wish = place.slots.get(sessionId);
  if (wish === undefined) return;
  place.slots.delete(sessionId);
  count(place, wish, -1);
}

function ask(place: Place, sessionId: SessionId, wish: SlotWish): void {
  if (place.slots.has(sessionId) || place.asked.has(sessionId)) return;
  if (place.asked === NOTHING_ASKED) place.asked = new Map();
  place.asked.set(sessionId, wish);
  count(place, wish, 1);
}

/** What was asked for is settled, one way or the other. */
function answer(place: Place, sessionId: SessionId): void {
  const wish = place.asked.get(sessionId);
  if (wish === undefined) return;
  place.asked.delete(sessionId);
  if (place.asked.size === 0) place.asked = NOTHING_ASKED;
  count(place, wish, -1);
}

function count(place: Place, { sessionType }: SlotWish, by: 1 | -1): void {
  if (sessionType === 'CONSOLE') place.console += by;
  else place.virtual += by;
}

function clear(place: Place): void {
  place.slots.clear();
  place.asked = NOTHING_ASKED;
  place.console = 0;
  place.virtual = 0;
}

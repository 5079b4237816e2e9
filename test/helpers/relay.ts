/** The network between an agent and its broker: a relay of TCP that a test may freeze, as a switch that lost its power does, or cut. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

export interface Relay {
  readonly port: number;
  /** Connections stay open, and nothing comes through any more; new ones are accepted and lead nowhere. */
  freeze(): void;
  /** Those from before are dead; new ones come through. */
  thaw(): void;
  /** Ends what is open. */
  cut(): void;
}

/** From a port of its own to the one given, on this machine. */
export async function startRelay(t: Test, target: () => number): Promise<Relay> {
  const open = new Set<Socket>();
  let frozen = false;
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
  };
  const server = createServer({ allowHalfOpen: false }, (incoming) => {
    keep(incoming);
    if (frozen) return void incoming.pause();
    const outgoing = connect(target(), '127.0.0.1');
    keep(outgoing);
    incoming.pipe(outgoing).pipe(incoming);
    incoming.on('close', () => frozen || outgoing.destroy());
    outgoing.on('close', () => frozen || incoming.destroy());
  });
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    freeze() {
      frozen = true;
      for (const socket of open) socket.unpipe().pause();
    },
    thaw() {
      frozen = false;
      for (const socket of open) socket.destroy();
    },
    cut() {
      for (const socket of open) socket.destroy();
    },
  };
}

/** A value that is read again from time to time, such as the certificate in a file, and whoever wants to hear when it has changed. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Timer } from '../../domain/ports/clock.ts';

export interface Kept<T> {
  /** The last that could be read. */
  current(): T;
  /** Told of each change from now on. */
  follow(listener: (value: T) => void): void;
  /** Reads it now, and tells why it cannot be even if that has been told. */
  reread(): Promise<void>;
  stop(): void;
}

export interface KeepOptions<T> {
  read(): Promise<T>;
  readonly everyMs: number;
  readonly clock: Clock;
  /** Told when it cannot be read any more, once for each reason; the value before is kept. */
  failed(error: Error): void;
}

/** Rejects where it cannot be read the first time. */
export async function keep<T>({ read, everyMs, clock, failed }: KeepOptions<T>): Promise<Kept<T>> {
  const listeners: ((value: T) => void)[] = [];
  let value = await read();
  let complaint = '';
  let isOver = false;
  let timer: Timer;

  async function look(): Promise<void> {
    try {
      const found = await read();
      complaint = '';
      if (isOver || isDeepStrictEqual(found, value)) return;
      for (const listener of listeners) listener(found);
      value = found;
    } catch (error) {
      const { message } = error as Error;
      if (message !== complaint) failed(error as Error);
      complaint = message;
    }
  }

  function wait(): void {
    timer = clock.after(everyMs, () => void look().finally(() => (isOver ? undefined : wait())));
  }

  wait();
  return {
    current: () => value,
    follow: (listener) => void listeners.push(listener),
    reread() {
      complaint = '';
      return look();
    },
    stop() {
      isOver = true;
      timer.cancel();
    },
  };
}

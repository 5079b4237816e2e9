/**
 * An answer that goes on for as long as there is something to say. Nothing is read before the caller takes it, so a slow one costs a connection and
 * nothing else; one that takes nothing at all for too long is told so and dropped.
 */

export interface Feed {
  /** What to say next; undefined at the end. Where it rejects the connection is cut, so that nobody takes the half for the whole. */
  next(): Promise<string | undefined>;
  /** Called once, however it ends. */
  over(): void;
  /** Absent: whoever reads may take all the time there is. */
  readonly patience?: { readonly ms: number; readonly farewell: (reason: string) => string };
}

export function createFeed({ next, over, patience }: Feed): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let impatience: NodeJS.Timeout | undefined;
  let isOver = false;

  function end(): void {
    clearTimeout(impatience);
    if (!isOver) over();
    isOver = true;
  }

  return new ReadableStream(
    {
      async pull(controller) {
        clearTimeout(impatience);
        try {
          const text = await next();
          if (isOver) return;
          if (text === undefined) {
            end();
            controller.close();
            return;
          }
          controller.enqueue(encoder.encode(text));
        } catch (error) {
          end();
          throw error;
        }
        if (patience === undefined) return;
        impatience = setTimeout(() => {
          end();
          controller.enqueue(encoder.encode(patience.farewell(`Nothing was taken for ${patience.ms / 1000} s.`)));
          controller.close();
        }, patience.ms).unref();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

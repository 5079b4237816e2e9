/** Pictures of sessions that nobody sees: one colour, as large as they may be. */
import { encode } from 'fast-png';
import jpeg from 'jpeg-js';

const DISPLAY = { width: 1024, height: 768 };

/** Keeps the proportions of the display. */
export function picture(maxWidth: number, maxHeight: number, format: string): Buffer {
  const scale = Math.min(1, maxWidth / DISPLAY.width, maxHeight / DISPLAY.height);
  const [width, height] = [Math.max(1, Math.floor(DISPLAY.width * scale)), Math.max(1, Math.floor(DISPLAY.height * scale))];
  const data = Buffer.alloc(width * height * 4, 0x7f);
  return format === 'JPEG' ? jpeg.encode({ width, height, data }, 80).data : Buffer.from(encode({ width, height, data, channels: 4 }));
}

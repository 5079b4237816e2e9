/** A picture of a simulated desktop: a real PNG or JPEG in which a person recognises a screen and reads the session's name. */
import { encode as encodePng } from 'fast-png';
import jpeg from 'jpeg-js';
import { isDot, LETTER_HEIGHT, LETTER_WIDTH } from './font.ts';

export interface PictureOptions {
  /** Drawn in the title bar and in the window. */
  readonly title: string;
  readonly subtitle: string;
  readonly maxWidth: number;
  readonly maxHeight: number;
  readonly format: 'png' | 'jpeg';
}

type Colour = readonly [red: number, green: number, blue: number];

/** A canvas that is addressed in desktop coordinates, whatever its real size. */
interface Canvas {
  readonly width: number;
  readonly height: number;
  fill(area: Area, colour: Colour): void;
  readonly pixels: Uint8Array;
}

interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const DESKTOP = { width: 1280, height: 800 };
const WALLPAPERS: readonly Colour[] = [
  [38, 84, 124],
  [46, 94, 78],
  [96, 63, 98],
  [128, 76, 52],
  [58, 66, 92],
];
const PANEL: Colour = [28, 30, 36];
const LIGHT: Colour = [240, 242, 245];
const DARK: Colour = [52, 58, 70];
const ACCENT: Colour = [92, 160, 220];
const JPEG_QUALITY = 80;

/** The desktop, 1280 by 800, made smaller to fit into the bounds with its proportions kept, and never larger than it is. */
export function drawPicture(options: PictureOptions): Uint8Array {
  const scale = Math.min(1, options.maxWidth / DESKTOP.width, options.maxHeight / DESKTOP.height);
  const canvas = createCanvas(Math.max(1, Math.floor(DESKTOP.width * scale)), Math.max(1, Math.floor(DESKTOP.height * scale)));
  drawDesktop(canvas, options);
  const { width, height, pixels } = canvas;
  return options.format === 'png'
    ? encodePng({ width, height, data: pixels, channels: 4 })
    : jpeg.encode({ width, height, data: pixels }, JPEG_QUALITY).data;
}

function drawDesktop(canvas: Canvas, { title, subtitle }: PictureOptions): void {
  canvas.fill({ x: 0, y: 0, ...DESKTOP }, wallpaperFor(title));
  canvas.fill({ x: 0, y: 752, width: 1280, height: 48 }, PANEL);
  for (const x of [24, 88, 152]) canvas.fill({ x, y: 762, width: 28, height: 28 }, ACCENT);
  drawWindow(canvas, { x: 720, y: 60, width: 500, height: 360 });
  drawWindow(canvas, { x: 80, y: 150, width: 900, height: 520 });
  write(canvas, title, { x: 120, y: 260, width: 820, height: 90 });
  write(canvas, subtitle, { x: 120, y: 400, width: 820, height: 50 });
  for (const y of [500, 545, 590]) canvas.fill({ x: 120, y, width: 900 - y, height: 14 }, ACCENT);
}

function drawWindow(canvas: Canvas, area: Area): void {
  canvas.fill(area, LIGHT);
  canvas.fill({ ...area, height: 44 }, DARK);
  for (const [place, colour] of [ACCENT, LIGHT].entries()) {
    canvas.fill({ x: area.x + area.width - 36 - 34 * place, y: area.y + 13, width: 18, height: 18 }, colour);
  }
}

/** As large as fits into the area, from its top left corner. */
function write(canvas: Canvas, text: string, area: Area): void {
  const dot = Math.min(area.height / LETTER_HEIGHT, area.width / (text.length * (LETTER_WIDTH + 1)));
  for (const [index, letter] of [...text].entries()) {
    for (let y = 0; y < LETTER_HEIGHT; y += 1) {
      for (let x = 0; x < LETTER_WIDTH; x += 1) {
        const place = { x: area.x + (index * (LETTER_WIDTH + 1) + x) * dot, y: area.y + y * dot };
        if (isDot(letter, x, y)) canvas.fill({ ...place, width: dot, height: dot }, DARK);
      }
    }
  }
}

function wallpaperFor(title: string): Colour {
  let sum = 0;
  for (const byte of Buffer.from(title)) sum += byte;
  return WALLPAPERS[sum % WALLPAPERS.length] as Colour;
}

function createCanvas(width: number, height: number): Canvas {
  const pixels = new Uint8Array(width * height * 4).fill(255);
  return {
    width,
    height,
    pixels,
    fill(area, colour) {
      const [left, right] = edges(area.x, area.width, width / DESKTOP.width);
      const [top, bottom] = edges(area.y, area.height, height / DESKTOP.height);
      for (let y = top; y < bottom; y += 1) {
        for (let x = left; x < right; x += 1) pixels.set(colour, (y * width + x) * 4);
      }
    },
  };
}

/** Rounded on both ends, so that neighbours meet without a gap and without an overlap. */
function edges(start: number, length: number, scale: number): [number, number] {
  return [Math.round(start * scale), Math.round((start + length) * scale)];
}

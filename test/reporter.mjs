/** What `npm test` prints: a line for each test file, every failure in full, and at the end how many tests ran. */
import { Transform } from 'node:stream';
import { Parser } from 'tap-parser';

/** Given to tap by name in .taprc; tap asks for a default export. Reads TAP, writes lines for people and for CI. */
class LineReporter extends Transform {
  #files = 0;
  #total = { passed: 0, failed: 0, skipped: 0 };
  #parser = new Parser();

  constructor() {
    super();
    this.#parser.on('bailout', (reason) => this.#say(`Gave up: ${reason}`));
    this.#watch(this.#parser, 0, this.#total);
  }

  _transform(chunk, _encoding, done) {
    this.#parser.write(chunk);
    done();
  }

  _flush(done) {
    this.#parser.end();
    const { passed, failed, skipped } = this.#total;
    const skips = skipped > 0 ? ` (${skipped} skipped)` : '';
    this.#say(`\n${passed + failed} tests in ${this.#files} files${skips}\n${passed} passed, ${failed} failed`);
    done();
  }

  #say(line) {
    this.push(`${line}\n`);
  }

  /** Depth 0 is the run, 1 a file, from 2 on tests in it. A test is a block without blocks inside, or an assertion outside any block. */
  #watch(parser, depth, count) {
    let inner;
    parser.on('child', (child) => {
      inner = { passed: 0, failed: 0, skipped: 0 };
      this.#watch(child, depth + 1, inner);
    });
    parser.on('assert', (result) => {
      const block = inner;
      inner = undefined;
      if (block === undefined && !passes(result)) this.#explain(result);
      this.#add(count, block, result, depth);
      if (depth === 0) this.#file(result, block);
    });
  }

  #add(count, block, result, depth) {
    if (block === undefined ? depth === 1 : depth > 0 && block.passed + block.failed + block.skipped === 0) {
      if (result.skip || result.todo) count.skipped++;
      else if (result.ok) count.passed++;
      else count.failed++;
      return;
    }
    if (block === undefined) return;
    count.passed += block.passed;
    count.skipped += block.skipped;
    // A block may fail although all blocks inside pass: a crash, a timeout, an assertion of its own.
    count.failed += passes(result) ? block.failed : Math.max(1, block.failed);
  }

  #file(result, block) {
    this.#files++;
    const name = result.name.replace(/^dist\//, '');
    const tests = block === undefined ? 0 : block.passed + block.failed;
    this.#say(`${passes(result) ? 'ok  ' : 'FAIL'} ${name} (${tests} tests, ${Math.round(result.time ?? 0)} ms)`);
    if (!passes(result) && block?.failed === 0) this.#explain(result);
  }

  #explain(result) {
    this.#say(`\nFAILED ${result.fullname || result.name}`);
    for (const [key, value] of Object.entries(result.diag ?? {})) {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      this.#say(`  ${key}: ${text.trim().replaceAll('\n', '\n    ')}`);
    }
  }
}

function passes(result) {
  return Boolean(result.ok || result.skip || result.todo);
}

export { LineReporter as default };

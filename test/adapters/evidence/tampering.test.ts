/** What an audit finds in a log that somebody has changed with a database program. Positions are those of the story: `ddcddl|ccdl|dn`. */
import t from 'tap';
import { OTHER_KEY } from '../../helpers/evidence.ts';
import { told, writeLog } from '../../helpers/tampering.ts';

t.test('a log that nobody has touched is whole', async (t) => {
  const log = await writeLog(t);
  const { found, keys, ...findings } = await log.audit();
  t.same(found, []);
  t.match(findings, { facts: 14, streams: 5, checkpoints: 2, unsealed: 2, unchained: 0, unordered: 0, faults: 0 });
  t.match(findings, { lastCheckpoint: { number: 1 }, removed: { facts: 0, streams: 0 } });
  t.equal(keys.length, 1);
});

const set = (what: string, position: number) => `UPDATE facts SET ${what} WHERE position = ${position}`;
/** The fact as it was written, of another stream or revision. */
const copied = (from: number, to: Readonly<Record<string, string | number>>): string => {
  const columns = ['position', 'stream', 'revision', 'name', 'id', 'type', 'schema_version', 'time', 'cause_kind', 'cause_id'];
  const all = [...columns, 'request_id', 'data', 'hash'];
  return `INSERT INTO facts (${all}) SELECT ${all.map((column) => to[column] ?? column)} FROM facts WHERE position = ${from}`;
};
/** Makes room for one more fact behind a position. */
const room = (behind: number): string => `
  UPDATE facts SET position = -position - 1 WHERE position > ${behind}; UPDATE facts SET position = -position WHERE position < 0;
  UPDATE facts SET stream = -stream - 1 WHERE stream > ${behind}; UPDATE facts SET stream = -stream WHERE stream < 0`;
/** Each of two facts, neither the first of its stream, goes to the place of the other. */
const exchange = (one: number, other: number): string =>
  [`${set('position = -1', one)}`, set(`position = ${one}`, other), set(`position = ${other}`, -1)].join('; ');
const exchangeData = (one: number, other: number): string => `
  CREATE TEMP TABLE kept AS SELECT position, data FROM facts WHERE position IN (${one}, ${other});
  ${set(`data = (SELECT data FROM kept WHERE position = ${other})`, one)};
  ${set(`data = (SELECT data FROM kept WHERE position = ${one})`, other)}`;

const cases: Readonly<Record<string, readonly [sql: string, found: readonly string[]]>> = {
  'a byte of its data': [set(`data = replace(data, 'somewhere', 'somewhare')`, 2), ['altered desk-1 1']],
  'its time': [set('time = time + 1', 5), ['altered desk-1 3']],
  'who caused it': [set(`cause_id = 'somebody'`, 3), ['altered chair-1 0']],
  'what kind of cause it had': [set(`cause_kind = 'broker'`, 3), ['altered chair-1 0']],
  'its type': [set(`type = 'desk.sold'`, 10), ['altered desk-1 4']],
  'the request that it came from': [set(`request_id = '22222222-2222-4222-8222-222222222222'`, 6), ['altered lamp-1 0']],
  'its id': [set(`id = '22222222-2222-4222-8222-222222222222'`, 8), ['altered chair-1 1']],
  'its version': [set('schema_version = 2', 9), ['altered chair-1 2']],
  'its hash': [set(`hash = upper(hash)`, 4), ['altered desk-1 2']],
  'the hash of the last sealed one': [set(`hash = upper(hash)`, 11), ['altered lamp-1 1']],
  'that it has a hash': [set('hash = NULL', 4), ['unchained desk-1 2']],
  'one that no checkpoint vouches for yet': [set(`data = '{}'`, 13), ['altered desk-1 5']],
  'its text, which is no JSON any more': [set(`data = 'x' || data`, 4), ['unreadable', 'unreadable desk-1 2']],
  'the text of the last sealed one of its stream': [set(`data = 'x' || data`, 11), ['unreadable', 'cut-off lamp-1 1']],
};
for (const [what, [sql, found]] of Object.entries(cases)) {
  t.test(`a fact is altered: ${what}`, async (t) => {
    const log = await writeLog(t);
    await log.tamper(sql);
    t.same((await log.audit()).found.map(told), found);
  });
}

t.test('the sentence names the fact', async (t) => {
  const log = await writeLog(t);
  await log.tamper(set(`data = '{}'`, 5));
  const { found } = await log.audit();
  const message = 'desk-1 at revision 3 (desk.moved, position 5) was altered after it was written, or revision 2 was written again.';
  t.same(found, [{ fault: 'altered', stream: 'desk-1', revision: 3, position: 5, type: 'desk.moved', message }]);
});

const removals: Readonly<Record<string, readonly [sql: string, found: readonly string[]]>> = {
  'in the middle of a stream': ['DELETE FROM facts WHERE position = 4', ['missing desk-1 2']],
  'several, across a checkpoint': ['DELETE FROM facts WHERE position IN (4, 5, 10)', ['missing desk-1 2']],
  'the first of a stream': [
    `DELETE FROM facts WHERE position = 1; UPDATE facts SET stream = 2 WHERE stream = 1; UPDATE facts SET name = 'desk-1' WHERE position = 2`,
    ['missing desk-1 0'],
  ],
  'the first of a stream, which alone spells its name': ['DELETE FROM facts WHERE position = 1', ['cut-off desk-1 0']],
  'the last of a stream': ['DELETE FROM facts WHERE position = 9', ['cut-off chair-1 2']],
  'the end of the log': ['DELETE FROM facts WHERE position > 10', ['missing-checkpoint']],
  'a whole stream': ['DELETE FROM facts WHERE stream = 6', ['cut-off lamp-1 0']],
  'a checkpoint': [
    `DELETE FROM facts WHERE position = 7; UPDATE facts SET stream = 12, name = 'checkpoint-log' WHERE position = 12`,
    ['missing-checkpoint checkpoint-log 0'],
  ],
  'the last checkpoint': ['DELETE FROM facts WHERE position = 12', ['missing-checkpoint']],
  'all checkpoints': ['DELETE FROM facts WHERE stream = 7', ['missing-checkpoint']],
  'all of it': ['DELETE FROM facts', ['missing-checkpoint']],
};
for (const [what, [sql, found]] of Object.entries(removals)) {
  t.test(`facts are removed: ${what}`, async (t) => {
    const log = await writeLog(t);
    await log.tamper(sql);
    t.same((await log.audit(await log.kept())).found.map(told), found);
  });
}

const insertions: Readonly<Record<string, readonly [sql: string, found: readonly string[]]>> = {
  'a stream of its own among sealed ones': [`${room(5)}; ${copied(1, { position: 6, stream: 6, name: `'desk-2'` })}`, ['altered desk-2 0']],
  'at the end of a sealed stream': [`${room(11)}; ${copied(9, { position: 12, revision: 3, id: `'x'` })}`, ['altered chair-1 3']],
  'into the middle of a stream': [
    `${room(4)}; UPDATE facts SET revision = -revision WHERE stream = 1 AND revision >= 3;
     UPDATE facts SET revision = 1 - revision WHERE revision < 0; ${copied(4, { position: 5, revision: 3 })}`,
    ['altered desk-1 3', 'altered desk-1 4', 'altered desk-1 5', 'altered desk-1 6'],
  ],
  'a copy of the one before': [`DROP INDEX facts_by_stream; ${room(4)}; ${copied(4, { position: 5 })}`, ['misplaced desk-1 2']],
};
for (const [what, [sql, found]] of Object.entries(insertions)) {
  t.test(`a fact is inserted: ${what}`, async (t) => {
    const log = await writeLog(t);
    await log.tamper(sql);
    t.same((await log.audit()).found.map(told), found);
  });
}

t.test('a fact with a hash that fits is found among sealed ones; behind them it looks like any other', async (t) => {
  const log = await writeLog(t, 'cd|cd|cl');
  t.match(await log.audit(), { faults: 0, unsealed: 2 });
  await log.tamper(`${room(4)}; ${set('position = 5', 8)}; ${room(5)}; ${set('position = 6, stream = 6', 10)}`);
  t.same((await log.audit()).found.map(told), ['inserted chair-1 2', 'inserted lamp-1 0']);
});

const orders: Readonly<Record<string, readonly [sql: string, found: readonly string[]]>> = {
  'two of one stream': [exchange(4, 5), ['misplaced desk-1 2']],
  'two of one stream, with a checkpoint in between': [exchange(5, 10), ['reordered', 'misplaced desk-1 3']],
  'what two of a stream say': [exchangeData(4, 5), ['altered desk-1 2', 'altered desk-1 3']],
  'two of two streams': [exchange(9, 10), ['reordered']],
};
for (const [what, [sql, found]] of Object.entries(orders)) {
  t.test(`facts are put into another order: ${what}`, async (t) => {
    const log = await writeLog(t);
    await log.tamper(sql);
    t.same((await log.audit()).found.map(told), found);
  });
}

const jws = (value: string): string => `data = json_set(data, '$.jws', ${value})`;
const checkpoints: Readonly<Record<string, readonly [sql: string, found: readonly string[], message: RegExp]>> = {
  'its time': [
    set(`data = json_set(data, '$.time', 1)`, 7),
    ['bad-checkpoint checkpoint-log 0'],
    /^Checkpoint 0 is not what was signed: it was altered, or made by somebody without the key\.$/,
  ],
  'a hash that it seals': [
    set(`data = json_set(data, '$.heads[1][2]', 'another')`, 12),
    ['bad-checkpoint checkpoint-log 1'],
    /^Checkpoint 1 is not what was signed/,
  ],
  'its signature': [set(jws(`'x..y'`), 7), ['bad-checkpoint checkpoint-log 0'], /is not what was signed/],
  'all of it': [
    set(`data = '{}'`, 7),
    ['bad-checkpoint checkpoint-log 0'],
    /^Checkpoint 0 cannot be read: it was altered, or is not one\.$/,
  ],
  'when it was written': [
    set('time = 1', 7),
    ['altered checkpoint-log 0'],
    /^checkpoint-log at revision 0 \(checkpoint.signed, position 7\)/,
  ],
  'which it is': [
    `CREATE TEMP TABLE kept AS SELECT data FROM facts WHERE position = 7; ${set('data = (SELECT data FROM kept)', 12)}`,
    ['bad-checkpoint checkpoint-log 1'],
    /^Checkpoint 1 was checkpoint 0 when it was signed\.$/,
  ],
};
for (const [what, [sql, found, message]] of Object.entries(checkpoints)) {
  t.test(`a checkpoint is altered: ${what}`, async (t) => {
    const log = await writeLog(t);
    await log.tamper(sql);
    const { found: faults } = await log.audit();
    t.same(faults.map(told), found);
    t.match(faults[0]?.message, message);
  });
}

t.test('a stream is written again, with hashes that fit together', async (t) => {
  const log = await writeLog(t);
  const forged = await writeLog(t, 'ddcddl|ccdl|dn');
  await log.tamper(`
    ATTACH '${forged.file}' AS forged;
    UPDATE facts SET (id, data, hash) = (SELECT id, data, hash FROM forged.facts AS other WHERE other.position = facts.position) WHERE stream = 1`);
  const { found } = await log.audit();
  t.same(found.map(told), ['reordered', 'reordered', 'rewritten desk-1 3']);
  const message =
    'desk-1 was written again between revisions 0 and 3: its hashes fit together, but are not those that checkpoint 0 sealed.';
  t.match(found.slice(-1), [{ message, position: 5, type: 'desk.moved', checkpoint: 0 }]);
});

t.test('a whole log is written again, with a key of somebody else', async (t) => {
  const log = await writeLog(t);
  const forged = await writeLog(t, undefined, OTHER_KEY);
  t.same((await forged.audit()).found, [], 'it is sound in itself');
  const { found } = await forged.audit(await log.kept());
  t.same(found.map(told), ['bad-checkpoint checkpoint-log 0', 'bad-checkpoint checkpoint-log 1']);
  t.match(found[0]?.message, /^Checkpoint 0 is signed with the key [\w-]{43}, which is not one of those to trust\.$/);
});

t.test('a whole log is written again by somebody who has the key: only what was kept elsewhere tells', async (t) => {
  const log = await writeLog(t);
  const forged = await writeLog(t);
  t.same((await forged.audit()).found, []);
  const { found } = await forged.audit(await log.kept());
  t.same(found.map(told), ['bad-checkpoint checkpoint-log 1']);
  t.match(found[0]?.message, 'Checkpoint 1 is another than the one that was kept elsewhere.');
});

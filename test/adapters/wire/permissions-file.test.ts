import t from 'tap';
import { decodePermissions, permissionsFaults } from '../../../adapters/wire/permissions-file.ts';

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');

t.test('a file with every part of the grammar has no fault', async (t) => {
  const lines = [
    '#import /etc/dcv/default.perm',
    '#import ../more of it.perm',
    '# a comment',
    '; another',
    '[groups]',
    'team = ann, user:CORP\\bob, group:others, osgroup:Domain Users',
    '[aliases]',
    'files=file-upload, file-download',
    'all=files, builtin',
    '',
    '[permissions]',
    '%owner% allow all',
    '%any% disallow clipboard-copy, clipboard-paste',
    'osgroup:Domain Users deny  files usb',
    'group:team allow\tscreenshot',
    'CORP\\ann allow printer',
  ];
  for (const end of ['\n', '\r\n', '\r']) t.same(permissionsFaults(lines.join(end)), []);
  t.same(permissionsFaults(''), []);
  t.same(permissionsFaults('[aliases]\nfiles=file-upload'), []);
});

t.test('a fault is named with its line', async (t) => {
  const faults: readonly [string, string][] = [
    ['%any% allow builtin', 'line 1: this comes before the first section, such as [permissions]'],
    ['[permission]\nx', 'line 1: there is no section [permission]; the sections are [groups], [aliases] and [permissions]'],
    ['#import', 'line 1: #import needs the path of a file'],
    ['[permissions]\n#import x', 'line 2: #import must come before the first section'],
    ['[groups]\nteam', 'line 2: expected name=value, value'],
    ['[groups]\na team=ann', 'line 2: "a team" is not a name; names have letters, digits, "-", "_" and "."'],
    ['[groups]\nteam=ann,', 'line 2: a value is missing'],
    ['[aliases]\nx=fil!', 'line 2: "fil!" is not the name of a feature'],
    ['[permissions]\n\nann builtin', 'line 3: expected an actor, then allow, disallow or deny, then features'],
    ['[permissions]\nallow usb', 'line 2: the actor before allow is missing: a user, group:name, osgroup:name, %owner% or %any%'],
    ['[permissions]\nann deny', 'line 2: the features after deny are missing'],
    ['[permissions]\n%all% allow usb', 'line 2: there is no actor %all%; the variables are %owner% and %any%'],
    ['[permissions]\ngroup: allow usb', 'line 2: the name after group: is missing'],
    ['[permissions]\n%any% deny clipbord-copy', 'line 2: there is no feature "clipbord-copy"; did you mean clipboard-copy?'],
  ];
  for (const [text, fault] of faults) t.same(permissionsFaults(text), [fault], text);
});

t.test('a feature of a newer DCV server is let through, and one that is nearly known is not', async (t) => {
  const permit = (feature: string) => permissionsFaults(`[permissions]\n%any% allow ${feature}`);
  for (const feature of ['webauthn-redirection', 'tab', 'audio', 'BUILTIN']) t.same(permit(feature), [], feature);
  for (const feature of ['moose', 'file-uplaod', 'keyboard-sa']) t.equal(permit(feature).length, 1, feature);
});

t.test('of many faults the first are listed', async (t) => {
  const faults = permissionsFaults('x\n'.repeat(40));
  t.equal(faults.length, 11);
  t.equal(faults.at(-1), 'and 30 more lines');
});

t.test('what is not base64, or not text, is told apart', async (t) => {
  t.same(decodePermissions(base64('[permissions]\r\n')), { text: '[permissions]\r\n' });
  t.same(decodePermissions(base64('\ufeff[permissions]')), { text: '[permissions]' });
  for (const wrong of ['YQ', 'YQ=', 'Y-_=', ' YQ==', 'YQ==\n']) t.same(decodePermissions(wrong), { fault: 'is not base64' }, wrong);
  t.same(decodePermissions(base64(Buffer.from([0xc3, 0x28]))), { fault: 'is not text in UTF-8' });
  t.same(decodePermissions(base64('[permissions]\0')), { fault: 'is not text' });
});

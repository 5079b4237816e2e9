/** How far clients may go: what is left of it by an owner, and by a token that was narrowed. */
import fc from 'fast-check';
import t from 'tap';
import { EVERYTHING, NOTHING, narrowed, OWNER_SCOPES, type Reach, SCOPES, scopesOf } from '../../../domain/access/reach.ts';

const scopes = fc.subarray([...SCOPES]);
const reaches = fc.record<Reach>({ scopes: fc.option(scopes), owner: fc.option(fc.constantFrom('ann', 'bob')) });
const countOf = (reach: Reach): readonly string[] => scopesOf(reach) ?? SCOPES;

t.test('a client without scopes has all, and one of one owner those about sessions', async (t) => {
  t.equal(scopesOf(EVERYTHING), null);
  t.same(scopesOf(NOTHING), []);
  t.same(scopesOf({ scopes: ['audit:read'], owner: null }), ['audit:read']);
  t.same(scopesOf({ scopes: null, owner: 'ann' }), OWNER_SCOPES);
  t.same(scopesOf({ scopes: ['servers:write', 'sessions:read'], owner: 'ann' }), ['sessions:read']);
});

t.test('narrowing takes away and never gives, and leaves the owner', async (t) => {
  const property = fc.property(reaches, fc.option(scopes), (reach, wanted) => {
    const less = narrowed(reach, wanted);
    const expected = countOf(reach).filter((scope) => wanted === null || wanted.some((each) => each === scope));
    t.same([...countOf(less)].sort(), [...expected].sort());
    t.equal(less.owner, reach.owner);
  });
  fc.assert(property);
  t.equal(narrowed(EVERYTHING, null), EVERYTHING, 'and nothing is taken where nothing is asked for');
});

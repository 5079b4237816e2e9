/** Values as a model on the wire wants them, for fast-check: what attacks begin with. */
import fc from 'fast-check';
import { z } from 'zod';

/** As much of JSON Schema as the models come to. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly minItems?: number;
  readonly format?: string;
  readonly contentEncoding?: string;
}

/** What to say for a field of this name in small letters; undefined: whatever its type allows. */
export type Vocabulary = Readonly<Record<string, fc.Arbitrary<unknown>>>;

export function valuesOf(model: z.ZodType, words: Vocabulary): fc.Arbitrary<unknown> {
  return valueFor(z.toJSONSchema(model, { io: 'input', unrepresentable: 'any' }) as Schema, words);
}

function valueFor(schema: Schema, words: Vocabulary): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => valueFor(choice, words)));
  switch (schema.type) {
    case 'object':
      return objectOf(schema, words);
    case 'array':
      return listOf(schema, words);
    case 'integer':
      return fc.integer({ min: within(schema.minimum ?? 0), max: within(schema.maximum ?? 1000) });
    case 'number':
      return fc.double({ min: 0, max: 100, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'string':
      return textOf(schema);
    default:
      return fc.oneof(fc.constant(null), fc.string({ maxLength: 10 }), fc.integer());
  }
}

function objectOf({ properties = {}, required = [] }: Schema, words: Vocabulary): fc.Arbitrary<unknown> {
  const fields = Object.entries(properties).map(([name, schema]) => [name, words[name.toLowerCase()] ?? valueFor(schema, words)] as const);
  const spoken = Object.keys(properties).filter((name) => words[name.toLowerCase()] !== undefined);
  return fc.record(Object.fromEntries(fields), { requiredKeys: [...new Set([...required, ...spoken])] });
}

function listOf({ items = {}, prefixItems, minItems = 0, maxItems = 3 }: Schema, words: Vocabulary): fc.Arbitrary<unknown> {
  if (prefixItems !== undefined) return fc.tuple(...prefixItems.map((item) => valueFor(item, words)));
  return fc.array(valueFor(items, words), { minLength: minItems, maxLength: Math.min(3, maxItems) });
}

function textOf({ format, contentEncoding }: Schema): fc.Arbitrary<unknown> {
  if (contentEncoding === 'base64') return fc.base64String({ maxLength: 40 });
  if (format === 'uuid') return fc.uuid();
  return fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/);
}

/** Numbers that are any good: what is huge comes with what is wrong. */
const within = (bound: number): number => Math.max(-1000, Math.min(1000, bound));

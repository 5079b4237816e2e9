/**
 * The building blocks of the models on the wire. Every field is optional and null counts as absent, for that is how the clients of this
 * API are generated; what an operation needs is checked item by item, so that one bad item does not sink its neighbours.
 */
import { z } from 'zod';

/** Every model by the name that generated clients give its class. */
export const models = z.registry<{ id: string }>();

/** What a document may say about a field besides its type. */
export interface FieldNotes {
  readonly example?: string;
  readonly deprecated?: true;
  /** The published document marks it so; every other field takes null as well. */
  readonly nullable?: true;
}

export const text = (description: string, notes: FieldNotes = {}) =>
  z
    .string()
    .nullish()
    .meta({ description, ...notes });

export const flag = (description: string) => z.boolean().nullish().meta({ description });

/** A whole number within ±(2^53 − 1). */
export const integer = (description: string, format?: 'int32' | 'int64', notes: FieldNotes = {}) =>
  z
    .int()
    .nullish()
    .meta({ description, ...(format && { format }), ...notes });

export const float = (description: string) => z.number().nullish().meta({ description, format: 'float' });

/** ISO 8601 in UTC with milliseconds. */
export const time = (description: string) => z.string().nullish().meta({ description, format: 'date-time' });

export const list = <Item extends z.ZodType>(item: Item, description: string) => z.array(item).nullish().meta({ description });

export const texts = (description: string) => list(z.string(), description);

/** Another model as a field. */
export const one = <Model extends z.ZodType>(schema: Model) => schema.nullish();

/** A named model. A field that it does not have is an error, as with the original. */
export function model<Fields extends z.ZodRawShape>(name: string, description: string, fields: Fields) {
  const schema = z.strictObject(fields).meta({ description });
  models.add(schema, { id: name });
  return schema;
}

export const keyValuePair = model('KeyValuePair', 'A key and its value.', {
  Key: text('The key.'),
  Value: text('The value.'),
});

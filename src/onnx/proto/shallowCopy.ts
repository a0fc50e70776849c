import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';

/**
 * A message with the same fields (unknown ones included) but for `changes`; sub-messages and bytes are shared, not
 * copied. An `undefined` change clears the field.
 */
export function shallowCopy<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  changes: Partial<MessageShape<D>>,
): MessageShape<D> {
  const copy = Object.assign(create(schema), message, changes);
  for (const key of Object.keys(changes) as (keyof MessageShape<D>)[]) {
    if (changes[key] === undefined) delete copy[key];
  }
  return copy;
}

const cache = new WeakMap<object, Buffer>();

/**
 * The JSON of a value that never changes, made once for as long as the value lives. With ten thousand plugins, making
 * the list anew would take longer than all the rest of the request.
 */
export function jsonOf(value: object): Buffer {
  let json = cache.get(value);
  if (json === undefined) {
    json = Buffer.from(JSON.stringify(value));
    cache.set(value, json);
  }
  return json;
}

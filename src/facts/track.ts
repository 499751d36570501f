/** Facts that change by themselves, and that a plan therefore does not hang on. */
const volatile: readonly RegExp[] = [
  /^identity\.bootId$/,
  /^memory\.availableKiB$/,
  /^memory\.hugepages\.\d+\.free$/,
  /^log\./,
  /^hardware\.nodes\.\d+\.freeKiB$/,
  // Another number after each replug: the port is what stays.
  /^hardware\.usb\.\d+\.device$/,
  // libvirt's while a guest that has the device runs; what hangs on it shows in the changes.
  /^hardware\.usb\.\d+\.node(?:\.|$)/,
];

/**
 * The same facts, with every value that is read told to `onRead` by its dotted path: `iommu.firmware`, `pci.3.driver`.
 * So a saved plan knows what it rests on.
 */
export function trackFacts<T extends object>(facts: T, onRead: (path: string, value: unknown) => void): T {
  const wrapped = new WeakMap<object, object>();
  const wrap = <O extends object>(target: O, path: string): O => {
    const known = wrapped.get(target);
    if (known !== undefined) return known as O;
    const proxy = new Proxy(target, {
      get(object, key, receiver) {
        const value: unknown = Reflect.get(object, key, receiver);
        if (typeof key === 'symbol' || typeof value === 'function') return value;
        const below = path === '' ? key : `${path}.${key}`;
        if (isPlain(value)) return wrap(value, below);
        if (!volatile.some((pattern) => pattern.test(below))) onRead(below, value ?? null);
        return value;
      },
    });
    wrapped.set(target, proxy);
    return proxy;
  };
  return wrap(facts, '');
}

/** The value of a dotted path now; `null` where it leads nowhere. A key may hold dots itself, as a PCI address does. */
export function factAt(facts: unknown, path: string): unknown {
  return valueAt(facts, path.split('.')) ?? null;
}

function valueAt(value: unknown, keys: readonly string[]): unknown {
  if (keys.length === 0) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  for (let taken = 1; taken <= keys.length; taken++) {
    const key = keys.slice(0, taken).join('.');
    if (!Object.hasOwn(value, key)) continue;
    const found = valueAt((value as Record<string, unknown>)[key], keys.slice(taken));
    if (found !== undefined) return found;
  }
  return undefined;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

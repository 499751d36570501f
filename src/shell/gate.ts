/** Lets tasks in; `pass` says that the next one may come although the task is not done. */
export type Gate = <Value>(task: (pass: () => void) => Promise<Value>) => Promise<Value>;

/** A gate that is open, or that lets in one task at a time, in the order of arrival. */
export function createGate(kind: 'open' | 'one at a time'): Gate {
  if (kind === 'open') return async (task) => task(() => {});
  let last: Promise<void> = Promise.resolve();
  return async (task) => {
    const before = last;
    let pass = (): void => {};
    last = new Promise((resolve) => {
      pass = resolve;
    });
    await before;
    try {
      return await task(pass);
    } finally {
      pass();
    }
  };
}

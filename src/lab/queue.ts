/** Returns what runs pieces of work one after the other, whether or not those before succeeded. */
export function queue(): (work: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return async (work) => {
    const done = last.then(work);
    last = done.catch(() => {});
    await done;
  };
}

import { VfleetError } from '../src/errors.ts';

/** The code of the error that an act throws; `none` where it throws none. */
export function errorCode(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof VfleetError) return thrown.code;
    throw thrown;
  }
  return 'none';
}

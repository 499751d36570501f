// Reading and writing any number of resources with one script each.
export { type Found, parseRead, type Reads, readScript, type Seen } from './read-batch.ts';
export { writeScript } from './write-batch.ts';
export { parseWrite, type WriteResult } from './write-result.ts';

/** Character devices of every node, as `name major minor`. Source: kernel Documentation/admin-guide/devices.txt. */
export const devices = [
  { name: 'null', major: 1, minor: 3 },
  { name: 'zero', major: 1, minor: 5 },
  { name: 'full', major: 1, minor: 7 },
  { name: 'random', major: 1, minor: 8 },
  { name: 'urandom', major: 1, minor: 9 },
] as const;

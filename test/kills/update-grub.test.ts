import { killsOf } from './kills.ts';

killsOf('debian-12-intel', { undo: true });

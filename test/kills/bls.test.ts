import { killsOf } from './kills.ts';

killsOf('rocky-9.4-intel');

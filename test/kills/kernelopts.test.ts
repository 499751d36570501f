import { killsOf } from './kills.ts';

killsOf('rocky-8-intel');

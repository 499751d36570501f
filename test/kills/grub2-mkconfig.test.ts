import { killsOf } from './kills.ts';

killsOf('centos-7-intel');

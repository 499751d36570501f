import { killsOf } from './kills.ts';

killsOf('fedora-coreos-ostree');

import { killsOf } from './kills.ts';

// It fails today: a cut after the stamp and before the orderly shutdown loses what rpm-ostree has staged in /run, and the next
// apply takes the reboot for one that was in vain.
killsOf('fedora-coreos-ostree', { onlyWithAll: true });

/** What goes wrong in a scenario. Plain data: a scenario is made smaller by leaving some out. `exec`: the host's n-th script. */
export type Fault =
  /** Nobody can log in for a while; `until` null: never again. */
  | { readonly kind: 'unreachable'; readonly host: string; readonly from: number; readonly until: number | null }
  /** The link dies when a script is sent, while it runs, or when it has done its work and is about to answer. */
  | { readonly kind: 'cut'; readonly host: string; readonly exec: number; readonly when: 'before' | 'middle' | 'after' }
  /** A script never answers; with `effect` it has done its work. */
  | { readonly kind: 'hang'; readonly host: string; readonly exec: number; readonly effect: boolean }
  /** Power is lost under a script after so many of its statements, and comes back. */
  | { readonly kind: 'power-cut'; readonly host: string; readonly exec: number; readonly statements: number }
  /** It does not come back from a reboot. */
  | { readonly kind: 'lost'; readonly host: string }
  /** It boots an entry from before, whatever is configured. */
  | { readonly kind: 'old-arguments'; readonly host: string }
  /** So many requests to reboot are accepted, and nothing happens. */
  | { readonly kind: 'ignored-reboot'; readonly host: string; readonly times: number }
  | { readonly kind: 'slow-boot'; readonly host: string; readonly milliseconds: number }
  | { readonly kind: 'guests'; readonly host: string }
  /** The firmware has the IOMMU switched off: the gate is closed. */
  | { readonly kind: 'no-iommu'; readonly host: string }
  /** Generating the boot configuration fails so many times. */
  | { readonly kind: 'job-fails'; readonly host: string; readonly times: number }
  | { readonly kind: 'disk-full'; readonly host: string }
  /** Somebody edits the boot settings by hand right before a script. */
  | { readonly kind: 'edit'; readonly host: string; readonly exec: number }
  /** Somebody reboots the host by hand. */
  | { readonly kind: 'foreign-reboot'; readonly host: string; readonly at: number }
  /** Another program holds the host lock for a while. */
  | { readonly kind: 'foreign-lock'; readonly host: string; readonly from: number; readonly milliseconds: number }
  /** A hook ends badly, or never, so many times. */
  | { readonly kind: 'hook-fails'; readonly host: string; readonly hook: HookName; readonly times: number }
  | { readonly kind: 'hook-hangs'; readonly host: string; readonly hook: HookName; readonly times: number }
  /** It dies so long after it was verified, while it is watched; with `back` it boots anew. */
  | { readonly kind: 'dies-soaking'; readonly host: string; readonly after: number; readonly back: boolean }
  /** Power fails for it when the controller first dies, as in one room; with `back` it boots anew. */
  | { readonly kind: 'falls-with-controller'; readonly host: string; readonly back: boolean }
  /** The controller dies when so many lines of its journal are on disk, and no more of them. */
  | { readonly kind: 'kill-at-line'; readonly line: number }
  /** The controller dies so long after its n-th event; `torn`: this share of what was not synced is on its disk. */
  | { readonly kind: 'kill'; readonly event: number; readonly after: number; readonly torn: number }
  /** Somebody asks to stop, and later perhaps to give up waiting. */
  | { readonly kind: 'stop'; readonly at: number; readonly abandonAfter: number | null }
  | { readonly kind: 'wall-jump'; readonly at: number; readonly by: number }
  /** A second operator begins the same rollout at the same time; `knows`: from the same controller, whose processes they know. */
  | { readonly kind: 'second-operator'; readonly at: number; readonly knows: boolean };

/** The hooks of a simulated host. */
export type HookName = 'drain' | 'undrain';

export type FaultKind = Fault['kind'];
export type FaultOf<Kind extends FaultKind> = Extract<Fault, { readonly kind: Kind }>;
/** Faults of one host. */
export type HostFault = Extract<Fault, { readonly host: string }>;

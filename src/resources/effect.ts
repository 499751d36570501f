/**
 * What a change makes due on a host. Plain data: it is kept on the host until `settle()` has consumed it, so that
 * whatever dies in between, the next run goes on from it. Consumed in this order.
 */
export type Effect =
  | { readonly kind: 'initramfs'; readonly reason: string }
  | {
      readonly kind: 'boot-configuration';
      readonly reason: string;
      /** Tokens that every generated boot entry must show when it is read back. */
      readonly present: readonly string[];
      /** Argument names that no generated boot entry may show. */
      readonly absent: readonly string[];
      /** Those of `present` that must stand there literally (`exactly()`); absent: none. */
      readonly exact?: readonly string[] | undefined;
      /** Tokens that the boot loader's own tool is to take out, as they stand; of generated entries: that go from them. */
      readonly remove?: readonly string[];
      /** Of `remove`, as often as they are others' too and stay: a tool that is run once more takes out no more. */
      readonly keep?: readonly string[];
      /** Tokens that the boot loader's own tool is to add; absent where files are written. */
      readonly add?: readonly string[];
      /** Nobody knows before what the entries will have: arguments that would go, other than `remove`, stop it. */
      readonly guarded?: true;
    }
  /** udev is to read its rules anew, and to apply them to what is there of these subsystems. */
  | {
      readonly kind: 'udev';
      readonly reason: string;
      readonly subsystems: readonly string[];
      /** USB devices whose nodes are, or are no more, another group's by these rules; absent: none are. */
      readonly usb?: readonly UsbGrant[];
    }
  | {
      readonly kind: 'service';
      readonly reason: string;
      readonly unit: string;
      /** Its file goes, so that it is stopped, not restarted: for words, as the host sees that for itself. */
      readonly gone?: true;
    }
  /** Devices are to be given to a driver now; a reboot does it, too. */
  | { readonly kind: 'devices'; readonly reason: string; readonly devices: readonly HeldDevice[] }
  | {
      readonly kind: 'reboot';
      readonly reason: string;
      /** Tokens that `/proc/cmdline` must show, and names that it must not, once the host is back. */
      readonly present: readonly string[];
      readonly absent: readonly string[];
      readonly exact?: readonly string[] | undefined;
    };

/** A USB device whose node in `/dev` rules give to a group. */
export interface UsbGrant {
  /** `1-2.3`. */
  readonly port: string;
  /** `vendor:product` that must be found there. */
  readonly id: string;
  /**
   * A rule names its group. Else the node is to be made root's again: udev changes group and mode only where a rule names them
   * (systemd, src/udev/udev-node.c), so that a rule that is gone would be obeyed until the device is plugged in anew.
   */
  readonly granted: boolean;
}

/** A PCI device and what is to hold it. */
export interface HeldDevice {
  /** Full address. */
  readonly address: string;
  /** `vendor:device` that must be found there: an address may have moved. */
  readonly id: string;
  /** `null`: whichever driver the kernel chooses, and no override. */
  readonly driver: string | null;
}

/**
 * Whether a host is to be prepared for devices: some are named for it, or the consumer is not the plain one, as the host agent of
 * Cloudpods takes devices by what they are, named or not.
 */
export function asksForDevices({
  consumer,
  devices,
}: {
  readonly consumer: string;
  readonly devices: readonly unknown[];
}): boolean {
  return consumer !== 'plain' || devices.length > 0;
}

import type { Device, Transfer } from '../api/types'
import { legible } from '../text/legible'

/** What the other side of a transfer is called here. The node may know it by its ID alone until it has answered. */
export function otherSide(t: Transfer, devices: readonly Device[]): string {
  const id = t.device_id || t.device
  const known = devices.find((d) => d.id === id)
  return legible(known?.alias || (t.device !== id && t.device) || known?.name || t.device || t.address || '…')
}

import { api, take } from '../../api/client'
import type { DeviceChange } from '../../api/types'
import { node } from '../../state/node.svelte'

/** Changes what is decided for a device, and shows it as it is then. */
export async function change(id: string, to: DeviceChange): Promise<void> {
  const device = await take(api.PUT('/api/v1/devices/{id}', { params: { path: { id } }, body: to }))
  node.devices = node.devices.map((d) => (d.id === id ? device : d))
}

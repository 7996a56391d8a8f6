import type { Component } from 'svelte'
import type { View } from '../state/route.svelte'

/** Each view is a part of its own, which is loaded when it is first shown. */
export const parts: Record<View, () => Promise<{ default: Component }>> = {
  send: () => import('./send/Send.svelte'),
  receive: () => import('./receive/Receive.svelte'),
  transfers: () => import('./transfers/Transfers.svelte'),
  history: () => import('./history/History.svelte'),
  devices: () => import('./devices/Devices.svelte'),
  speed: () => import('./speed/Speed.svelte'),
  settings: () => import('./settings/Settings.svelte'),
}

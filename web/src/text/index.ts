import { devices } from './en/devices'
import { history } from './en/history'
import { picker } from './en/picker'
import { receive } from './en/receive'
import { send } from './en/send'
import { settings } from './en/settings'
import { shell } from './en/shell'
import { signin } from './en/signin'
import { speed } from './en/speed'
import { transfers } from './en/transfers'

/**
 * All that the page says, by the view that says it. A second language is a second object of this type. Plain texts are
 * strings; what has a number or a name in it is a function.
 */
export const t = { shell, signin, send, receive, picker, transfers, history, devices, speed, settings }
export type Texts = typeof t

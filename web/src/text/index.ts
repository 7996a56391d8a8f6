import { picker } from './en/picker'
import { receive } from './en/receive'
import { send } from './en/send'
import { shell } from './en/shell'
import { signin } from './en/signin'

/**
 * All that the page says, by the view that says it. A second language is a second object of this type. Plain texts are
 * strings; what has a number or a name in it is a function.
 */
export const t = { shell, signin, send, receive, picker }
export type Texts = typeof t

/**
 * A name that came from elsewhere, for eyes: what would turn the direction of the text around it, or hide, is written as
 * "\u202e", as the node's commands do. Else a name that ends in "gpj.exe" could read as one that ends in "exe.jpg". All
 * other characters, of any script, stay as they are.
 */
export function legible(name: string): string {
  return name.replace(
    /[\p{Bidi_Control}\u00ad\u200b\u2028\u2029\ufeff]/gu,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A part of a sentence: plain text, or a name, which reads in its own direction. */
export type Part = string | { name: string }
export type Sentence = Part[]

/** Makes a sentence of a template whose values are names: say`Sending to ${device}`. */
export function say(texts: TemplateStringsArray, ...names: string[]): Sentence {
  const parts: Part[] = []
  texts.forEach((text, i) => {
    if (text) parts.push(text)
    const name = names[i]
    if (name !== undefined) parts.push({ name })
  })
  return parts
}

/** A sentence as one text, for copying and searching. */
export function plain(sentence: Sentence): string {
  return sentence.map((part) => (typeof part === 'string' ? part : part.name)).join('')
}

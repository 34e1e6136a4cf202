/** Colours only where somebody looks. */
const colours = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined
const painted = (code: string, text: string): string => (colours ? `\u001b[${code}m${text}\u001b[0m` : text)

export const bold = (text: string): string => painted('1', text)
export const dim = (text: string): string => painted('2', text)
export const red = (text: string): string => painted('31', text)
export const green = (text: string): string => painted('32', text)

import type { Conclusion } from '../results.ts'
import { sign } from './html.ts'

/** A sign at a place of the graph. */
export function graphSign(conclusion: Conclusion, x: number, y: number): string {
  return sign(conclusion).replace('<svg ', `<svg x="${x}" y="${y}" `)
}

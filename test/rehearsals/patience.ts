import { jest } from '@jest/globals'

// A delivery takes seconds, on a busy machine many of them: this bound is for what hangs.
jest.setTimeout(300_000)

// What both journeys share: whose tokens there are, and a line on standard output for each call that went well.

import assert from 'node:assert/strict'

export const { SERVER, ANN, BEN } = process.env
export const PATIENCE = 30_000

// Waits for the answer to the call of this name, and says that it came.
export async function used(name, answer) {
  const value = await answer
  console.log(name)
  return value
}

// Resolves when `check` has found what it looks for, asking again every 50 ms for as long as patience lasts.
export async function until(check) {
  const deadline = Date.now() + PATIENCE
  for (;;) {
    const found = await check()
    if (found) return found
    assert.ok(Date.now() < deadline, `did not come: ${check}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export { assert }

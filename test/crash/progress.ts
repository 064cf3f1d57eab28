/** How often it is looked whether anything has happened, ms. */
const lookMs = 1_000

export interface Watch<T> {
  /** Another value after anything that has happened. */
  readonly signs: () => unknown
  readonly looks: number
  readonly most: number
  readonly stalled: () => Promise<T>
}

/**
 * What `work` answers, or what `stalled` does once `signs` has stayed the same for `looks` looks, or `most` of them are over. A machine
 * that is busy is slow, but goes on. Looks are counted, not time, in which this process may not have run either.
 */
export async function whileItGoesOn<T>(
  work: Promise<T>,
  { signs, looks, most, stalled }: Watch<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const standsStill = new Promise<void>((resolve) => {
    let [last, same, all] = [signs(), 0, 0]
    timer = setInterval(() => {
      const now = signs()
      same = now === last ? same + 1 : 0
      last = now
      all += 1
      if (same >= looks || all >= most) resolve()
    }, lookMs)
  })
  try {
    return await Promise.race([work, standsStill.then(stalled)])
  } finally {
    clearInterval(timer)
  }
}

/** Whoever is asked may be the one that hangs, ms. */
const answerMs = 5_000

/** What `asked` answers, or `late` when it does not answer for so long. */
export async function atMost<T>(asked: Promise<T>, late: T, ms = answerMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<T>((resolve) => (timer = setTimeout(resolve, ms, late)))
  try {
    return await Promise.race([asked, over])
  } finally {
    clearTimeout(timer)
  }
}

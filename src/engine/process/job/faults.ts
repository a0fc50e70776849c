/** What went wrong, in one sentence for people; `cause` is for the log. */
export class EngineFault extends Error {
  override name = 'EngineFault';
}

/** Thrown between chunks of work once the caller has cancelled. */
export class JobCancelled extends Error {
  override name = 'JobCancelled';
}

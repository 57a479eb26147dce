import { useCallback, useState } from "react";

interface Attempt {
  isPending: boolean;
  /** Why the last one failed; undefined if it did not. */
  error: unknown;
}

/** Runs something that may fail, once at a time, and keeps how it went. */
export function useAttempt(): [(action: () => Promise<void>) => Promise<void>, Attempt] {
  const [state, setState] = useState<Attempt>({ isPending: false, error: undefined });
  const run = useCallback(async (action: () => Promise<void>) => {
    setState({ isPending: true, error: undefined });
    try {
      await action();
      setState({ isPending: false, error: undefined });
    } catch (error) {
      setState({ isPending: false, error });
    }
  }, []);
  return [run, state];
}

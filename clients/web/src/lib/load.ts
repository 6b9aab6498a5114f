// Data of a view: loaded when what it depends on changes, the old kept on screen meanwhile.
import { useEffect, useRef, useState } from "preact/hooks";

import { isAborted } from "./api";

export interface Loaded<T> {
  data: T | undefined;
  error: unknown;
  loading: boolean;
}

// `key` says what is loaded: where it changes, it is loaded anew. `delay` waits for a hand that is
// still moving.
export function useLoad<T>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<T>,
  delay = 0,
): Loaded<T> {
  const [state, setState] = useState<Loaded<T>>({
    data: undefined, error: undefined, loading: true,
  });
  const loader = useRef(load);
  loader.current = load;
  useEffect(() => {
    if (key === undefined) return;
    const controller = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    const timer = setTimeout(() => {
      loader.current(controller.signal).then(
        (data) => {
          if (!controller.signal.aborted) setState({ data, error: undefined, loading: false });
        },
        (error) => {
          if (controller.signal.aborted || isAborted(error)) return;
          setState({ data: undefined, error, loading: false });
        },
      );
    }, delay);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [key]);
  return state;
}

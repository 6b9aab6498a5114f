// What every form shares: it shows what it would do, is sent once, and says as which event it was
// recorded.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import "../../styles/forms.css";
import type { Receipt } from "../../gen/credence/v1/common_pb";
import type { Loaded } from "../../lib/load";
import { Dialog, Problem } from "../../ui/parts";

// A hand that still types is waited for.
export const REST_MILLISECONDS = 250;

interface Recorded {
  receipt?: Receipt;
}

export interface Write<Result extends Recorded> {
  result: Result | undefined;
  error: unknown;
  busy: boolean;
  // True from the sending on, unless it failed: what it would do is then no question any more.
  sent: boolean;
  submit: (event: Event) => Promise<void>;
}

// `send` writes with the options that it is given. One form has one id, however often it is sent: a
// repeat is recorded once.
export function useWrite<Result extends Recorded>(
  send: (options: { requestId: string }) => Promise<Result>,
): Write<Result> {
  const requestId = useMemo(() => crypto.randomUUID(), []);
  const [state, setState] = useState<Omit<Write<Result>, "submit" | "sent">>({
    result: undefined, error: undefined, busy: false,
  });
  const submit = async (event: Event) => {
    event.preventDefault();
    if (state.busy) return;
    setState({ result: undefined, error: undefined, busy: true });
    await send({ requestId }).then(
      (result) => setState({ result, error: undefined, busy: false }),
      (error) => setState({ result: undefined, error, busy: false }),
    );
  };
  return { ...state, sent: state.busy || state.result !== undefined, submit };
}

// What the server says a write would do. `ready` says whether enough is filled in to ask it.
export function Preview<T>({ title, loaded, ready, empty, children }: {
  title: string;
  loaded: Loaded<T>;
  ready: boolean;
  empty: string;
  children: (data: T) => ComponentChildren;
}) {
  return (
    <section class="preview" aria-label={title}>
      <h3>{title}</h3>
      {!ready ? <p class="muted">{empty}</p>
        : loaded.error !== undefined ? <Problem error={loaded.error} />
        : loaded.data === undefined ? <p class="muted">{empty}</p>
        : children(loaded.data)}
    </section>
  );
}

function Done({ position, children, onClose }: {
  position: bigint | undefined;
  children: ComponentChildren;
  onClose: () => void;
}) {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => close.current?.focus(), []);
  return (
    <>
      <div class="note good" role="status">
        <strong>Recorded</strong>
        {position !== undefined && <> as <a href={`/ledger?position=${position}`}>event {String(position)}</a></>}.
      </div>
      {children}
      <div class="actions">
        <button ref={close} type="button" class="button primary" onClick={onClose}>Done</button>
      </div>
    </>
  );
}

// A form in a dialog, and what is said when it was recorded.
export function WriteDialog<Result extends Recorded>({ title, action, write, whole, note, done, onClose, children }: {
  title: string;
  action: string;
  write: Write<Result>;
  // Whether all that must be filled in is.
  whole: boolean;
  note?: string;
  done: (result: Result) => ComponentChildren;
  onClose: () => void;
  children: ComponentChildren;
}) {
  return (
    <Dialog title={title} onClose={onClose}>
      {write.result !== undefined
        ? <Done position={write.result.receipt?.position} onClose={onClose}>{done(write.result)}</Done>
        : (
          <form class="stack" onSubmit={write.submit}>
            {children}
            {write.error !== undefined && <Problem error={write.error} />}
            <div class="actions">
              {note !== undefined && <span class="muted small">{note}</span>}
              <button type="submit" class="button primary" disabled={!whole || write.busy}>{action}</button>
            </div>
          </form>
        )}
    </Dialog>
  );
}

// Who forecasts in this browser: whoever did so last.
import { signal } from "@preact/signals";

const KEY = "credence.forecaster";

// Id of the forecaster; empty where nobody has forecast here.
export const me = signal(localStorage.getItem(KEY) ?? "");

export function setMe(id: string): void {
  localStorage.setItem(KEY, id);
  me.value = id;
}

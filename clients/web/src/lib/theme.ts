// Dark or light: as the system has it, until the reader says otherwise.
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "credence.theme";

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

export const theme = signal<Theme>(stored());
// Grows with each change of colours, so that canvases are drawn anew.
export const colours = signal(0);

function apply(): void {
  document.documentElement.dataset.theme = theme.value;
  colours.value += 1;
}

export function setTheme(value: Theme): void {
  theme.value = value;
  if (value === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, value);
  apply();
}

apply();
const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");
systemIsDark.addEventListener("change", apply);

// A colour of the style sheet, for what is drawn and not styled. There it stands for both schemes.
export function colour(name: string): string {
  const value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const both = /^light-dark\((.*?),(.*)\)$/.exec(value);
  if (both === null) return value;
  const dark = theme.value === "dark" || (theme.value === "system" && systemIsDark.matches);
  return both[dark ? 2 : 1]!.trim();
}

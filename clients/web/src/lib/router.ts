// Where the reader is: the address bar as signals. Every view and its place in time has an address.
import { computed, signal } from "@preact/signals";

function read() {
  return {
    path: decodeURI(window.location.pathname),
    query: new URLSearchParams(window.location.search),
  };
}

const place = signal(read());

export const path = computed(() => place.value.path);
export const query = computed(() => place.value.query);

export function navigate(to: string, replace = false): void {
  const before = place.value.path;
  if (replace) window.history.replaceState(null, "", to);
  else window.history.pushState(null, "", to);
  place.value = read();
  if (place.value.path !== before) {
    window.scrollTo(0, 0);
    // A reader of the screen hears where it has come to.
    requestAnimationFrame(() => document.querySelector<HTMLElement>("main h1")?.focus());
  }
}

// Changes some of the query; an empty value takes a key out.
export function setQuery(changes: Record<string, string>, replace = true): void {
  navigate(addressWith(changes), replace);
}

export function addressWith(changes: Record<string, string>): string {
  const changed = new URLSearchParams(place.value.query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === "") changed.delete(key);
    else changed.set(key, value);
  }
  const text = changed.toString().replaceAll("%3A", ":");
  return encodeURI(place.value.path) + (text === "" ? "" : `?${text}`);
}

window.addEventListener("popstate", () => {
  place.value = read();
});

// Links within the page are followed without loading it anew.
document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest?.("a");
  if (!link || link.target !== "" || link.hasAttribute("download")) return;
  if (link.origin !== window.location.origin || link.hash !== "") return;
  event.preventDefault();
  navigate(link.pathname + link.search);
});

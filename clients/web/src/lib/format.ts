// Numbers, times and names as people read them. Probabilities have the digits that the command line
// shows, so that one question reads the same everywhere.

export function percent(probability: number): string {
  const extreme = Math.min(probability, 1 - probability);
  const digits = extreme > 0 && extreme < 0.001 ? 4 : 2;
  return `${(100 * probability).toFixed(digits)} %`;
}

export function points(difference: number): string {
  return `${signed(100 * difference, 2)} pp`;
}

export function decibans(weight: number): string {
  return `${signed(weight, 2)} dB`;
}

// With a true minus sign, which is as wide as the plus.
export function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? "−" : "+") + text;
}

export function number(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "–";
  return Number(value.toPrecision(digits)).toLocaleString("en", { maximumSignificantDigits: digits });
}

export function count(value: bigint | number): string {
  return value.toLocaleString("en");
}

// The estimative words of ICD 203 (Office of the Director of National Intelligence, 2015).
export function words(probability: number): string {
  if (probability <= 0) return "ruled out";
  if (probability >= 1) return "certain";
  if (probability < 0.05) return "almost no chance";
  if (probability < 0.2) return "very unlikely";
  if (probability < 0.45) return "unlikely";
  if (probability <= 0.55) return "roughly even chance";
  if (probability <= 0.8) return "likely";
  if (probability <= 0.95) return "very likely";
  return "almost certain";
}

// Odds as a bet is spoken of: the larger side to one.
export function odds(probability: number): string {
  if (probability <= 0 || probability >= 1) return "";
  const ratio = probability / (1 - probability);
  const large = ratio >= 1 ? ratio : 1 / ratio;
  const text = large < 9.95 ? large.toFixed(1) : Math.round(large).toLocaleString("en");
  return ratio >= 1 ? `${text} to 1 for` : `${text} to 1 against`;
}

export function logOdds(probability: number): number {
  return Math.log(probability / (1 - probability));
}

const day = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", timeZone: "UTC",
});
const minute = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC",
});

export function dayText(date: Date | undefined): string {
  return date === undefined ? "–" : day.format(date);
}

// To the minute, in UTC like everything that the ledger says.
export function timeText(date: Date | undefined): string {
  return date === undefined ? "–" : `${minute.format(date)} UTC`;
}

// What is left or past, in the largest unit that says something.
export function distance(date: Date, now = new Date()): string {
  const seconds = (date.getTime() - now.getTime()) / 1000;
  const units: [Intl.RelativeTimeFormatUnit, number][] = [
    ["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3600], ["minute", 60],
  ];
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size * 1.5) return relative.format(Math.trunc(seconds / size), unit);
  }
  return seconds < 0 ? "just now" : "in a moment";
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function shortHex(bytes: Uint8Array): string {
  return hex(bytes.subarray(0, 6));
}

// `russian-foreign-ministry` as people would write it.
export function spoken(id: string): string {
  const text = id.replaceAll("-", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// The id that a name or a title gives: an RFC 1034 label.
export function idFrom(name: string): string {
  return name.normalize("NFD").toLowerCase().replaceAll(/[\u0300-\u036f]/g, "").replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "").slice(0, 63).replace(/-+$/, "");
}

// Of a name such as `forecasters/analyst-1`, `model` or `pools/log`.
export function subjectText(name: string): string {
  if (name === "model") return "Model";
  if (name === "base-rate") return "Base rate";
  if (name.startsWith("pools/")) return `Pool (${name.slice(6)})`;
  return spoken(name.slice(name.lastIndexOf("/") + 1));
}

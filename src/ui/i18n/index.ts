import { computed, signal } from "@preact/signals";
import { en } from "./en/index.ts";
import { zh } from "./zh/index.ts";

export const LANGUAGES = { en: "English", zh: "中文" } as const;
export type Language = keyof typeof LANGUAGES;

/** Every sentence of the page, by its key. */
export type Key = keyof typeof en;
type Values = Readonly<Record<string, string | number>>;
/** Sentences of which there is one for 1 and one for other numbers. */
type Counted = { [K in Key]: K extends `${infer Base}.other` ? Base : never }[Key];

const TABLES: Readonly<Record<Language, Readonly<Record<Key, string>>>> = { en, zh };
const KEPT_AS = "kuiper-plugins.language";

export const language = signal<Language>(preferred());

export function setLanguage(value: Language): void {
  language.value = value;
  try {
    localStorage.setItem(KEPT_AS, value);
  } catch {
    // storage may be switched off: then the next visit begins with the browser's language
  }
}

/** The sentence in the present language, with its `{values}`. Components that call it are drawn again when that changes. */
export function t(key: Key, values: Values = {}): string {
  return fill(known(key) ?? key, values); // a page that is still open after an update of the server may get words it lacks
}

/** The sentence for that number; `{n}` in it is the number. */
export function tn(base: Counted, n: number, values: Values = {}): string {
  const isOne = plural.value.select(n) === "one";
  return t(`${base}.${isOne ? "one" : "other"}` as Key, { ...values, n: formatNumber(n) });
}

/** For tables whose keys come from the API, such as codes: undefined where this page does not know the key. */
export function known(key: string): string | undefined {
  return (TABLES[language.value] as Readonly<Record<string, string | undefined>>)[key];
}

const plural = computed(() => new Intl.PluralRules(language.value));
const numbers = computed(() => new Intl.NumberFormat(language.value));
const dates = computed(() => new Intl.DateTimeFormat(language.value, { dateStyle: "medium", timeStyle: "short" }));

function formatNumber(n: number): string {
  return numbers.value.format(n);
}

/** An ISO 8601 time, in the browser's time zone. */
export function formatTime(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : dates.value.format(date);
}

/** In the largest unit that leaves a number to speak of: 0.4 seconds, 90 seconds, 12 minutes. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds / 1000); // the clock may have been set back meanwhile
  const [amount, unit] = seconds < 120 ? [seconds, "second"] : [seconds / 60, "minute"];
  const options = { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: amount < 10 ? 1 : 0 } as const;
  return new Intl.NumberFormat(language.value, options).format(amount);
}

const UNITS = ["B", "KiB", "MiB", "GiB"] as const;

export function formatBytes(bytes: number): string {
  const step = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** step;
  return `${formatNumber(amount < 10 && step > 0 ? Math.round(amount * 10) / 10 : Math.round(amount))} ${UNITS[step]}`;
}

function fill(sentence: string, values: Values): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

function preferred(): Language {
  const kept = readKept();
  if (kept !== null && kept in LANGUAGES) return kept as Language;
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return wanted.find((tag): tag is Language => tag in LANGUAGES) ?? "en";
}

function readKept(): string | null {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

// A network as YAML: in the form that `credence apply` reads, checked field by field against the API's
// messages, so that an error names its line.
import { type DescField, type DescMessage, type JsonObject, type JsonValue, fromJson, ScalarType, toJson } from "@bufbuild/protobuf";
import { TimestampSchema, DurationSchema } from "@bufbuild/protobuf/wkt";
import { Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node as YamlNode, parseAllDocuments, visit } from "yaml";

import { type Network, NetworkSchema } from "../../gen/credence/v1/network_service_pb";

// An error in a text, at a line from 1.
export class TextError extends Error {
  constructor(line: number, text: string) {
    super(`Line ${line}: ${text}`);
  }
}

export interface Declared {
  id: string;
  network: Network;
}

const NUMBERS = new Set([ScalarType.DOUBLE, ScalarType.FLOAT, ScalarType.INT32, ScalarType.INT64]);

class Reader {
  constructor(private readonly lines: LineCounter) {}

  fail(node: YamlNode | null | undefined, text: string): never {
    throw new TextError(this.lines.linePos(node?.range?.[0] ?? 0).line, text);
  }

  // The pairs of a mapping by key, each once: the parser sees to that.
  pairs(node: YamlNode | null | undefined, what: string): [string, YamlNode | null, YamlNode][] {
    if (!isMap(node)) this.fail(node, `${what} must be a mapping of fields`);
    return node.items.map((pair) => [String((pair.key as { value?: unknown }).value ?? pair.key), pair.value as YamlNode | null, pair.key as YamlNode]);
  }

  message(node: YamlNode | null | undefined, type: DescMessage, path: string): JsonObject {
    const found: JsonObject = {};
    const chosen = new Map<string, string>();
    for (const [key, value, at] of this.pairs(node, path || "the network")) {
      const field = type.fields.find(({ jsonName, name }) => jsonName === key || name === key);
      const where = path === "" ? key : `${path}.${key}`;
      if (field === undefined) this.fail(at, `${where} is no field of ${type.name}; it has ${type.fields.map(({ jsonName }) => jsonName).join(", ")}`);
      const group = field.oneof?.name;
      if (group !== undefined && chosen.has(group)) this.fail(at, `${where} is given beside ${chosen.get(group)}: only one of them can`);
      if (group !== undefined) chosen.set(group, key);
      if (value === null || (isScalar(value) && value.value === null)) continue;
      found[field.jsonName] = this.field(value, field, where);
    }
    return found;
  }

  private field(node: YamlNode, field: DescField, path: string): JsonValue {
    if (field.fieldKind === "map") this.fail(node, `${path} cannot be given in a text`);
    if (field.fieldKind !== "list") return this.value(node, field, path);
    if (!isSeq(node)) this.fail(node, `${path} must be a list`);
    return node.items.map((item, i) => this.value(item as YamlNode, field, `${path}[${i}]`));
  }

  private value(node: YamlNode, field: DescField, path: string): JsonValue {
    if (isAlias(node)) this.fail(node, `${path} must be written out: references are not read`);
    const { message } = field;
    if (message && message.typeName !== TimestampSchema.typeName && message.typeName !== DurationSchema.typeName) {
      return this.message(node, message, path);
    }
    if (!isScalar(node)) this.fail(node, `${path} must be a single value`);
    const text = String(node.source ?? node.value);
    if (message) return message.typeName === TimestampSchema.typeName ? this.time(node, text, path) : text;
    if (field.enum) {
      if (!field.enum.values.some(({ name }) => name === text)) this.fail(node, `${path}: “${text}” is none of ${field.enum.values.slice(1).map(({ name }) => name).join(", ")}`);
      return text;
    }
    if (field.scalar === ScalarType.BOOL) {
      if (text !== "true" && text !== "false") this.fail(node, `${path} must be true or false`);
      return text === "true";
    }
    if (field.scalar !== undefined && NUMBERS.has(field.scalar)) {
      if (text.trim() === "" || !Number.isFinite(Number(text))) this.fail(node, `${path}: “${text}” is no number`);
      return field.scalar === ScalarType.INT64 ? text : Number(text);
    }
    return text;
  }

  // A bare date stands for its first instant.
  private time(node: YamlNode, text: string, path: string): string {
    const whole = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
    if (!/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(whole) || Number.isNaN(Date.parse(whole))) {
      this.fail(node, `${path}: “${text}” is no time; write it as 2030-12-31 or 2030-12-31T12:00:00Z`);
    }
    return new Date(whole).toISOString();
  }
}

function single(text: string, lines: LineCounter): Document {
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true }) as Document[];
  const whole = documents.filter(({ contents, errors }) => contents !== null || errors.length > 0);
  const error = whole.flatMap(({ errors }) => errors)[0];
  if (error !== undefined) throw new TextError(error.linePos?.[0].line ?? 1, error.message.split("\n")[0]!.replace(/ at line \d+.*$/, ""));
  if (whole.length !== 1) throw new TextError(1, `one network is declared at a time, and the text holds ${whole.length} documents; \`credence apply\` takes files of many`);
  return whole[0]!;
}

// Reads a declaration of one network. Throws a TextError.
export function parseNetwork(text: string): Declared {
  const lines = new LineCounter();
  const reader = new Reader(lines);
  const root = single(text, lines).contents as YamlNode | null;
  const keys = new Map(reader.pairs(root, "the text").map(([key, value, at]) => [key, { value, at }]));
  for (const [key, { at }] of keys) {
    if (!["kind", "id", "spec", "effectiveTime", "actor"].includes(key)) reader.fail(at, `${key} is no key of a declaration; it has kind, id and spec`);
  }
  const textOf = (key: string) => {
    const value = keys.get(key)?.value;
    return isScalar(value) ? String(value.source ?? value.value) : "";
  };
  if (textOf("kind") !== "Network") reader.fail(keys.get("kind")?.value ?? root, "kind must be Network");
  if (textOf("id") === "") reader.fail(keys.get("id")?.value ?? root, "id is missing: the name that the network goes by, such as harbour-strike");
  if (!keys.has("spec")) reader.fail(root, "spec is missing: the network's title and its model");
  const json = reader.message(keys.get("spec")!.value, NetworkSchema, "");
  return { id: textOf("id"), network: fromJson(NetworkSchema, json) };
}

// The same of a network that there is, to be changed.
export function writeNetwork(id: string, network: Network): string {
  const { title, model } = toJson(NetworkSchema, network) as JsonObject;
  const document = new Document({ kind: "Network", id, spec: { ...(title !== undefined && { title }), model } });
  // Lists of numbers and names on one line, as people write them.
  visit(document, {
    Seq(_, list) {
      if (list.items.every(isScalar)) list.flow = true;
    },
  });
  return document.toString({ lineWidth: 100, flowCollectionPadding: false });
}

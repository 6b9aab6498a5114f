// The steps of the README, sentence by sentence: each says what to do or what is to be read. A
// sentence that is none of these is an error, so that the words and what can be done stay in step.

const QUOTED = /(`[^`]+`|\*\*[^*]+\*\*)/g;

// What a sentence may say. `$` stands for a text in backquotes, `@` for a name in bold; after a colon
// anything may be explained.
const FORMS = [
  ["run", "Run $"],
  ["serve", "Run the first of the two lines that it ends with, which starts a server"],
  ["open", "Open the address of the second"],
  ["press", "Press @"],
  ["press", "Choose @"],
  ["fill", "Fill in @ with $"],
  ["pick", "Choose $ for @"],
  ["slide", "Move the slider to $"],
  ["model", "The model says $"],
  ["read", "You read $"],
  ["read", "You read $ before anything is written"],
  ["under", "Under @ stands $"],
  ["under", "Under @ stands $ with $"],
];

// The steps of a numbered list under a heading: {action, values, sentence}.
export function stepsOf(document, heading) {
  const section = document.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`there is no section “${heading}”`);
  const items = section.split(/^\d+\. /m).slice(1);
  if (items.length === 0) throw new Error(`“${heading}” has no numbered steps`);
  return items.flatMap((item) => sentencesOf(item).map(stepOf));
}

function sentencesOf(item) {
  const values = [];
  const bare = item.replace(/\s+/g, " ").trim().replace(QUOTED, (text) => `<${values.push(text) - 1}>`);
  return bare.split(/(?<=\.)\s+/).map((sentence) => ({
    form: sentence.replace(/\.$/, "").replace(/: .*$/, ""),
    sentence: sentence.replace(/<(\d+)>/g, (_, i) => values[Number(i)]),
    value: (i) => values[i],
  }));
}

function stepOf({ form, sentence, value }) {
  const values = [];
  const shape = form.replace(/<(\d+)>/g, (_, i) => {
    const text = value(Number(i));
    values.push(text.replace(/^[`*]+|[`*]+$/g, ""));
    return text.startsWith("`") ? "$" : "@";
  });
  const found = FORMS.find(([, one]) => one === shape);
  if (found === undefined) throw new Error(`no step is known that says: ${sentence}`);
  return { action: found[0], values, sentence };
}

// Sources of reports: what each is, and how what it reported was borne out.
import { useEffect, useState } from "preact/hooks";

import type { Source } from "../gen/credence/v1/evidence_service_pb";
import { all, idOf } from "../lib/api";
import { evidence } from "../lib/services";
import { count, idFrom, percent, spoken } from "../lib/format";
import { onEvents, streamsOf } from "../lib/live";
import { useLoad } from "../lib/load";
import { Field, Problem, Skeleton } from "../ui/parts";
import { useWrite, WriteDialog } from "./forms/write";

function SourceForm({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [id, setId] = useState("");
  const [description, setDescription] = useState("");
  const [url, setUrl] = useState("");
  const sourceId = id.trim() || idFrom(name);
  const write = useWrite((options) => evidence.createSource({
    sourceId, source: { displayName: name.trim(), description: description.trim(), url: url.trim() }, options,
  }));
  return (
    <WriteDialog title="Add a source" action="Add it" write={write} whole={sourceId !== "" && name.trim() !== ""}
      done={() => <p>Reports can name it from now on.</p>} onClose={onClose}>
      <Field label="Name" hint="As people know it.">
        {(attributes) => <input type="text" required {...attributes} value={name} onInput={(event) => setName(event.currentTarget.value)} />}
      </Field>
      <Field label="What it is">
        {(attributes) => <textarea {...attributes} value={description} onInput={(event) => setDescription(event.currentTarget.value)} />}
      </Field>
      <div class="pair">
        <Field label="Where it is found">
          {(attributes) => <input type="url" placeholder="https://" {...attributes} value={url} onInput={(event) => setUrl(event.currentTarget.value)} />}
        </Field>
        <Field label="Id" hint={sourceId === "" ? "Made from the name where you leave it empty." : `sources/${sourceId}`}>
          {(attributes) => <input type="text" {...attributes} value={id} onInput={(event) => setId(event.currentTarget.value)} />}
        </Field>
      </div>
    </WriteDialog>
  );
}

function Row({ source }: { source: Source }) {
  const judged = source.successCount + source.failureCount;
  return (
    <li class="row source-row">
      <div class="row-title">
        <strong>{source.displayName || spoken(idOf(source.name))}</strong>
        <div class="row-meta muted small">
          <span>{idOf(source.name)}</span>
          {/^https?:/.test(source.url) && <a href={source.url} rel="noopener noreferrer" target="_blank">{new URL(source.url).host}</a>}
        </div>
        {source.description !== "" && <p class="small muted">{source.description}</p>}
      </div>
      <div class="row-value"><span class="number">{count(source.evidenceCount)} report{source.evidenceCount === 1n ? "" : "s"}</span>
        <small class="muted">{judged === 0n ? "none decided yet" : `${count(source.successCount)} of ${count(judged)} came true`}</small></div>
      <div class="row-value">
        <span class="number">{source.learnedReliability === undefined ? "by grade" : percent(source.learnedReliability)}</span>
        <small class="muted">reliability</small>
        <a class="small" href={`/scores?subject=${source.name}`}>Was it borne out?</a>
      </div>
    </li>
  );
}

export function SourcesPage(_: { id: string }) {
  const [news, setNews] = useState(0);
  const [adding, setAdding] = useState(false);
  useEffect(() => onEvents((events) => {
    if ([...streamsOf(events)].some((stream) => stream.startsWith("sources/"))) setNews((before) => before + 1);
  }), []);
  const { data, error } = useLoad(`sources@${news}`, (signal) =>
    all((page) => evidence.listSources({ page }, { signal }), (response) => response.sources));
  useEffect(() => {
    document.title = "Sources – Credence";
  }, []);
  return (
    <>
      <div class="page-head">
        <div><h1 tabIndex={-1}>Sources</h1><p>Who reports, and how what they reported was borne out.</p></div>
        <button type="button" class="button primary head-action" onClick={() => setAdding(true)}>Add a source</button>
      </div>
      {error !== undefined && <Problem error={error} />}
      {data === undefined && error === undefined && <Skeleton height={240} />}
      {data !== undefined && (
        <div class="card">
          <ul class="rows" aria-label="Sources">{data.map((source) => <Row key={source.name} source={source} />)}</ul>
          {data.length === 0 && <div class="empty">No source is registered yet. Reports can do without, but a source that is named is judged by what came true.</div>}
        </div>
      )}
      {adding && <SourceForm onClose={() => setAdding(false)} />}
    </>
  );
}

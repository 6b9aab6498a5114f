// A report, with the move that it would make.
import { useState } from "preact/hooks";

import { evidence } from "../../lib/services";
import { useLoad } from "../../lib/load";
import type { Base } from "../question/data";
import { Moves } from "../question/move";
import { DraftFields, isWhole, modelOf, newDraft } from "./draft";
import { Preview, REST_MILLISECONDS, useWrite, WriteDialog } from "./write";

export function EvidenceForm({ base, onClose }: { base: Base; onClose: () => void }) {
  const { question, network } = base;
  const [draft, setDraft] = useState(() => newDraft(network, question.node || network.model!.nodes[0]?.node || ""));
  const request = { parent: network.name, evidence: { model: modelOf(draft) } };
  const write = useWrite((options) => evidence.createEvidence({ ...request, options }));
  const whole = isWhole(draft);
  const preview = useLoad(
    whole && !write.sent ? JSON.stringify(draft) : undefined,
    (signal) => evidence.createEvidence({ ...request, options: { validateOnly: true } }, { signal }),
    REST_MILLISECONDS,
  );
  return (
    <WriteDialog title="Add a report" action="Record the report" write={write}
      whole={whole && draft.summary.trim() !== ""} note="Nothing is recorded until you say so."
      done={({ moves }) => <Moves moves={moves} question={question.name} />} onClose={onClose}>
      <DraftFields network={network} draft={draft} change={(changes) => setDraft({ ...draft, ...changes })} brief={false} />
      <Preview title="What it would move" loaded={preview} ready={whole} empty="Fill in what was reported.">
        {({ moves }) => <Moves moves={moves} question={question.name} />}
      </Preview>
    </WriteDialog>
  );
}

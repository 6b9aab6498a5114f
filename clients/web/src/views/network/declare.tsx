// Declaring a network, or a new model of one, in a text.
import { useEffect, useState } from "preact/hooks";

import type { Network } from "../../gen/credence/v1/network_service_pb";
import type { Receipt } from "../../gen/credence/v1/common_pb";
import { idOf } from "../../lib/api";
import { networks } from "../../lib/services";
import { count } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { Field } from "../../ui/parts";
import { Preview, REST_MILLISECONDS, useWrite, WriteDialog } from "../forms/write";
import type { Declared } from "./text";

const EXAMPLE = `kind: Network
id: harbour-strike
spec:
  title: A strike in the harbour
  model:
    openTime: 2030-01-01
    deadlineTime: 2030-12-31
    nodes:
      - node: talks
        role: NODE_ROLE_INDICATOR
        description: How the talks go
        states: [fail, drag-on, succeed]
        rows:
          rows:
            - fixed: {probabilities: [0.3, 0.5, 0.2]}
      - node: strike
        role: NODE_ROLE_QUESTION
        description: The dockers strike
        states: ["yes", "no"]
        parents: [talks]
        rows:
          rows:
            - fixed: {probabilities: [0.7, 0.3]}  # the talks fail
            - fixed: {probabilities: [0.3, 0.7]}  # they drag on
            - fixed: {probabilities: [0.05, 0.95]}  # they succeed
`;

type Text = typeof import("./text");

// Where a network is given, it is revised.
export function NetworkForm({ network, onClose }: { network: Network | undefined; onClose: () => void }) {
  const [module, setModule] = useState<Text>();
  const [text, setText] = useState("");
  const [rationale, setRationale] = useState("");
  const own = network === undefined ? undefined : idOf(network.name);
  useEffect(() => {
    void import("./text").then((loaded) => {
      setModule(loaded);
      setText(network === undefined ? EXAMPLE : loaded.writeNetwork(own!, network));
    });
  }, []);
  const parse = (): Declared => {
    const declared = module!.parseNetwork(text);
    if (own !== undefined && declared.id !== own) throw new module!.TextError(1, `id must stay ${own}`);
    return declared;
  };
  const write = useWrite(async (options): Promise<{ network?: Network; receipt?: Receipt }> => {
    const declared = parse();
    return own === undefined
      ? networks.createNetwork({ networkId: declared.id, network: declared.network, options })
      : networks.reviseNetwork({ name: network!.name, network: declared.network, rationale, options });
  });
  const preview = useLoad(
    module === undefined || write.sent ? undefined : text,
    async (signal) => networks.validateNetwork({ model: parse().network.model! }, { signal }),
    REST_MILLISECONDS,
  );
  const whole = preview.data !== undefined && !preview.loading;
  return (
    <WriteDialog title={own === undefined ? "Declare a network" : "Revise the network"} action={own === undefined ? "Declare it" : "Revise it"}
      write={write} whole={whole} onClose={onClose}
      done={(result) => <p><a href={`/${result.network!.name}`}>Look at the network</a></p>}>
      <Field label="The network, as YAML" hint={<>As <code>credence apply</code> reads it: nodes with states, parents and tables.</>}>
        {(attributes) => (
          <textarea {...attributes} class="mono text-edit" spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        )}
      </Field>
      {own !== undefined && (
        <Field label="Why" hint="What the new model knows better.">
          {(attributes) => <input type="text" {...attributes} value={rationale} onInput={(event) => setRationale(event.currentTarget.value)} />}
        </Field>
      )}
      <Preview title="What the text says" loaded={preview} ready={module !== undefined} empty="Reading…">
        {({ nodeCount, arcCount, compiledBytes }) => (
          <p>
            {count(nodeCount)} node{nodeCount === 1n ? "" : "s"} and {count(arcCount)} arc{arcCount === 1n ? "" : "s"}; each
            query works on {count(compiledBytes)} bytes.
          </p>
        )}
      </Preview>
    </WriteDialog>
  );
}

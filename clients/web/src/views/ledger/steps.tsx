// Steps of a check that held.
export function Steps({ steps }: { steps: [string, string][] }) {
  return (
    <ol class="checks">
      {steps.map(([what, value]) => (
        <li key={what}><span>{what}</span><code>{value}</code></li>
      ))}
    </ol>
  );
}

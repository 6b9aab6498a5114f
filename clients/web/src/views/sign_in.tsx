// Asks for a token, where the server answers nobody whom it does not know.
import { useEffect, useState } from "preact/hooks";

import "../styles/forms.css";
import { signIn, token } from "../lib/access";
import { Field } from "../ui/parts";

export function SignIn() {
  const [text, setText] = useState("");
  useEffect(() => {
    document.title = "Sign in – Credence";
  }, []);
  return (
    <div class="narrow">
      <div class="page-head"><div><h1 tabIndex={-1}>Sign in</h1>
        <p>This server answers those whom it knows. Whoever runs it gives out tokens.</p></div></div>
      <form class="card form-card stack" onSubmit={(event) => {
        event.preventDefault();
        signIn(text.trim());
      }}>
        {token() !== "" && <div class="note bad" role="alert">The token that this tab has is not, or no longer, let in.</div>}
        <Field label="Token" hint="Kept in this tab until it is closed, and sent to this server only.">
          {(attributes) => <input type="password" autocomplete="off" required {...attributes} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
        </Field>
        <div class="actions"><button type="submit" class="button primary" disabled={text.trim() === ""}>Sign in</button></div>
      </form>
    </div>
  );
}

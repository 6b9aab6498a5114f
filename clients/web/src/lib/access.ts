// What this tab shows of itself to a server that asks who calls: a token, kept until the tab closes.
import { signal } from "@preact/signals";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

const KEY = "credence.token";

// True once the server has refused to answer a stranger.
export const isStranger = signal(false);

export function token(): string {
  return sessionStorage.getItem(KEY) ?? "";
}

// Everything is asked anew with the token; without one as a stranger.
export function signIn(given: string): void {
  if (given === "") sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, given);
  window.location.reload();
}

function note(error: unknown): never {
  if (ConnectError.from(error).code === Code.Unauthenticated) isStranger.value = true;
  throw error;
}

async function* noted<Message>(messages: AsyncIterable<Message>): AsyncIterable<Message> {
  try {
    yield* messages;
  } catch (error) {
    note(error);
  }
}

export const showToken: Interceptor = (next) => async (request) => {
  if (token() !== "") request.header.set("Authorization", `Bearer ${token()}`);
  try {
    const response = await next(request);
    return response.stream ? { ...response, message: noted(response.message) } : response;
  } catch (error) {
    return note(error);
  }
};

// Asking the remote: what changes the page happens one after the other, and a new wish ends what was asked for an old one.
import { handedOver } from "../words.js";

const WORDS = {
  noAnswer: "The remote does not answer; trying again.",
  ...handedOver,
};
let queue = Promise.resolve();
let byTimer = false; // what the page asks for by itself does not make a login last longer
let running = new AbortController();

export const isByItself = () => byTimer;

// Nobody waits any more for what is under way.
export function giveUp() {
  running.abort();
  running = new AbortController();
}

export const ask = (path, parameters, quiet = byTimer) => get(path, parameters, quiet ? { "Gridecho-Poll": "1" } : {}, running.signal);

// For who does not wait for his turn, and whom no new wish ends.
export async function get(path, parameters, headers = {}, signal = undefined) {
  const answer = await fetch(path + "?" + new URLSearchParams(parameters), { headers, signal });
  if (answer.status === 401 || answer.status === 403 || answer.status === 404) location.reload();
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

export async function attempt(work) {
  try {
    await work();
  } catch (error) {
    if (error.name !== "AbortError") document.getElementById("note").textContent = WORDS.noAnswer;
  }
}

export const inTurn = (work) => (queue = queue.then(() => attempt(work)));

export const byItself = (work) => inTurn(async () => {
  byTimer = true;
  try {
    await work();
  } finally {
    byTimer = false;
  }
});

// Work that is done again and again; what it asks for goes through byItself.
export function repeat(work, ms) {
  async function turn() {
    await work();
    setTimeout(turn, ms);
  }
  setTimeout(turn, ms);
}

// The dialog before a roll back: what will happen, the token, and what came of it. The token is kept nowhere.
import type { RolledBack } from "../models.ts";
import { ask } from "./asking.ts";
import { find, write } from "./elements.ts";

const dialog = find<HTMLDialogElement>("rollback");
const form = find<HTMLFormElement>("rollback-form");
const token = find<HTMLInputElement>("rollback-token");
const confirm = find<HTMLButtonElement>("rollback-confirm");
let version = "";
let done: () => Promise<void> = async () => {};

export function offerRollback(to: string, then: () => Promise<void>): void {
  version = to;
  done = then;
  write(find("rollback-title"), `Roll back to ${version}?`);
  write(find("rollback-problem"), "");
  dialog.showModal();
}

find("rollback-cancel").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  token.value = "";
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  confirm.disabled = true;
  const headers = { "content-type": "application/json", authorization: `Bearer ${token.value.trim()}` };
  const answer = await ask<RolledBack>("api/models/rollback", {
    method: "POST",
    headers,
    body: JSON.stringify({ version }),
  });
  confirm.disabled = false;
  if ("hint" in answer) {
    write(find("rollback-problem"), `${answer.code}: ${answer.message}. ${answer.hint.replaceAll("`", "")}`);
    token.select();
    return;
  }
  dialog.close();
  write(
    find("rolled-back"),
    `${answer.current} is current now, ${answer.before} was. It is pinned; serve takes it up by itself.`,
  );
  await done();
});

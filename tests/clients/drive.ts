// Drives the running service with a client that openapi-typescript generated: every case of cases.json, and the example of
// the README.
//   node drive.js API SANDBOX
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api.js";
import { resend } from "./resend.js";

type Job = components["schemas"]["Job"];
type Outcome = { answers: number; job?: number; type?: string; reason?: string };
type Case = Outcome & { name: string; number: number; token?: string; wait?: number; key?: number; fault?: object };

const [api, sandbox, file] = process.argv.slice(2) as [string, string, string];
const client = (token: string) => createClient<paths>({ baseUrl: api, headers: { Authorization: `Bearer ${token}` } });
const id = (kind: number, number: number) => `${kind}0000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** What a job came to. Does not compile unless the three states narrow, and unless there are just these. */
function ended(job: Job): Omit<Outcome, "answers"> | undefined {
  switch (job.status) {
    case "pending":
      return undefined;
    case "processed":
      return { job: job.status_code };
    case "failed":
      return { job: job.status_code, type: job.error.type, reason: job.error.reason };
    default:
      return job satisfies never;
  }
}

async function ask(one: Case): Promise<Outcome> {
  const of = client(one.token ?? "mis-a-token");
  const { data, error, response } = await of.PATCH("/api/patients/{patient_id}/approvals/{id}/actions/resend", {
    params: {
      path: { patient_id: id(1, one.number), id: id(2, one.number) },
      header: {
        ...(one.wait && { Prefer: `wait=${one.wait}` }),
        ...(one.key && { "Idempotency-Key": "k".repeat(one.key) }),
      },
    },
  });
  const answers = response.status;
  if (error) return { answers, type: error.error.type, reason: error.error.reason };
  // The approval itself, or the job to wait for.
  if (!("links" in data.data)) return { answers };
  const job = data.data.links[0]!.href.split("/").at(-1)!;
  const read = await of.GET("/Jobs/{id}", { params: { path: { id: job }, header: { Prefer: "wait=20" } } });
  if (read.error) throw new Error(read.error.error.reason);
  return { answers, ...ended(read.data.data) };
}

/** The code on the phone is right, once. */
async function check(approval: number): Promise<void> {
  const phone = `+380200000${String(approval).padStart(3, "0")}`;
  const inbox = (await (await fetch(`${sandbox}/inbox.json?to=${encodeURIComponent(phone)}`)).json()) as { text: string }[];
  const code = inbox.at(-1)!.text.split(" ").at(-1)!;
  const path = "/verifications/{phone_number}/actions/complete";
  const verify = (body: { code: string | number }) => client("otp-token").PATCH(path, { params: { path: { phone_number: phone } }, body });
  const wrong = await verify({ code: code === "000000" ? 1 : 0 });
  equal("a wrong code, as a number", wrong.error?.error.reason, "code_invalid");
  const right = await verify({ code });
  equal("the code on the phone", right.data?.data.status, "verified");
}

function equal(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: ${String(found)}, not ${String(expected)}`);
}

const cases = JSON.parse(readFileSync(file, "utf8")) as Case[];
for (const one of cases) {
  if (one.fault) await fetch(`${sandbox}/sandbox/faults`, { method: "POST", body: JSON.stringify(one.fault) });
  const found = await ask(one);
  await fetch(`${sandbox}/sandbox/faults`, { method: "DELETE" });
  for (const member of ["answers", "job", "type", "reason"] as const) equal(`${one.name}, ${member}`, found[member], one[member]);
}
await check(6);
equal("the README's example", (await resend(client("mis-a-token"), id(1, 7), id(2, 7), "a-key")).id, id(2, 7));
const refused = await resend(client("mis-a-token"), id(1, 52), id(2, 52), "another-key").catch((error: Error) => error.message);
equal("the README's example, refused", refused, "method_not_otp");
const unknown = await client("mis-a-token").GET("/Jobs/{id}", { params: { path: { id: "no-job-of-this-client" } } });
equal("a job that is none", unknown.error?.error.reason, "job_not_found");
console.log(`${cases.length + 5} cases`);

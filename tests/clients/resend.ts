import type { Client } from "openapi-fetch";
import type { components, paths } from "./generated/api.js";

type Approval = components["schemas"]["Approval"];

/** Sends the code of an approval again. Throws the reason if that fails. */
export async function resend(api: Client<paths>, patient: string, approval: string, key: string): Promise<Approval> {
  const asked = await api.PATCH("/api/patients/{patient_id}/approvals/{id}/actions/resend", {
    params: { path: { patient_id: patient, id: approval }, header: { "Idempotency-Key": key } },
  });
  if (asked.error) throw new Error(asked.error.error.reason);
  const id = asked.response.headers.get("Location")!.split("/").at(-1)!;
  while (true) {
    // Answered as soon as the job ends, or after 30 seconds.
    const read = await api.GET("/Jobs/{id}", { params: { path: { id }, header: { Prefer: "wait=30" } } });
    if (read.error) throw new Error(read.error.error.reason);
    const job = read.data.data;
    switch (job.status) {
      case "pending":
        await new Promise((done) => setTimeout(done, 1000));
        break;
      case "processed":
        return job.response_data;
      case "failed":
        throw new Error(job.error.reason);
    }
  }
}

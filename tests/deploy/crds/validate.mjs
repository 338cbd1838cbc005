// Validates the custom resources in these files against their schemas.
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import * as keda from "@kubernetes-models/keda/keda.sh/v1alpha1/index";
import * as monitoring from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/index";

const makers = { "keda.sh/v1alpha1": keda, "monitoring.coreos.com/v1": monitoring };
let seen = 0;
for (const file of process.argv.slice(2)) {
  for (const document of parseAllDocuments(readFileSync(file, "utf8"))) {
    const { apiVersion, kind, metadata, spec } = document.toJS();
    const maker = makers[apiVersion];
    if (!maker) continue;
    new maker[kind]({ metadata, spec }).validate();
    console.log(`${file}: ${apiVersion} ${kind} ${metadata.name} is right`);
    seen += 1;
  }
}
if (seen === 0) throw new Error("no resource of these kinds");

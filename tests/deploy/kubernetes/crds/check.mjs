// Check each manifest in a JSON list on standard input by the schema of its custom kind. Prints one
// line per error; exits with 1 if there are any.
import { readFileSync } from "node:fs";

const PACKAGES = {
  "argoproj.io": "argo-rollouts",
  "external-secrets.io": "external-secrets",
  "gateway.networking.k8s.io": "gateway-api",
  "keda.sh": "keda",
  "monitoring.coreos.com": "prometheus-operator",
};
for (const manifest of JSON.parse(readFileSync(0, "utf8"))) {
  const { apiVersion, kind, metadata } = manifest;
  const from = PACKAGES[apiVersion.split("/")[0]];
  try {
    const models = await import(`@kubernetes-models/${from}/${apiVersion}/${kind}`);
    new models[kind](manifest).validate();
  } catch (error) {
    console.log(`${kind} ${metadata.name}: ${error.message}`);
    process.exitCode = 1;
  }
}

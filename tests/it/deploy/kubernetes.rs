//! The Kubernetes manifests: every file parses, and references between resources are correct. No cluster is involved.

use serde::Deserialize as _;
use serde_json::Value;

use super::{path, read};

/// Every resource of the set.
fn resources() -> Vec<Value> {
    let set: Value = serde_yaml_ng::from_str(&read("deploy/kubernetes/kustomization.yaml")).unwrap();
    let files = set["resources"].as_array().unwrap().iter().map(|file| file.as_str().unwrap());
    files.flat_map(|file| documents(&read(&format!("deploy/kubernetes/{file}")))).collect()
}

fn documents(text: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

fn of_kind<'a>(all: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let found: Vec<_> = all.iter().filter(|one| one["kind"] == kind).collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

fn component(of: &Value) -> &Value {
    &of["app.kubernetes.io/component"]
}

#[test]
fn what_one_resource_says_of_another_is_so() {
    let all = resources();
    let deployments = of_kind(&all, "Deployment");
    let pods: Vec<_> =
        deployments.iter().map(|one| component(&one["spec"]["template"]["metadata"]["labels"])).collect();
    for one in &deployments {
        assert_eq!(
            component(&one["spec"]["selector"]["matchLabels"]),
            component(&one["spec"]["template"]["metadata"]["labels"])
        );
    }
    for service in of_kind(&all, "Service") {
        assert!(pods.contains(&component(&service["spec"]["selector"])), "{service}");
    }
    for budget in of_kind(&all, "PodDisruptionBudget") {
        assert!(pods.contains(&component(&budget["spec"]["selector"]["matchLabels"])), "{budget}");
    }
    for scaler in [of_kind(&all, "HorizontalPodAutoscaler"), of_kind(&all, "ScaledObject")].concat() {
        let target = &scaler["spec"]["scaleTargetRef"]["name"];
        assert!(deployments.iter().any(|one| one["metadata"]["name"] == *target), "{scaler}");
    }
    let names: Vec<_> =
        of_kind(&all, "TriggerAuthentication").iter().map(|one| &one["metadata"]["name"]).collect();
    for trigger in
        of_kind(&all, "ScaledObject").iter().flat_map(|one| one["spec"]["triggers"].as_array().unwrap())
    {
        assert!(names.contains(&&trigger["authenticationRef"]["name"]), "{trigger}");
        assert_eq!(trigger["metadata"]["stream"], shared::queue::Keys::new("resend").stream());
        // KEDA connects from its own namespace; and the lag of a group is unknown after a job was cancelled.
        assert_eq!(trigger["metadata"]["address"], "redis.resend.svc.cluster.local:6379");
        assert!(trigger["metadata"].get("streamLength").is_some(), "{trigger}");
    }
    let ports: Vec<_> = deployments.iter().map(|one| &container(one)["ports"][0]["name"]).collect();
    for endpoint in of_kind(&all, "PodMonitor")[0]["spec"]["podMetricsEndpoints"].as_array().unwrap() {
        assert!(ports.contains(&&endpoint["port"]), "{endpoint}");
    }
}

fn container(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]["containers"][0]
}

#[test]
fn the_pods_find_their_settings_stop_in_time_and_run_as_nobody() {
    let all = resources();
    let secret = &documents(&read("deploy/kubernetes/secret.example.yaml"))[0];
    for deployment in of_kind(&all, "Deployment") {
        let pod = &deployment["spec"]["template"]["spec"];
        let container = container(deployment);
        assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > 5 + 25 + 5);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["enableServiceLinks"], false);
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
        assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
        for port in ["startupProbe", "livenessProbe", "readinessProbe"]
            .map(|probe| &container[probe]["httpGet"]["port"])
        {
            assert_eq!(*port, container["ports"][0]["name"]);
        }
        let program = container["command"][0].as_str().unwrap();
        assert!(read("deploy/Dockerfile").contains(&format!("target/release/{program}")));
        for variable in container["env"].as_array().unwrap() {
            let key = variable["valueFrom"]["secretKeyRef"]["key"].as_str().unwrap();
            assert!(secret["stringData"].get(key).is_some(), "the secret has no {key}");
        }
        let settings = &container["envFrom"][0]["configMapRef"]["name"];
        assert!(of_kind(&all, "ConfigMap").iter().any(|one| one["metadata"]["name"] == *settings));
    }
}

/// Clients use one port, Prometheus another, and neither may use the other's.
#[test]
fn clients_reach_no_metrics_and_prometheus_no_client_port() {
    let all = resources();
    let policy =
        of_kind(&all, "NetworkPolicy").into_iter().find(|one| one["metadata"]["name"] == "resend-ingress");
    let mut ports = std::collections::BTreeMap::new();
    for rule in policy.unwrap()["spec"]["ingress"].as_array().unwrap() {
        let from = &rule["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"];
        let to = rule["ports"].as_array().unwrap().iter().map(|port| port["port"].as_str().unwrap());
        ports.insert(from.as_str().unwrap(), to.collect::<Vec<_>>());
    }
    assert_eq!(ports["ingress-nginx"], ["http"]);
    assert_eq!(ports["monitoring"], ["admin", "metrics"]);
}

#[test]
fn kustomize_builds_the_set_where_it_is_there() {
    let built =
        std::process::Command::new("kubectl").arg("kustomize").arg(path("deploy/kubernetes")).output();
    match built {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => eprintln!("kubectl is not here: the set was not built"),
    }
}

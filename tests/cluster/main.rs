#![cfg(test)]
//! The core acceptance, the same on any cluster.
//!
//! `TTG_TEST_KUBECONFIG` names the kubeconfig of a cluster, whose current context is used; `TTG_TEST_IMAGE` the worker's image
//! there, `ttg-worker:latest` unless said otherwise. Each test then makes a namespace `ttg-test-…` of its own and removes it at
//! its end. Without the variable each test starts a local cluster of the program's own and uses that.
//!
//! Most tests run the real program with `--kubeconfig`, and meddle through the Kubernetes API as anybody might; those
//! in [`kubectl`] hold what kubectl is answered against what a real cluster answered.

mod disturbed;
mod kubectl;
mod manifests;
mod proven;
mod refused;
mod world;

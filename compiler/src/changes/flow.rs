//! Which loss trains whose weights, and where gradients stop.

use std::collections::{BTreeMap, BTreeSet};

use super::{Compiled, came_and_went};
use crate::flow::{Flow, StopFlow};

pub(super) fn flow(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let (before, after) = (trained(old), trained(new));
    let mut said = Vec::new();
    let none = BTreeSet::new();
    for (loss, owners) in &after {
        let had = before.get(loss).unwrap_or(&none);
        said.extend(listed(loss, "trains", owners.difference(had)));
    }
    for (loss, had) in &before {
        let owners = after.get(loss).unwrap_or(&none);
        said.extend(listed(loss, "no longer trains", had.difference(owners)));
    }
    let stops = |of: &Compiled<'_>| -> Vec<String> {
        let all = of.flows.iter();
        all.flat_map(|flow| flow.stops.iter().map(|stop| written(of, flow, stop)))
            .collect()
    };
    said.extend(came_and_went(&stops(old), &stops(new)));
    said
}

/// `stop at stop(reader(user, video)), in imitate`
fn written(of: &Compiled<'_>, flow: &Flow, stop: &StopFlow) -> String {
    let losses: Vec<&str> = stop
        .losses
        .iter()
        .map(|at| flow.losses[*at].as_str())
        .collect();
    let (text, losses) = (of.written(stop.span), losses.join(", "));
    format!("the {} at `{text}` in {losses} ({})", stop.op, stop.why)
}

/// By training and loss, whose weights it trains: towers, tables, and weights of the loss itself.
fn trained(of: &Compiled<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for flow in &of.flows {
        for weight in &flow.weights {
            for loss in &weight.trained_by {
                let name = match of.flows.len() {
                    1 => flow.losses[*loss].clone(),
                    _ => format!("{} in {}", flow.losses[*loss], flow.train),
                };
                let owners = found.entry(name).or_default();
                owners.insert(owner(&weight.path).to_owned());
            }
        }
    }
    found
}

/// The tower of a weight; a table is named as it is.
fn owner(path: &str) -> &str {
    match path.contains('/') {
        true => path,
        false => path.split('.').next().unwrap_or(path),
    }
}

fn listed<'n>(loss: &str, what: &str, owners: impl Iterator<Item = &'n String>) -> Option<String> {
    let owners: Vec<&str> = owners.map(String::as_str).collect();
    (!owners.is_empty()).then(|| format!("{loss} {what} {}", owners.join(", ")))
}

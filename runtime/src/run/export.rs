//! `export/`: each tower that serves alone, with its weights, the fitted tables that its features need, and its program: in
//! words from the columns of a row on, and as a graph that can be read back.

use std::collections::BTreeMap;

use reckon_compiler::graph::text::print;
use reckon_compiler::plan::Plan;
use reckon_compiler::plan::print::served;
use reckon_torch::Store;
use serde_json::json;

use super::folder::RunFolder;
use crate::failure::Failure;

/// Writes all towers of the plan's exports.
pub(super) fn write(
    folder: &RunFolder,
    plan: &Plan,
    store: &Store,
    fitted: &BTreeMap<String, Vec<u8>>,
) -> Result<(), Failure> {
    for export in &plan.exports {
        let wanted: Vec<&str> = export
            .program
            .graph
            .params
            .keys()
            .map(String::as_str)
            .collect();
        let weights = store.export_of(&wanted);
        let place = format!("export/{}", export.tower);
        folder.write_tensors(&format!("{place}/weights.safetensors"), &weights)?;
        for (name, bytes) in fitted {
            folder.write(&format!("{place}/{name}"), bytes)?;
        }
        let about = json!({ "tower": export.tower, "parameters": wanted });
        folder.write_json(&format!("{place}/tower.json"), &about)?;
        let program = served(plan, &export.program);
        folder.write(&format!("{place}/program.txt"), program.as_bytes())?;
        let graph = print(&export.program.graph);
        folder.write(&format!("{place}/program.graph"), graph.as_bytes())?;
    }
    Ok(())
}

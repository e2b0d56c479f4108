//! `export/`: each tower that serves alone, with its weights, the fitted tables that its features need, and its program: in
//! words from the columns of a row on, and as a graph that can be read back.

use std::collections::BTreeMap;

use reckon_compiler::graph::text::print;
use reckon_compiler::plan::Plan;
use reckon_compiler::plan::print::served;
use reckon_torch::{Device, Store};
use serde_json::json;

use super::folder::RunFolder;
use crate::checkpoint::tensors;
use crate::data::Dataset;
use crate::failure::Failure;
use crate::step::declare;

/// Writes all towers of the plan's exports.
pub(super) fn write(
    folder: &RunFolder,
    plan: &Plan,
    data: &Dataset,
    store: &mut Store,
    fitted: &BTreeMap<String, Vec<u8>>,
    seed: u64,
) -> Result<(), Failure> {
    for export in &plan.exports {
        let mut alone = Store::new(Device::Cpu);
        let span = crate::failure::whole_spec(plan);
        declare(&mut alone, plan, data, &export.program, seed, span)?;
        let wanted: Vec<String> = alone.paths().map(str::to_owned).collect();
        let weights: Vec<_> = store
            .export()
            .into_iter()
            .filter(|stored| wanted.contains(&stored.name))
            .collect();
        let place = format!("export/{}", export.tower);
        folder.write(
            &format!("{place}/weights.safetensors"),
            &tensors::to_bytes(&weights),
        )?;
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

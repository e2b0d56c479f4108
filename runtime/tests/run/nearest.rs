//! The best items are found in two ways: of products that are never stored, and of stored scores, as on a graphics card.

use reckon_runtime::run::DeviceName;

use crate::Recorder;
use crate::fixture::{World, plan};

#[test]
fn an_evaluation_finds_the_same_lists_whether_or_not_scores_are_stored() {
    let world = World::new();
    let plan = plan(3, None);
    world
        .run(&plan, "run", |_| {}, &mut Recorder::default())
        .unwrap();
    for split in ["valid", "test"] {
        let of = |device| world.eval_on(device, &plan, "run", split).unwrap();
        let (products, stored) = (of(DeviceName::Cpu), of(DeviceName::CpuAsCuda));
        assert!(products[0].metric("recall@5").unwrap() > 0.0);
        assert_eq!(products, stored);
    }
}

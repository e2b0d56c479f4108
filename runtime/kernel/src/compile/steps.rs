//! The order of work: islands of instructions that share a loop, and instructions that run over whole columns.

use std::collections::{BTreeMap, BTreeSet};

use reckon_compiler::plan::row::{Inst, Kernel, RowOp};

use super::{Lane, Leaf, Read, Shape, ops};
use crate::ops::parts::{pools_parts, reads_parts};

/// One thing after another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// An instruction over whole columns.
    Columns(usize),
    /// An op of each part of a text and what gives them, which nothing else reads.
    Parts(Parts),
    /// A loop.
    Island(Island),
}

/// Instructions that go through the parts of texts together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parts {
    /// What takes the parts: a split, or the keys of a bag.
    pub(crate) split: usize,
    /// The op of each part.
    pub(crate) of: usize,
    /// What makes one number of those of a text, where nothing else reads them.
    pub(crate) pool: Option<usize>,
    /// The weights of the same bags, where the parts are keys.
    pub(crate) weights: Option<usize>,
}

impl Parts {
    /// The instructions, each behind those that it reads.
    pub(crate) fn code(self) -> impl Iterator<Item = usize> {
        let taken = [self.split, self.of].into_iter();
        taken.chain(self.pool).chain(self.weights)
    }

    /// The first instruction that is read outside.
    fn first(self) -> usize {
        let of = self.pool.unwrap_or(self.of);
        self.weights.map_or(of, |weights| weights.min(of))
    }
}

/// Instructions that one loop computes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Island {
    /// What the loop goes over.
    pub(crate) space: Space,
    /// The instructions in order.
    pub(crate) code: Vec<usize>,
    /// The values that come from outside.
    pub(crate) inputs: BTreeMap<usize, Input>,
    /// The instructions that are read outside, with whether their values can be null.
    pub(crate) outputs: BTreeMap<usize, bool>,
}

/// What a loop goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Space {
    /// The rows.
    Rows,
    /// The elements of the lists that an instruction gives.
    Elements(usize),
}

/// A value that a loop reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Input {
    /// What it holds; `None` where only its nulls are read.
    pub(crate) lane: Option<Lane>,
    pub(crate) leaf: Leaf,
}

/// An island with more instructions than this is closed and another begun: registers and streams of memory are few.
const ENOUGH: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// A column or a constant: there before any step.
    Leaf,
    Columns,
    Compiled(Space),
}

/// What is known of each instruction before any step.
struct Facts {
    class: Vec<Class>,
    nulls: Vec<bool>,
    /// One value that stands for all rows.
    scalar: Vec<bool>,
}

/// The steps of a kernel, in an order in which each comes after those that it reads.
pub(crate) fn steps(kernel: &Kernel, shape: &Shape) -> Vec<Step> {
    let facts = facts(kernel, shape);
    let stages = stages(kernel, &facts);
    let readers = readers(kernel);
    let mut groups: BTreeMap<(usize, Class), Vec<usize>> = BTreeMap::new();
    for (at, class) in facts.class.iter().enumerate() {
        if *class != Class::Leaf {
            groups.entry((stages[at], *class)).or_default().push(at);
        }
    }
    let parts = parts(kernel, &facts, &readers);
    let inside: BTreeSet<usize> = parts.values().copied().flat_map(Parts::code).collect();
    let mut steps = Vec::new();
    for ((_, class), members) in groups {
        match class {
            Class::Leaf | Class::Columns => {
                steps.extend(members.iter().filter_map(|at| match parts.get(at) {
                    Some(fused) => Some(Step::Parts(*fused)),
                    None => (!inside.contains(at)).then_some(Step::Columns(*at)),
                }));
            }
            Class::Compiled(space) => {
                for code in pack(kernel, &members) {
                    steps.push(Step::Island(island(
                        kernel, shape, &facts, &readers, space, code,
                    )));
                }
            }
        }
    }
    steps
}

/// What goes through the parts of texts, by the first instruction that is read outside.
fn parts(kernel: &Kernel, facts: &Facts, readers: &[Vec<usize>]) -> BTreeMap<usize, Parts> {
    let mut parts = BTreeMap::new();
    for (at, inst) in kernel.code.iter().enumerate() {
        if let Some(split) = split_for(kernel, facts, readers, at) {
            let fused = Parts {
                split,
                of: at,
                pool: None,
                weights: None,
            };
            parts.insert(at, fused);
        }
        if let [of] = inst.args[..]
            && !inst.mapped
            && pools_parts(&inst.op)
            && readers[of] == [at]
            && let Some(fused) = parts.remove(&of)
        {
            let pool = Some(at);
            parts.insert(at, Parts { pool, ..fused });
        }
    }
    let mut taken = BTreeSet::new();
    let with_weights = parts.into_values().map(|fused| {
        let weights = weights_beside(kernel, fused.split).filter(|_| fused.pool.is_none());
        let weights = weights.filter(|at| taken.insert(*at));
        Parts { weights, ..fused }
    });
    with_weights.map(|fused| (fused.first(), fused)).collect()
}

/// The weights of the bags of which an instruction gives the keys.
fn weights_beside(kernel: &Kernel, keys: usize) -> Option<usize> {
    let keys = &kernel.code[keys];
    let RowOp::BagKeys(bag) = keys.op else {
        return None;
    };
    kernel.code.iter().position(|inst| {
        inst.op == RowOp::BagWeights(bag) && !inst.mapped && inst.args == keys.args
    })
}

/// The split whose parts only this instruction reads, each for itself.
fn split_for(kernel: &Kernel, facts: &Facts, readers: &[Vec<usize>], at: usize) -> Option<usize> {
    let inst = &kernel.code[at];
    let [split] = inst.args[..] else {
        return None;
    };
    let of = &kernel.code[split];
    let fused = inst.mapped
        && reads_parts(&inst.op)
        && matches!(of.op, RowOp::Split(_) | RowOp::BagKeys(_))
        && !of.mapped
        && readers[split] == [at]
        && facts.class[split] == Class::Columns
        && !facts.scalar[split];
    fused.then_some(split)
}

fn facts(kernel: &Kernel, shape: &Shape) -> Facts {
    let mut facts = Facts {
        class: Vec::new(),
        nulls: Vec::new(),
        scalar: Vec::new(),
    };
    for (at, inst) in kernel.code.iter().enumerate() {
        let is_leaf = matches!(
            inst.op,
            RowOp::Column(_) | RowOp::Through(..) | RowOp::Const(_)
        );
        let scalar = match inst.op {
            RowOp::Column(_) | RowOp::Through(..) => false,
            _ => inst.args.iter().all(|arg| facts.scalar[*arg]),
        };
        let class = match (is_leaf, scalar) {
            (true, _) => Class::Leaf,
            (false, true) => Class::Columns,
            (false, false) => class(kernel, inst, &facts),
        };
        let nulls = match shape.leaves[at] {
            Some(leaf) => leaf.nulls || leaf.read == Read::GatheredOrAbsent,
            None => nulls(inst, class, &facts.nulls),
        };
        facts.class.push(class);
        facts.nulls.push(nulls);
        facts.scalar.push(scalar);
    }
    facts
}

fn class(kernel: &Kernel, inst: &Inst, facts: &Facts) -> Class {
    let whole = |arg: &usize| Lane::of(&kernel.code[*arg].ty.kind);
    let constant = |arg: &usize| matches!(kernel.code[*arg].op, RowOp::Const(_));
    // One value for all that is no constant is rare, and not worth a way of its own into a loop.
    if inst
        .args
        .iter()
        .any(|arg| facts.scalar[*arg] && !constant(arg))
    {
        return Class::Columns;
    }
    // A hash of columns alone has wider vectors than a loop of its own.
    let int = |arg: &usize| {
        let inst = &kernel.code[*arg];
        matches!(inst.op, RowOp::Column(_)) && whole(arg) == Some(Lane::Int)
    };
    if let RowOp::Hash { .. } | RowOp::Cross { .. } = inst.op
        && inst.args.iter().all(int)
    {
        return Class::Columns;
    }
    if !inst.mapped {
        let lanes: Vec<Option<Lane>> = inst.args.iter().map(whole).collect();
        return match Lane::of(&inst.ty.kind) {
            Some(result) if ops::supports(&inst.op, &lanes, result) => Class::Compiled(Space::Rows),
            Some(_) | None => Class::Columns,
        };
    }
    let Some((list, others)) = inst.args.split_first() else {
        return Class::Columns;
    };
    let mut lanes = vec![Lane::of_elements(&kernel.code[*list].ty.kind)];
    lanes.extend(others.iter().map(whole));
    // An element that becomes null is left out, and then the lists are others than those that the loop goes over.
    let keeps_all = others.iter().all(|arg| !facts.nulls[*arg]) && lanes[0].is_some();
    let frame = match facts.class[*list] {
        Class::Compiled(frame @ Space::Elements(_)) => frame,
        Class::Leaf | Class::Columns | Class::Compiled(Space::Rows) => Space::Elements(*list),
    };
    match Lane::of_elements(&inst.ty.kind) {
        Some(result)
            if keeps_all && !facts.scalar[*list] && ops::supports(&inst.op, &lanes, result) =>
        {
            Class::Compiled(frame)
        }
        Some(_) | None => Class::Columns,
    }
}

/// Whether values can be null. For code this is exact: a loop computes nulls where it says so and only there.
fn nulls(inst: &Inst, class: Class, known: &[bool]) -> bool {
    let of = |at: usize| inst.args.get(at).is_some_and(|arg| known[*arg]);
    let any = || inst.args.iter().any(|arg| known[*arg]);
    if inst.mapped {
        return of(0);
    }
    match &inst.op {
        RowOp::IsNull | RowOp::Cross { .. } | RowOp::Vocab(_) | RowOp::Const(_) => false,
        RowOp::Fill => of(0) && of(1),
        RowOp::Where => of(1) || of(2),
        RowOp::First
        | RowOp::Last
        | RowOp::ListMax
        | RowOp::ListMin
        | RowOp::Capture(_)
        | RowOp::Number
        | RowOp::Lookup(_)
        | RowOp::OfGroup(..) => true,
        RowOp::Column(_) | RowOp::Through(..) => class == Class::Leaf,
        _ => any(),
    }
}

/// What reads each instruction. An output of the kernel is read from behind its end.
fn readers(kernel: &Kernel) -> Vec<Vec<usize>> {
    let mut readers = vec![Vec::new(); kernel.code.len()];
    for (at, inst) in kernel.code.iter().enumerate() {
        inst.args.iter().for_each(|arg| readers[*arg].push(at));
    }
    for (_, at) in &kernel.outputs {
        readers[*at].push(usize::MAX);
    }
    readers
}

/// The earliest stage of each instruction: what is computed in one way and read in another is a stage before.
fn stages(kernel: &Kernel, facts: &Facts) -> Vec<usize> {
    let mut stages = vec![0; kernel.code.len()];
    for (at, inst) in kernel.code.iter().enumerate() {
        for arg in &inst.args {
            let apart = usize::from(facts.class[*arg] != facts.class[at]);
            if facts.class[*arg] != Class::Leaf {
                stages[at] = stages[at].max(stages[*arg] + apart);
            }
        }
    }
    stages
}

/// Instructions of one stage and space, those that read each other together.
fn pack(kernel: &Kernel, members: &[usize]) -> Vec<Vec<usize>> {
    // A forest: the root of a tree is its smallest instruction.
    let mut above: BTreeMap<usize, usize> = members.iter().map(|at| (*at, *at)).collect();
    for at in members {
        for arg in &kernel.code[*at].args {
            if above.contains_key(arg) {
                let (own, other) = (root(&mut above, *at), root(&mut above, *arg));
                above.insert(own.max(other), own.min(other));
            }
        }
    }
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in members {
        parts.entry(root(&mut above, *at)).or_default().push(*at);
    }
    let mut packs: Vec<Vec<usize>> = Vec::new();
    for part in parts.into_values() {
        match packs.last_mut() {
            Some(last) if last.len() + part.len() <= ENOUGH => last.extend(part),
            Some(_) | None => packs.push(part),
        }
    }
    packs.iter_mut().for_each(|pack| pack.sort_unstable());
    packs
}

fn root(above: &mut BTreeMap<usize, usize>, at: usize) -> usize {
    let mut root = at;
    while above[&root] != root {
        root = above[&root];
    }
    above.insert(at, root);
    root
}

fn island(
    kernel: &Kernel,
    shape: &Shape,
    facts: &Facts,
    readers: &[Vec<usize>],
    space: Space,
    code: Vec<usize>,
) -> Island {
    let mut inputs = BTreeMap::new();
    for at in &code {
        let inst = &kernel.code[*at];
        for (place, arg) in inst.args.iter().enumerate() {
            let constant = matches!(kernel.code[*arg].op, RowOp::Const(_));
            if constant || code.contains(arg) {
                continue;
            }
            let input = input(kernel, shape, facts, *arg, inst.mapped.then_some(place));
            // What only a test for null reads may be read as a value elsewhere.
            let lane = match inst.op {
                RowOp::IsNull => None,
                _ => input.lane,
            };
            let known = inputs.entry(*arg).or_insert(Input { lane, ..input });
            known.lane = known.lane.or(lane);
        }
    }
    let read_outside = |at: &usize| readers[*at].iter().any(|reader| !code.contains(reader));
    let outputs = code.iter().copied().filter(|at| read_outside(at));
    // Elements are never null; the lists that hold them may be, as the list that they come from.
    let nulls = |at: usize| space == Space::Rows && facts.nulls[at];
    Island {
        outputs: outputs.map(|at| (at, nulls(at))).collect(),
        space,
        inputs,
        code,
    }
}

/// How a loop reads a value; `place` is the place among the operands of a mapped op.
fn input(kernel: &Kernel, shape: &Shape, facts: &Facts, at: usize, place: Option<usize>) -> Input {
    let kind = &kernel.code[at].ty.kind;
    let never = |read| Leaf { nulls: false, read };
    match place {
        Some(0) => Input {
            lane: Lane::of_elements(kind),
            leaf: never(Read::Direct),
        },
        Some(_) => Input {
            lane: Lane::of(kind),
            leaf: never(Read::Gathered),
        },
        None => Input {
            lane: Lane::of(kind),
            leaf: shape.leaves[at].unwrap_or(Leaf {
                nulls: facts.nulls[at],
                read: Read::Direct,
            }),
        },
    }
}

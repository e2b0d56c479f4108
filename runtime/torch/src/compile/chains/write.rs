//! The steps of a chain.

use std::collections::{BTreeMap, BTreeSet};

use reckon_compiler::graph::{Elem, Graph, NodeId, Op};

use super::Run;
use super::reading::{Reading, Shape, two};
use crate::chain::{Chained, Operand};
use crate::compile::memory::Memory;
use crate::compile::{Reads, value_of};
use crate::kernels::chain::{Chain, From, One, Step, To, Two};

/// The steps of a run of nodes.
pub(in crate::compile) fn chain(
    reads: &Reads<'_>,
    memory: &Memory<'_>,
    schedule: &[NodeId],
    run: &Run,
) -> Chained {
    let mut writer = Writer {
        reading: Reading {
            reads,
            frame: &run.frame,
            part: schedule[run.part.clone()].iter().copied().collect(),
        },
        memory,
        steps: Vec::new(),
        registers: 0,
        places: BTreeMap::new(),
        softmaxes: Vec::new(),
        given: Vec::new(),
        checked: BTreeSet::new(),
    };
    let nodes = &schedule[run.range.clone()];
    let members: BTreeSet<NodeId> = nodes.iter().copied().collect();
    let graph = reads.graph;
    let elsewhere = schedule.iter().filter(|id| !members.contains(id));
    let read: BTreeSet<NodeId> = elsewhere
        .flat_map(|id| reads.of(*id))
        .chain(graph.outputs.iter().map(|(_, id)| *id))
        .map(|id| value_of(graph, id))
        .collect();
    let mut results = Vec::new();
    for id in nodes {
        let register = writer.node(*id);
        writer.places.insert(*id, register);
        if read.contains(id) {
            writer.steps.push(Step::Store {
                result: results.len(),
                from: register,
            });
            results.push((memory.slot(*id), graph.ty(*id).clone()));
        }
    }
    Chained {
        instructions: run.range.clone(),
        chain: Chain::packed(writer.steps),
        rows: run.frame.rows.clone(),
        width: run.frame.width,
        given: writer.given,
        places: writer.checked.into_iter().collect(),
        results,
    }
}

/// Nodes as steps on registers, each written once.
struct Writer<'a, 'g> {
    reading: Reading<'a, 'g>,
    memory: &'a Memory<'g>,
    steps: Vec<Step>,
    registers: usize,
    places: BTreeMap<NodeId, To>,
    /// Scores with their exponentials, sums and largest.
    softmaxes: Vec<(From, [usize; 3])>,
    given: Vec<Operand>,
    /// Operands that hold places in a row.
    checked: BTreeSet<usize>,
}

impl<'g> Writer<'_, 'g> {
    fn graph(&self) -> &'g Graph {
        self.reading.reads.graph
    }

    fn register(&mut self) -> usize {
        self.registers += 1;
        self.registers - 1
    }

    /// A register of the shape of a node.
    fn result(&mut self, id: NodeId) -> To {
        let at = self.register();
        if self.reading.is_matrix(id) {
            To::Matrix(at)
        } else {
            To::Column(at)
        }
    }

    /// The steps of a node; the register of its value.
    fn node(&mut self, id: NodeId) -> To {
        let node = self.graph().node(id);
        let operands = self.reading.reads.of(id);
        if self.reading.reads.fused.contains_key(&id) {
            return if node.op == Op::Select {
                self.relu_gradient(&operands)
            } else {
                self.xent_gradient(&operands)
            };
        }
        match &node.op {
            Op::SumOver(_) => {
                let of = self.from(operands[0]);
                let to = self.register();
                self.steps.push(Step::Sum { to, of });
                To::Column(to)
            }
            Op::Softmax(_) => {
                let of = self.from(operands[0]);
                let [exps, sums, _] = self.exps(of);
                let to = self.register();
                self.steps.push(Step::Shares { to, exps, sums });
                To::Matrix(to)
            }
            Op::SoftmaxXent => {
                let of = self.from(operands[0]);
                let place = self.place(operands[1]);
                let [_, sums, largest] = self.exps(of);
                let to = self.register();
                self.steps.push(Step::Xent {
                    to,
                    of,
                    sums,
                    largest,
                    place,
                });
                To::Column(to)
            }
            op => self.elementwise(id, op, &operands),
        }
    }

    fn elementwise(&mut self, id: NodeId, op: &Op, operands: &[NodeId]) -> To {
        let whole = self.graph().ty(operands[0]).elem == Elem::I64;
        let from: Vec<From> = operands.iter().map(|of| self.from(*of)).collect();
        let to = self.result(id);
        self.steps.push(match (op, &from[..]) {
            (Op::Select, [condition, a, b]) => Step::Select {
                to,
                condition: *condition,
                a: *a,
                b: *b,
            },
            (op, [a, b]) => {
                let op = two(op).expect("a step has an op");
                if whole {
                    Step::Whole(op, to, *a, *b)
                } else {
                    Step::Two(op, to, *a, *b)
                }
            }
            (op, _) => Step::One(one(op), to, from[0]),
        });
        to
    }

    /// `g` where `x` is above 0.
    fn relu_gradient(&mut self, operands: &[NodeId]) -> To {
        let (g, x) = (self.from(operands[0]), self.from(operands[1]));
        let above = self.register();
        self.steps
            .push(Step::Two(Two::Gt, To::Matrix(above), x, From::Number(0.0)));
        let to = To::Matrix(self.register());
        self.steps.push(Step::Select {
            to,
            condition: From::Matrix(above),
            a: g,
            b: From::Number(0.0),
        });
        to
    }

    fn xent_gradient(&mut self, operands: &[NodeId]) -> To {
        let (of, g) = (self.from(operands[0]), self.from(operands[1]));
        let place = self.place(operands[2]);
        let [exps, sums, _] = self.exps(of);
        let to = self.register();
        self.steps.push(Step::XentGradient {
            to,
            exps,
            sums,
            g,
            place,
        });
        To::Matrix(to)
    }

    /// The exponentials of scores, computed once.
    fn exps(&mut self, of: From) -> [usize; 3] {
        if let Some((_, known)) = self.softmaxes.iter().find(|(scores, _)| *scores == of) {
            return *known;
        }
        let [to, sums, largest] = [self.register(), self.register(), self.register()];
        self.steps.push(Step::Exps {
            to,
            sums,
            largest,
            of,
        });
        self.softmaxes.push((of, [to, sums, largest]));
        [to, sums, largest]
    }

    /// An operand that holds a place in each row.
    fn place(&mut self, id: NodeId) -> usize {
        let From::GivenColumn(place) = self.from(id) else {
            unreachable!("internal: places are an operand")
        };
        self.checked.insert(place);
        place
    }

    fn from(&mut self, id: NodeId) -> From {
        let graph = self.graph();
        let (source, shape) = self.reading.source(id).expect("operands were looked at");
        // What stands in the chain is whole only as it is read here.
        if let Some(register) = self.places.get(&source) {
            return match *register {
                To::Matrix(at) => From::Matrix(at),
                To::Column(at) => From::Column(at),
            };
        }
        let ty = graph.ty(source);
        if let (Op::Const(values), true) = (&graph.node(source).op, ty.elem == Elem::F32)
            && let Some(value) = values
                .first()
                .filter(|first| values.iter().all(|value| value == *first))
        {
            return From::Number(*value as f32);
        }
        let operand = Operand {
            slot: self.memory.slot(source),
            elem: ty.elem,
        };
        let at = self
            .given
            .iter()
            .position(|known| *known == operand)
            .unwrap_or_else(|| {
                self.given.push(operand);
                self.given.len() - 1
            });
        match shape {
            Shape::Matrix => From::GivenMatrix(at),
            Shape::Column => From::GivenColumn(at),
            Shape::Row => From::GivenRow(at),
            Shape::Number => From::GivenNumber(at),
        }
    }
}

fn one(op: &Op) -> One {
    match op {
        Op::Neg => One::Neg,
        Op::Abs => One::Abs,
        Op::Sqrt => One::Sqrt,
        Op::Relu => One::Relu,
        Op::Not => One::Not,
        _ => One::Copy,
    }
}

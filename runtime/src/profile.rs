//! Where the time of a run goes: what the nodes of its tensor programs take, and what passes outside of them.
//!
//! Every program belongs to a training, an evaluation or a column. Each of these has turns: the steps of a training, the
//! passes of the others over their rows. What is measured never decides what is computed.

mod events;
mod table;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use reckon_compiler::graph::{Graph, NodeId};
use reckon_grammar::span::{Sources, Span};
use reckon_torch::{Device, Error, NodeTime, Outputs};
use serde_json::Value;

/// Where tensor programs run, and what keeps how long they take.
#[derive(Clone, Copy)]
pub(crate) struct Machine<'a> {
    pub(crate) device: Device,
    /// Whether programs are those of a graphics card, whatever the device.
    pub(crate) as_cuda: bool,
    pub(crate) profile: Option<&'a Profile>,
}

/// To whom a program belongs, by name.
#[derive(Clone, Copy)]
pub(crate) enum Owner<'a> {
    Training(&'a str),
    Evaluation(&'a str),
    Column(&'a str),
}

/// What has been measured so far. A run has one thread that measures.
pub(crate) struct Profile {
    began: Instant,
    sections: RefCell<Vec<Section>>,
}

/// One program in a profile.
pub(crate) struct Watch<'a> {
    profile: &'a Profile,
    section: usize,
    program: usize,
}

/// A training, an evaluation or a column.
struct Section {
    title: String,
    /// What a turn is called.
    turn: &'static str,
    turns: usize,
    /// What all turns took.
    whole: Duration,
    /// Parts of it that no program is in, by name.
    parts: Vec<(&'static str, Duration)>,
    programs: Vec<Timed>,
}

/// A program and what its runs took.
struct Timed {
    graph: Graph,
    /// What asks for the program; the place of nodes that no other place of the spec asks for.
    span: Span,
    runs: usize,
    whole: Duration,
    /// By the index of the node.
    sums: Vec<Sum>,
    samples: Vec<Sample>,
}

/// What the calls of a node, or of several, came to.
#[derive(Clone, Copy, Default)]
struct Sum {
    calls: usize,
    time: Duration,
    bytes: u64,
}

/// A run of a program of which each node is kept.
struct Sample {
    /// Its number, from 1.
    run: usize,
    /// When it began, since the profile did.
    began: Duration,
    time: Duration,
    nodes: Vec<NodeTime>,
}

impl<'a> Machine<'a> {
    /// What keeps the times of a program, where they are kept.
    pub(crate) fn watch(self, owner: Owner<'_>, graph: &Graph, span: Span) -> Option<Watch<'a>> {
        let profile = self.profile?;
        let (section, program) =
            profile.with(owner, |at, section| (at, section.place(graph, span)));
        Some(Watch {
            profile,
            section,
            program,
        })
    }

    /// Does what is a turn of `owner`.
    pub(crate) fn turn<T>(self, owner: Owner<'_>, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        self.turned(owner, began);
        done
    }

    /// A turn of `owner` has ended that began then.
    pub(crate) fn turned(self, owner: Owner<'_>, began: Instant) {
        if let Some(profile) = self.profile {
            let took = began.elapsed();
            profile.with(owner, |_, section| {
                section.turns += 1;
                section.whole += took;
            });
        }
    }

    /// Does what is a part of a turn of `owner`, and no program.
    pub(crate) fn part<T>(
        self,
        owner: Owner<'_>,
        name: &'static str,
        work: impl FnOnce() -> T,
    ) -> T {
        let Some(profile) = self.profile else {
            return work();
        };
        let began = Instant::now();
        let done = work();
        let took = began.elapsed();
        profile.with(owner, |_, section| section.add_part(name, took));
        done
    }
}

impl Owner<'_> {
    fn title(self) -> String {
        match self {
            Self::Training(name) => format!("training `{name}`"),
            Self::Evaluation(name) => format!("evaluation `{name}`"),
            Self::Column(name) => format!("column `{name}`"),
        }
    }

    fn turn(self) -> &'static str {
        match self {
            Self::Training(_) => "step",
            Self::Evaluation(_) | Self::Column(_) => "pass",
        }
    }
}

impl Profile {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            sections: RefCell::default(),
        }
    }

    /// What was measured as a table, with the lines of these texts.
    pub(crate) fn table(&self, sources: &Sources) -> String {
        table::table(&self.sections.borrow(), sources)
    }

    /// The runs that were kept node by node, in Chrome's trace format.
    pub(crate) fn events(&self, sources: &Sources) -> Value {
        events::events(&self.sections.borrow(), sources)
    }

    /// The section of an owner with its number, made at need.
    fn with<T>(&self, owner: Owner<'_>, see: impl FnOnce(usize, &mut Section) -> T) -> T {
        let mut sections = self.sections.borrow_mut();
        let title = owner.title();
        let at = sections.iter().position(|one| one.title == title);
        let at = at.unwrap_or_else(|| {
            sections.push(Section::new(title, owner.turn()));
            sections.len() - 1
        });
        see(at, &mut sections[at])
    }
}

impl Watch<'_> {
    /// Runs the program and keeps what its nodes took.
    pub(crate) fn run(
        &self,
        run: impl FnOnce() -> Result<(Outputs, Vec<NodeTime>), Error>,
    ) -> Result<Outputs, Error> {
        let began = self.profile.began.elapsed();
        let (outputs, nodes) = run()?;
        let time = self.profile.began.elapsed() - began;
        let mut sections = self.profile.sections.borrow_mut();
        sections[self.section].programs[self.program].add(began, time, nodes);
        Ok(outputs)
    }
}

impl Section {
    fn new(title: String, turn: &'static str) -> Self {
        Self {
            title,
            turn,
            turns: 0,
            whole: Duration::ZERO,
            parts: Vec::new(),
            programs: Vec::new(),
        }
    }

    /// The number of a program. What is compiled anew, for each day or each fold, keeps its number.
    fn place(&mut self, graph: &Graph, span: Span) -> usize {
        let same = |one: &Timed| {
            let (one, other) = (&one.graph, graph);
            one.name == other.name && one.outputs == other.outputs && one.ids().eq(other.ids())
        };
        let found = self.programs.iter().position(same);
        found.unwrap_or_else(|| {
            self.programs.push(Timed::new(graph.clone(), span));
            self.programs.len() - 1
        })
    }

    fn add_part(&mut self, name: &'static str, took: Duration) {
        match self.parts.iter_mut().find(|(other, _)| *other == name) {
            Some((_, sum)) => *sum += took,
            None => self.parts.push((name, took)),
        }
    }
}

impl Timed {
    fn new(graph: Graph, span: Span) -> Self {
        let nodes = graph.ids().map(|id| id.index() + 1).max().unwrap_or(0);
        Self {
            graph,
            span,
            runs: 0,
            whole: Duration::ZERO,
            sums: vec![Sum::default(); nodes],
            samples: Vec::new(),
        }
    }

    fn add(&mut self, began: Duration, time: Duration, nodes: Vec<NodeTime>) {
        self.runs += 1;
        self.whole += time;
        for node in &nodes {
            self.sums[node.node.index()].add(Sum {
                calls: 1,
                time: node.time,
                bytes: node.bytes as u64,
            });
        }
        // The first, the tenth, the hundredth and so on: a trace stays small however long the run is.
        if 10_usize.pow(self.runs.ilog10()) == self.runs {
            self.samples.push(Sample {
                run: self.runs,
                began,
                time,
                nodes,
            });
        }
    }

    /// The nodes that have run, with what they took.
    fn nodes(&self) -> impl Iterator<Item = (NodeId, Sum)> {
        let sums = self.graph.ids().map(|id| (id, self.sums[id.index()]));
        sums.filter(|(_, sum)| sum.calls > 0)
    }

    /// Where the spec asks for a node.
    fn place_of(&self, id: NodeId) -> Span {
        self.graph.node(id).site.call.unwrap_or(self.span)
    }
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.time += other.time;
        self.bytes += other.bytes;
    }
}

/// `main.rec:12`
fn line_of(sources: &Sources, span: Span) -> String {
    let (line, _) = sources.line_column(span.file, span.start);
    format!("{}:{line}", sources.file(span.file).name)
}

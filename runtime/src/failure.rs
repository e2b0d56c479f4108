//! Why a run ends without a result.

use reckon_compiler::plan::Plan;
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::{FileId, Span};

/// A loss or a gradient norm that is not finite.
pub(crate) const DIVERGED: Code = Code(1020);
/// A tensor program that libtorch refused.
pub(crate) const PROGRAM: Code = Code(1021);
/// A file of the run directory that cannot be written or read.
pub(crate) const RUN_FOLDER: Code = Code(1022);
/// A device that is not there.
pub(crate) const DEVICE: Code = Code(1023);
/// A name of the plan that leads nowhere: a metric, an evaluation, a part of a split.
pub(crate) const NAME: Code = Code(1024);
/// A stream or a part of a split without rows.
pub(crate) const NO_ROWS: Code = Code(1025);
/// A weight below 0, or a label that is neither 0 nor 1 nor between them.
pub(crate) const RANGE: Code = Code(1026);
/// No checkpoint where one is asked for.
pub(crate) const NO_CHECKPOINT: Code = Code(1030);
/// A checkpoint whose files are not those that were written.
pub(crate) const DAMAGED: Code = Code(1031);
/// A checkpoint of another model or of other data.
pub(crate) const MISFIT: Code = Code(1032);

/// Why a run ended, with what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What kind of failure it is; decides the exit status.
    pub kind: FailureKind,
    /// What was found; empty for an interruption.
    pub diagnostics: Vec<Diagnostic>,
}

/// The kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The data or the device is at fault.
    Data,
    /// Training made a NaN or an infinity.
    Diverged,
    /// A checkpoint is missing, damaged or of another model.
    Checkpoint,
    /// Stopped from outside, after a clean checkpoint.
    Interrupted,
}

impl Failure {
    /// A failure with one finding.
    pub(crate) fn new(kind: FailureKind, diagnostic: Diagnostic) -> Self {
        Self {
            kind,
            diagnostics: vec![diagnostic],
        }
    }

    /// Findings about the data.
    pub(crate) fn data(diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            kind: FailureKind::Data,
            diagnostics,
        }
    }

    /// A stop from outside.
    pub(crate) fn interrupted() -> Self {
        Self {
            kind: FailureKind::Interrupted,
            diagnostics: Vec::new(),
        }
    }
}

/// The place of findings that concern a run as a whole: the beginning of the spec's first file.
pub(crate) fn whole_spec(plan: &Plan) -> Span {
    let file = plan
        .sources
        .first()
        .map_or(FileId(0), |source| source.span.file);
    Span::new(file, 0, 0)
}

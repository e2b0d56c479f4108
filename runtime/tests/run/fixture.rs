//! A small world in which every user likes the films of one cluster, and runs in it.

mod plan;
mod programs;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::Plan;
use reckon_compiler::world::Texts;
use reckon_grammar::span::Sources;
use reckon_runtime::evaluate::Report;
use reckon_runtime::observer::{Observer, Recorder};
use reckon_runtime::run::{DeviceName, RunOptions, RunResult, Spec, eval, run};
use reckon_runtime::{Failure, FailureKind};

pub(crate) use plan::plan;
pub(crate) use programs::step;

pub(crate) const USERS: usize = 40;
pub(crate) const MOVIES: usize = 30;
const CLUSTERS: usize = 3;

/// A folder with data, and runs beside it.
pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) interrupted: AtomicBool,
    sources: Sources,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self {
            folder,
            interrupted: AtomicBool::new(false),
            sources: texts(),
        };
        fs::write(world.path("users.csv"), users()).unwrap();
        fs::write(world.path("movies.csv"), movies()).unwrap();
        fs::write(world.path("ratings.csv"), ratings()).unwrap();
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a plan into the directory of this name.
    pub(crate) fn run(
        &self,
        plan: &Plan,
        out: &str,
        adjust: impl FnOnce(&mut RunOptions<'_>),
        observer: &mut dyn Observer,
    ) -> Result<RunResult, Failure> {
        let (file, out) = (self.path("two_tower.rec"), self.path(out));
        let spec = Spec {
            plan,
            sources: &self.sources,
            file: &file,
            resolved: "setting dim = 8\n",
            plan_text: "plan\n",
        };
        let mut options = RunOptions {
            out: Some(&out),
            seed: 7,
            device: DeviceName::Cpu,
            resume: false,
            threads: 1,
            interrupted: &self.interrupted,
            memory: None,
            profile: false,
        };
        adjust(&mut options);
        run(&spec, &options, observer)
    }

    /// Runs a plan into the directory of this name until the observer stops it.
    pub(crate) fn stopped(&self, plan: &Plan, out: &str, stop: &mut dyn Observer) {
        let stopped = self.run(plan, out, |_| {}, stop);
        assert_eq!(stopped.unwrap_err().kind, FailureKind::Interrupted);
        self.interrupted.store(false, Ordering::Relaxed);
    }

    /// Goes on with a run that was stopped; what is seen from there on.
    pub(crate) fn resumed(&self, plan: &Plan, out: &str) -> Recorder {
        let mut recorder = Recorder::default();
        self.run(plan, out, |options| options.resume = true, &mut recorder)
            .unwrap();
        recorder
    }

    /// Evaluates a finished run of the plan again, on a part of its split.
    pub(crate) fn eval(&self, plan: &Plan, run: &str, split: &str) -> Result<Vec<Report>, Failure> {
        self.eval_on(DeviceName::Cpu, plan, run, split)
    }

    /// As [`World::eval`], on a device.
    pub(crate) fn eval_on(
        &self,
        device: DeviceName,
        plan: &Plan,
        run: &str,
        split: &str,
    ) -> Result<Vec<Report>, Failure> {
        eval(&self.path(run), plan, self.root(), split, device)
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }
}

fn texts() -> Sources {
    let mut sources = Sources::default();
    sources.add("two_tower.rec", "setting dim = 8\n");
    sources.add("std/prelude.rec", "\n");
    sources
}

fn users() -> String {
    (0..USERS).fold("user_id\n".to_owned(), |text, user| {
        text + &format!("{}\n", 100 + user)
    })
}

fn movies() -> String {
    (0..MOVIES).fold("movie_id,title\n".to_owned(), |text, movie| {
        text + &format!("{movie},Film {movie}\n")
    })
}

/// Twenty films a user at different times: those of the user's cluster are liked.
fn ratings() -> String {
    let mut text = "user_id,movie_id,stars,at\n".to_owned();
    for user in 0..USERS {
        for turn in 0..20 {
            let movie = (turn * 7 + user * 11) % MOVIES;
            let stars = if movie % CLUSTERS == user % CLUSTERS {
                5
            } else {
                4 - (turn % 3)
            };
            text += &format!("{},{movie},{stars},{}\n", 100 + user, 1_000 * turn + user);
        }
    }
    text
}

/// The plan of a spec that holds.
pub(crate) fn compiled(text: &str) -> Plan {
    let texts = Texts([("main.rec".to_owned(), text.to_owned())].into());
    let checked = check(&texts, "main.rec", &[]);
    let errors: Vec<_> = checked
        .diagnostics
        .iter()
        .filter(|found| found.is_error())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    compile(&checked.hir.unwrap()).unwrap()
}

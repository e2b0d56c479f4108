//! A few generated ratings, on which every model of the examples trains in a moment.

use std::fmt::Write;
use std::fs;

const USERS: usize = 24;
const MOVIES: usize = 30;

/// A folder with films of three kinds and viewers who like one or two of them.
pub(crate) fn ratings() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut users = "user_id,age,gender,occupation\n".to_owned();
    let mut movies = "movie_id,title,year,genres\n".to_owned();
    let mut ratings = "user_id,movie_id,stars,at\n".to_owned();
    for movie in 0..MOVIES {
        let kind = ["Drama", "Comedy|Romance", "Action"][movie % 3];
        writeln!(movies, "{movie},Film {movie},{},{kind}", 1950 + movie).unwrap();
    }
    for user in 0..USERS {
        let job = ["writer", "engineer"][user % 2];
        writeln!(users, "{user},{},M,{job}", 15 + user).unwrap();
        for turn in 0..20 {
            let movie = (turn * 7 + user * 11) % MOVIES;
            let liked = [user % 3, user % 2].contains(&(movie % 3));
            let stars = if liked { 4 + turn % 2 } else { 1 + turn % 4 };
            writeln!(ratings, "{user},{movie},{stars},{}", 1_000 * turn + user).unwrap();
        }
    }
    fs::write(folder.path().join("users.csv"), users).unwrap();
    fs::write(folder.path().join("movies.csv"), movies).unwrap();
    fs::write(folder.path().join("ratings.csv"), ratings).unwrap();
    folder
}

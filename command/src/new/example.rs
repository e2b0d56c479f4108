//! A small library whose readers have tastes: data for a first example, the same each time.

/// Words of titles, forty books for each genre.
const FIRST: [&str; 20] = [
    "Quiet", "Second", "Burning", "Paper", "Northern", "Hidden", "Silver", "Last", "Patient",
    "Hollow", "Early", "Broken", "Distant", "Golden", "Bitter", "Open", "Small", "Winding", "Lost",
    "Rising",
];
const SECOND: [&str; 12] = [
    "Harbour", "Orchard", "Engine", "Letter", "Witness", "Garden", "Signal", "Winter", "Bridge",
    "Mirror", "Island", "Promise",
];
const GENRES: [&str; 6] = ["crime", "history", "nature", "poetry", "romance", "science"];
const COUNTRIES: [&str; 4] = ["DE", "FR", "KE", "PE"];

const READERS: u64 = 400;
const LOANS_A_READER: u64 = 20;
/// 1 January 2024, and the seconds between two loans of a reader.
const START: u64 = 1_704_067_200;
const PAUSE: u64 = 86_400;

/// Names and texts of the files.
pub(super) fn files() -> [(&'static str, String); 3] {
    [
        ("books.csv", books()),
        ("loans.csv", loans()),
        ("readers.csv", readers()),
    ]
}

fn books() -> String {
    let mut out = "book_id,title,year,genres\n".to_owned();
    for (book, (first, second)) in titles().enumerate() {
        let book = book as u64;
        let (genre, other) = genres(book);
        let genres = if genre == other {
            genre.to_owned()
        } else {
            format!("{genre}|{other}")
        };
        let year = 1950 + mix(book, 1) % 74;
        out += &format!("{},The {first} {second},{year},{genres}\n", book + 1);
    }
    out
}

fn titles() -> impl Iterator<Item = (&'static str, &'static str)> {
    FIRST
        .into_iter()
        .flat_map(|first| SECOND.into_iter().map(move |second| (first, second)))
}

fn genres(book: u64) -> (&'static str, &'static str) {
    (
        GENRES[book as usize % GENRES.len()],
        GENRES[(mix(book, 2) % GENRES.len() as u64) as usize],
    )
}

fn readers() -> String {
    let mut out = "reader_id,age,country\n".to_owned();
    for reader in 0..READERS {
        let age = 16 + mix(reader, 3) % 60;
        let country = COUNTRIES[(mix(reader, 4) % COUNTRIES.len() as u64) as usize];
        out += &format!("{},{age},{country}\n", reader + 1);
    }
    out
}

/// Four of five loans are of the reader's favourite genre, and those please more.
fn loans() -> String {
    let count = (FIRST.len() * SECOND.len()) as u64;
    let mut out = "reader_id,book_id,stars,at\n".to_owned();
    for reader in 0..READERS {
        let favourite = GENRES[(mix(reader, 5) % GENRES.len() as u64) as usize];
        let mut taken = Vec::new();
        for loan in 0..LOANS_A_READER {
            let draw = |place: u64| mix(reader * LOANS_A_READER + loan, place);
            let by_taste = draw(6) % 5 < 4;
            // The smaller of two draws makes the first books of the list the popular ones.
            let candidates =
                (0..200).map(|at| (draw(100 + at) % count).min(draw(300 + at) % count));
            let book = candidates
                .into_iter()
                .find(|book| !taken.contains(book) && (!by_taste || genres(*book).0 == favourite))
                .unwrap_or(loan % count);
            if taken.contains(&book) {
                continue;
            }
            taken.push(book);
            let stars = if genres(book).0 == favourite {
                3 + draw(7) % 3
            } else {
                1 + draw(7) % 4
            };
            let at = START + loan * PAUSE + draw(8) % PAUSE;
            out += &format!("{},{},{stars},{at}\n", reader + 1, book + 1);
        }
    }
    out
}

/// A number that looks random, from a subject and a place (the finaliser of MurmurHash3 over both).
fn mix(subject: u64, place: u64) -> u64 {
    let mut x =
        subject.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ place.wrapping_mul(0xD1B5_4A32_D192_ED03);
    x = (x ^ (x >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    x = (x ^ (x >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    (x ^ (x >> 33)) >> 8
}

#[cfg(test)]
mod tests {
    use super::{books, loans, readers};

    #[test]
    fn the_library_has_books_readers_and_loans() {
        assert_eq!(
            books().lines().nth(1),
            Some("1,The Quiet Harbour,2003,crime|nature")
        );
        assert_eq!(readers().lines().count(), 401);
        assert!(loans().lines().count() > 7_000);
    }
}

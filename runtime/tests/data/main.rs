//! From files to batches, and everything that can be wrong with the files.

#![allow(clippy::unwrap_used)]

mod ago;
mod all_faults;
mod assemble;
mod bags;
mod condition;
mod corrupted;
mod domains;
mod faults;
mod fit;
mod formats;
mod inspect;
mod known;
mod load;
mod look;
mod selected;
mod spec;
mod split;
mod unread;
mod versions;

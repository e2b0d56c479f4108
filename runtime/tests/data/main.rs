//! From files to batches, and everything that can be wrong with the files.

mod assemble;
mod faults;
mod fit;
mod load;
mod spec;
mod split;
